import { describe, expect, it } from 'vitest';
import { MemoryBlobs } from '#testkit';
import { recordedVectorKey } from '../../../actors/pipeline/vector-store.ts';
import { type WarmCounts, warmCache } from '../../../cli/cache/warm-cache.ts';
import { sha } from '../../support/ledger-messages.ts';

const VERSIONS = { kind: 'image@1', model: `tiny@${'d'.repeat(64)}`, embedding: 'e/f32/1' };
const keyOf = (content: string) => recordedVectorKey(VERSIONS, content);

async function stores(count: number) {
  const contents = Array.from({ length: count }, (_, at) => sha(`content ${at}`));
  const [vectors, cache] = [new MemoryBlobs(), new MemoryBlobs()];
  for (const [at, content] of contents.entries())
    await vectors.put(keyOf(content), Uint8Array.of(at, 0, 0, 0));
  const warm = (options: Partial<Parameters<typeof warmCache>[0]> = {}) =>
    warmCache({
      rows: rowsOf([...contents, null, ...contents]),
      versions: VERSIONS,
      vectors,
      cache,
      signal: new AbortController().signal,
      ...options,
    });
  return { contents, vectors, cache, warm };
}

async function* rowsOf(contents: readonly (string | null)[]) {
  for (const content of contents) yield { content };
}

describe('warming the cache', () => {
  it('copies the vector of each content once, under the name that others look for', async () => {
    const { contents, cache, warm } = await stores(100);
    expect(await warm()).toEqual({ added: 100, present: 0, missing: 0, refused: 0 });
    expect(new Set(cache.keys())).toEqual(new Set(contents.map(keyOf)));
    expect(await cache.get(keyOf(contents[7] ?? ''))).toEqual(Uint8Array.of(7, 0, 0, 0));
    expect(await warm()).toEqual({ added: 0, present: 100, missing: 0, refused: 0 });
  });

  it('leaves out what the dataset has no vector of, and says what the cache did not take', async () => {
    const { contents, vectors, warm } = await stores(3);
    await vectors.delete(keyOf(contents[1] ?? ''));
    const full = Object.assign(new MemoryBlobs(), { put: async () => false });
    expect(await warm()).toEqual({ added: 2, present: 0, missing: 1, refused: 0 });
    expect(await warm({ cache: full })).toEqual({ added: 0, present: 0, missing: 1, refused: 2 });
  });

  it('takes back what is erased between reading it and adding it', async () => {
    const { contents, vectors, cache, warm } = await stores(3);
    const [erased = ''] = contents;
    const put = cache.put.bind(cache);
    cache.put = async (key, bytes) => {
      await vectors.delete(keyOf(erased));
      return put(key, bytes);
    };
    expect(await warm()).toMatchObject({ added: 2, missing: 1 });
    expect(await cache.has(keyOf(erased))).toBe(false);
  });

  it('ends between two steps when it is interrupted, and goes on with the rest the next time', async () => {
    const { warm } = await stores(200);
    const interrupted = new AbortController();
    const seen: WarmCounts[] = [];
    const onProgress = (counts: WarmCounts) => {
      seen.push({ ...counts });
      interrupted.abort();
    };
    const first = await warm({ signal: interrupted.signal, onProgress });
    expect(seen).toEqual([first]);
    expect(first.added).toBeGreaterThan(0);
    expect(first.added).toBeLessThan(200);
    expect(await warm()).toMatchObject({ present: first.added, added: 200 - first.added });
  });
});
