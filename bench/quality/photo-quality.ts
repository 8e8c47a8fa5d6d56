// Precision and recall of each edit of photographs that are all different, per model, with pHash within 10 bits alone
// as the baseline. Only relations that drop or group count; false pairs are counted over all pairs of different photos.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DedupEngine, type VerifiedEdge } from '../../actors/dedup/index.ts';
import { type PairThresholds, relationOf } from '../../actors/dedup/relation.ts';
import { compareImages, imageIndexes } from '../../actors/image/image-dedup.ts';
import { DEFAULT_PIXEL_THRESHOLD } from '../../actors/image/index.ts';
import { EDIT_NAMES, type EditName, editedPhoto, HARD_EDITS } from '../../cli/calibrate/picture-edits.ts';
import type { BenchOptions, Metric, Metrics } from '../contract.ts';
import type { ModelName, PictureFacts, PictureReader } from './picture-facts.ts';
import { share } from './scores.ts';

/** A photograph or one of its edits. */
interface Shown {
  readonly photo: number;
  readonly edit: EditName | 'original';
}

/** Two pictures that are said to be one. */
type Claimed = readonly [Shown, Shown];

/** Pairs by who says so. */
type Verdicts = Readonly<Record<ModelName | 'phash10', readonly Claimed[]>>;

/** What a pair means, and the cosine from which vectors propose one beside the hashes. */
export interface ModelThresholds extends PairThresholds {
  readonly candidates: number;
}

const PIXELS = { near: DEFAULT_PIXEL_THRESHOLD, review: 0.08 };

/**
 * The small model only proposes: its pairs are confirmed by pixels. SqueezeNet's vectors confirm from 0.95, as its
 * description says, and group from 0.80: no two different photographs of these reach 0.79.
 */
export const THRESHOLDS: Readonly<Record<ModelName, ModelThresholds>> = {
  tiny: { candidates: 0.8, pixels: PIXELS, vectors: { near: null, review: null, semantic: null } },
  squeezenet: { candidates: 0.8, pixels: PIXELS, vectors: { near: 0.95, review: null, semantic: 0.8 } },
};

const PHASH_BASELINE = 10;
const QUICK_PHOTOS = 20;

export async function photoQuality(
  reader: PictureReader,
  data: string,
  { quick, note }: BenchOptions,
): Promise<Metrics> {
  const pictures = await readPictures(reader, data, quick ? QUICK_PHOTOS : Number.POSITIVE_INFINITY, note);
  const verdicts: Verdicts = {
    tiny: await confirmed(pictures, 'tiny'),
    squeezenet: await confirmed(pictures, 'squeezenet'),
    phash10: withinPhash(pictures),
  };
  const photos = new Set([...pictures.values()].map(({ shown }) => shown.photo)).size;
  const metrics: Record<string, Metric> = {};
  note(`\n${photos} photographs; precision and recall, and false pairs in brackets`);
  note(row('edit', Object.keys(verdicts)));
  for (const [name, edits] of [
    ...EDIT_NAMES.map((edit) => [edit, [edit]] as const),
    ['hard', HARD_EDITS] as const,
  ]) {
    const scores = Object.entries(verdicts).map(
      ([by, claimed]) => [by, scoreOf(claimed, edits, photos)] as const,
    );
    for (const [by, { precision, recall }] of scores) {
      metrics[`quality.${by}.${name}.precision`] = precision;
      metrics[`quality.${by}.${name}.recall`] = recall;
    }
    note(
      row(
        name,
        scores.map(
          ([, { precision, recall, wrong }]) =>
            `${precision.value.toFixed(4)} ${recall.value.toFixed(4)} (${wrong})`,
        ),
      ),
    );
  }
  return metrics;
}

interface Picture {
  readonly shown: Shown;
  readonly facts: PictureFacts;
}

