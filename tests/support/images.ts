// Test pictures with known truth, the same bytes for the same count and seed: distinct scenes, their copies, flat and
// corrupt files and a refused source. They are the demo's own, made small enough that a run takes seconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CorpusItem, generateCorpus, REFUSED_SOURCE, type Truth } from '../../cli/corpus/index.ts';

/** Pictures in a folder. */
export interface Pictures {
  readonly items: readonly CorpusItem[];
  /** The items of one sort, in the order of their ids. */
  of(truth: Truth): readonly CorpusItem[];
}

/** Pictures in a temporary folder, which disposing removes. */
export interface TestPictures extends Pictures, AsyncDisposable {
  readonly folder: string;
}

/** Makes `count` pictures (at least 20); 120 take about 2 s. */
export async function testPictures(count: number, seed = 1): Promise<TestPictures> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-pictures-'));
  const { items } = await generateCorpus({ directory: folder, count, seed });
  return {
    ...picturesOf(items),
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Pictures that are there already. */
export function picturesOf(items: readonly CorpusItem[]): Pictures {
  return {
    items,
    of: (truth) =>
      items.filter((item) => item.truth === truth).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
  };
}

/** Configuration of a system in which the pictures' refused source is refused. */
export const PICTURES_CONFIG = {
  version: 1,
  datasets: { photos: { governance: { refuseSources: [REFUSED_SOURCE] } } },
} as const;
