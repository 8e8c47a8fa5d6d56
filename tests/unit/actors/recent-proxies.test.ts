import { describe, expect, it } from 'vitest';
import { MemoryBlobs } from '#testkit';
import { blobKeys } from '../../../actors/pipeline/messages.ts';
import { RecentProxies } from '../../../actors/pipeline/recent-proxies.ts';

const KEY = blobKeys.proxy('a'.repeat(64));
const OTHER = blobKeys.proxy('b'.repeat(64));

/** The blobs of two datasets, and how often each key was read from below. */
function datasets(maxBytes = 10_000) {
  const recent = new RecentProxies(maxBytes);
  const reads: string[] = [];
  const of = (dataset: string) => {
    const below = new MemoryBlobs();
    const get = (key: string) => {
      reads.push(key);
      return below.get(key);
    };
    const watched = {
      get,
      put: below.put.bind(below),
      getNoted: below.getNoted.bind(below),
      has: below.has.bind(below),
      delete: below.delete.bind(below),
    };
    return { recent, below, blobs: recent.before(watched, dataset) };
  };
  return { reads, photos: of('photos'), clothing: of('clothing') };
}

describe('recent proxies', () => {
  it('are not read again once they were stored or read', async () => {
    const { reads, photos } = datasets();
    await photos.blobs.put(KEY, Uint8Array.of(1, 2));
    await photos.below.put(OTHER, Uint8Array.of(3));
    expect([
      await photos.blobs.get(KEY),
      await photos.blobs.get(OTHER),
      await photos.blobs.get(OTHER),
    ]).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(3)]);
    expect(reads).toEqual([OTHER]);
  });

  it('are those of one dataset only', async () => {
    const { photos, clothing } = datasets();
    await photos.blobs.put(KEY, Uint8Array.of(1));
    expect(await clothing.blobs.get(KEY)).toBeUndefined();
  });

  it('are forgotten when they are deleted', async () => {
    const { photos } = datasets();
    await photos.blobs.put(KEY, Uint8Array.of(1));
    await photos.blobs.delete(KEY);
    expect(await photos.blobs.get(KEY)).toBeUndefined();
  });

  it('are forgotten in all datasets when another node has erased their contents', async () => {
    const { reads, photos, clothing } = datasets();
    for (const { blobs } of [photos, clothing]) await blobs.put(KEY, Uint8Array.of(1));
    photos.recent.forget(['a'.repeat(64)]);
    for (const { blobs } of [photos, clothing]) await blobs.get(KEY);
    expect(reads).toEqual([KEY, KEY]);
  });

  it('give way to newer ones at their limit of bytes', async () => {
    const { reads, photos } = datasets(1_000);
    await photos.blobs.put(KEY, new Uint8Array(600));
    await photos.blobs.put(OTHER, new Uint8Array(600));
    await photos.blobs.get(KEY);
    expect(reads).toEqual([KEY]);
  });

  it('keep nothing of the larger buffer that they were read from', async () => {
    const { photos } = datasets();
    await photos.blobs.put(KEY, new Uint8Array(1_000).subarray(10, 20));
    expect((await photos.blobs.get(KEY))?.buffer.byteLength).toBe(10);
  });

  it('leave everything but proxies to the store', async () => {
    const { reads, photos } = datasets();
    const content = blobKeys.content('c'.repeat(64));
    await photos.blobs.put(content, Uint8Array.of(1));
    await photos.blobs.get(content);
    expect(reads).toEqual([content]);
  });
});