/** By content: no two edits of different photos have the same bytes. */
async function readPictures(
  reader: PictureReader,
  data: string,
  limit: number,
  note: (line: string) => void,
): Promise<ReadonlyMap<string, Picture>> {
  const names = (await readdir(join(data, 'photos'))).filter((name) => /\.jpe?g$/i.test(name)).sort();
  const pictures = new Map<string, Picture>();
  for (const [photo, name] of names.slice(0, limit).entries()) {
    const original = await readFile(join(data, 'photos', name));
    const add = async (edit: Shown['edit'], bytes: Uint8Array) => {
      const facts = await reader.read(bytes);
      pictures.set(facts.content, { shown: { photo, edit }, facts });
    };
    await add('original', original);
    for (const edit of EDIT_NAMES) await add(edit, await editedPhoto(original, edit));
    if (photo % 50 === 49) note(`read ${photo + 1} photographs with their edits`);
  }
  return pictures;
}

async function confirmed(
  pictures: ReadonlyMap<string, Picture>,
  model: ModelName,
): Promise<readonly Claimed[]> {
  const thresholds = THRESHOLDS[model];
  const edges = await imageEdges(
    [...pictures.values()].map(({ facts }) => facts),
    model,
    thresholds,
  );
  return edges
    .filter((edge) => isConfirmed(edge, thresholds))
    .map(({ a, b }) => [pictures.get(a)?.shown as Shown, pictures.get(b)?.shown as Shown]);
}

/** Whether the pair's relation drops or groups. */
export function isConfirmed(edge: VerifiedEdge, thresholds: PairThresholds): boolean {
  const relation = relationOf(edge, thresholds);
  return relation !== undefined && relation !== 'uncertain';
}

/** The verified edges among pictures, by the engine. */
export async function imageEdges(
  pictures: readonly PictureFacts[],
  model: ModelName,
  { candidates }: ModelThresholds,
): Promise<readonly VerifiedEdge[]> {
  const byContent = new Map(pictures.map((facts) => [facts.content, facts]));
  const dimension = pictures[0]?.vectors[model]?.length ?? 1;
  const engine = new DedupEngine({
    indexes: imageIndexes({ vectors: { dimension, threshold: candidates } }),
    shards: 4,
    verify: (pair) => {
      const [a, b] = [byContent.get(pair.a), byContent.get(pair.b)];
      if (a === undefined || b === undefined) return undefined;
      return { ...compareImages(pair, a.proxy, b.proxy), similarity: pair.similarity };
    },
  });
  for (let from = 0; from < pictures.length; from += 32) {
    const batch = pictures.slice(from, from + 32);
    await engine.add(
      batch.map(({ content, hashes, vectors }) => {
        const vector = vectors[model];
        return { content, hashes, ...(vector !== undefined && { vector }) };
      }),
    );
  }
  return engine.edges();
}

function withinPhash(pictures: ReadonlyMap<string, Picture>): readonly Claimed[] {
  const all = [...pictures.values()].map(({ shown, facts }) => {
    const phash = BigInt(`0x${facts.hashes.phash ?? '0'}`);
    return {
      shown,
      high: Number(phash >> 32n),
      low: Number(phash & 0xffff_ffffn),
      has: 'phash' in facts.hashes,
    };
  });
  const claimed: Claimed[] = [];
  for (const [at, one] of all.entries()) {
    for (const other of all.slice(at + 1)) {
      const bits = bitCount(one.high ^ other.high) + bitCount(one.low ^ other.low);
      if (one.has && other.has && bits <= PHASH_BASELINE) claimed.push([one.shown, other.shown]);
    }
  }
  return claimed;
}

function scoreOf(claimed: readonly Claimed[], edits: readonly EditName[], photos: number) {
  const shows = ({ edit }: Shown) => edit === 'original' || edits.includes(edit);
  const here = claimed.filter(([one, other]) => shows(one) && shows(other));
  const right = here.filter(
    ([one, other]) => one.photo === other.photo && (one.edit === 'original') !== (other.edit === 'original'),
  ).length;
  const wrong = here.filter(([one, other]) => one.photo !== other.photo).length;
  return { precision: share(right, right + wrong), recall: share(right, photos * edits.length), wrong };
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((cell) => cell.padEnd(22)).join('');
}

function bitCount(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count += 1;
  return count;
}
