// Fills the shared cache with the vectors that a manifest's contents have in their dataset, as they were made for it: no
// model runs. What is erased meanwhile does not stay.
import { type ManifestRow, type RecordedVersions, recordedVectorKey } from '#actors';
import type { BlobStore } from '#runtime';

/** Contents that are read and written at once. */
const AT_ONCE = 64;

export interface WarmOptions {
  readonly rows: AsyncIterable<Pick<ManifestRow, 'content'>>;
  /** What the vectors are made by, as the manifest records it. */
  readonly versions: RecordedVersions;
  /** Those of the dataset. */
  readonly vectors: Pick<BlobStore, 'get' | 'has'>;
  readonly cache: Pick<BlobStore, 'put' | 'has' | 'delete'>;
  /** Ends it between two steps; what is in the cache by then stays. */
  readonly signal: AbortSignal;
  readonly onProgress?: (counts: WarmCounts) => void;
}

/** Contents, each counted once. */
export interface WarmCounts {
  readonly added: number;
  /** They were in the cache already. */
  readonly present: number;
  /** The dataset has no vector of them by this model any more: they are erased. */
  readonly missing: number;
  /** The cache did not take them. */
  readonly refused: number;
}

export async function warmCache(options: WarmOptions): Promise<WarmCounts> {
  const { versions, vectors, cache, signal, onProgress } = options;
  const counts = { added: 0, present: 0, missing: 0, refused: 0 };
  const warm = async (content: string): Promise<keyof WarmCounts> => {
    const key = recordedVectorKey(versions, content);
    if (await cache.has(key)) return 'present';
    const bytes = await vectors.get(key);
    if (bytes === undefined) return 'missing';
    const isNew = await cache.put(key, bytes);
    if (!isNew && !(await cache.has(key))) return 'refused';
    // An erasure deletes from the dataset first: what is gone from there by now, it may have deleted here before.
    if (await vectors.has(key)) return 'added';
    await cache.delete(key);
    return 'missing';
  };
  for await (const contents of distinctContents(options.rows)) {
    if (signal.aborted) break;
    for (const result of await Promise.all(contents.map(warm))) counts[result] += 1;
    onProgress?.(counts);
  }
  return counts;
}

/** Some at a time, each once. */
async function* distinctContents(rows: WarmOptions['rows']): AsyncGenerator<readonly string[]> {
  const seen = new Set<string>();
  let some: string[] = [];
  for await (const { content } of rows) {
    if (content === null || seen.has(content)) continue;
    seen.add(content);
    some.push(content);
    if (some.length < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
