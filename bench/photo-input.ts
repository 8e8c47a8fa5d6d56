// Pictures for a benchmark: those of a data folder, or generated ones. Repeats are made distinct by bytes behind the
// end of the picture, so that each costs a whole decode and is another content.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateCorpus } from '../cli/corpus/index.ts';

/** `count` distinct contents. */
export async function photoInput(options: {
  readonly data: string | undefined;
  readonly folder: string;
  readonly count: number;
}): Promise<readonly Uint8Array[]> {
  const files =
    options.data === undefined
      ? await generated(options.folder, options.count)
      : await photographs(options.data);
  const contents: Uint8Array[] = [];
  for (let at = 0; at < options.count; at++) {
    const bytes = files[at % files.length];
    if (bytes === undefined) throw new Error('there are no pictures to run on');
    const round = Math.floor(at / files.length);
    contents.push(round === 0 ? bytes : Buffer.concat([bytes, Buffer.from(`#${round}`)]));
  }
  return contents;
}

async function photographs(data: string): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const folder of ['photos', 'clothing']) {
    const entries = await readdir(join(data, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    const paths = entries.filter((entry) => entry.isFile() && /\.jpe?g$/i.test(entry.name));
    for (const entry of paths.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      found.push(await readFile(join(entry.parentPath, entry.name)));
    }
  }
  return found;
}

async function generated(folder: string, count: number): Promise<readonly Uint8Array[]> {
  const { items } = await generateCorpus({
    directory: folder,
    count: Math.max(100, Math.min(count, 600)),
    seed: 1,
  });
  const scenes = items.filter(({ truth }) => truth === 'scene');
  return Promise.all(scenes.map(({ path }) => readFile(path)));
}
