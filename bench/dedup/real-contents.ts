// Real pictures as an ingestor would describe them, from a folder laid out as shared/data: those that are in the collection,
// and edits of some of them, which are claimed and must be found.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ContentKeys } from '../../actors/dedup/index.ts';
import { imageHashes } from '../../actors/image/image-dedup.ts';
import { analyseImage } from '../../actors/image/index.ts';
import { type EditName, editedPhoto } from '../../cli/calibrate/picture-edits.ts';
import { BenchRefused } from '../contract.ts';

const FOLDERS = ['photos', 'clothing', 'cifar', 'edits'];
/** One of them is made of each edited picture, in turn. */
const EDITS: readonly EditName[] = ['reencode', 'resize', 'brighten', 'flip', 'rotate90'];
/** Of the photographs all are edited, of the product photographs one in so many. */
const EDITED_SHARE: Readonly<Record<string, number>> = { photos: 1, clothing: 4 };
const LIMITS = { maxPixels: 100_000_000, maxBytes: 64 * 1024 * 1024 };

const goldenSchema = z.object({
  hashes: z.record(z.string(), z.tuple([z.string().nullable(), z.string().nullable()])),
});

export interface RealContents {
  readonly stored: readonly ContentKeys[];
  /** Each with the stored content that it is an edit of. */
  readonly planted: readonly { readonly content: ContentKeys; readonly of: string }[];
}

/**
 * Hashes all pictures of a folder, and edits.
 * @param quick Only some of the photographs.
 * @throws BenchRefused when there are no pictures, Error when a hash is not that of Python's imagehash
 */
export async function realContents(
  data: string,
  { quick, note }: { readonly quick: boolean; readonly note: (line: string) => void },
): Promise<RealContents> {
  const golden = await goldenHashes(data);
  const stored = new Map<string, ContentKeys>();
  const planted: { content: ContentKeys; of: string }[] = [];
  let compared = 0;
  for (const folder of quick ? ['photos'] : FOLDERS) {
    const files = (await picturesIn(join(data, folder))).slice(0, quick ? 40 : undefined);
    const share = EDITED_SHARE[folder];
    for (const [at, name] of files.entries()) {
      const bytes = await readFile(join(data, folder, name));
      const content = await described(bytes);
      if (content === undefined) continue;
      stored.set(content.content, content);
      compared += compareWithGolden(`${folder}/${name}`, content, golden);
      if (share === undefined || at % share !== 0) continue;
      const edit = EDITS[planted.length % EDITS.length] as EditName;
      const edited = await described(await editedPhoto(bytes, edit));
      if (edited !== undefined) planted.push({ content: edited, of: content.content });
    }
  }
  if (stored.size === 0) throw new BenchRefused(`no pictures are in ${FOLDERS.join(', ')} of ${data}`);
  note(
    `${stored.size} real pictures, of ${compared} the hashes equal the reference's; ${planted.length} edits of them`,
  );
  return { stored: [...stored.values()], planted };
}

/** Undefined for a picture whose hashes are mostly noise: it is in no index. */
async function described(bytes: Uint8Array): Promise<ContentKeys | undefined> {
  const analysis = await analyseImage(bytes, LIMITS);
  if (analysis.lowInformation) return undefined;
  const { sha256 } = analysis;
  return {
    content: sha256,
    hashes: imageHashes(analysis),
    keys: [sha256.slice(16, 32), sha256.slice(32, 48)],
  };
}

async function picturesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) => /\.jpe?g$/i.test(name)).sort();
}

/** None where the folder has no such file. */
async function goldenHashes(data: string): Promise<z.infer<typeof goldenSchema>['hashes']> {
  const text = await readFile(join(data, 'golden-hashes.json'), 'utf8').catch(() => undefined);
  return text === undefined ? {} : goldenSchema.parse(JSON.parse(text)).hashes;
}

/** @returns 1 where the reference has both hashes, else 0 */
function compareWithGolden(
  name: string,
  { hashes = {} }: ContentKeys,
  golden: z.infer<typeof goldenSchema>['hashes'],
): 0 | 1 {
  const [phash = null, dhash = null] = golden[name] ?? [];
  if (phash === null || dhash === null) return 0;
  if (hashes.phash !== phash || hashes.dhash !== dhash) {
    throw new Error(
      `${name}: expected ${phash} and ${dhash} as Python's imagehash has them, got ${hashes.phash} and ${hashes.dhash}`,
    );
  }
  return 1;
}
