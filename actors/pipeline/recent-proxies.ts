// The proxies that a node handled last, in memory: near duplicates come close together in time, and each is measured
// against several. A proxy is named by its content's digest, so what is remembered is never out of date.
import { LRUCache } from 'lru-cache';
import type { NotedBlobStore } from '#runtime';
import { blobKeys } from './messages.ts';

/** What an entry costs beside its bytes: key, object, places in the cache's lists. */
const ENTRY_BYTES = 300;

/** One memory for all datasets of a node. */
export class RecentProxies {
  readonly #proxies: LRUCache<string, Uint8Array>;
  readonly #datasets = new Set<string>();

  constructor(maxBytes: number) {
    const sizeCalculation = ({ byteLength }: Uint8Array) => byteLength + ENTRY_BYTES;
    this.#proxies = new LRUCache({ maxSize: maxBytes, sizeCalculation });
  }

  /** Those of contents that were erased, in whichever dataset. */
  forget(contents: readonly string[]): void {
    for (const dataset of this.#datasets) {
      for (const content of contents) this.#proxies.delete(nameOf(dataset, blobKeys.proxy(content)));
    }
  }

  /** The blobs of a dataset, whose proxies are remembered as they are stored and read. */
  before(blobs: NotedBlobStore, dataset: string): NotedBlobStore {
    this.#datasets.add(dataset);
    const isProxy = (key: string) => key.startsWith(blobKeys.proxy(''));
    return {
      put: async (key, bytes, note) => {
        const fresh = await blobs.put(key, bytes, note);
        if (isProxy(key)) this.#proxies.set(nameOf(dataset, key), alone(bytes));
        return fresh;
      },
      get: async (key) => {
        if (!isProxy(key)) return blobs.get(key);
        const known = this.#proxies.get(nameOf(dataset, key));
        if (known !== undefined) return known;
        const bytes = await blobs.get(key);
        if (bytes !== undefined) this.#proxies.set(nameOf(dataset, key), alone(bytes));
        return bytes;
      },
      // Whoever asks for the note wants to know what is stored.
      getNoted: (key) => blobs.getNoted(key),
      has: (key) => blobs.has(key),
      delete: async (key) => {
        this.#proxies.delete(nameOf(dataset, key));
        await blobs.delete(key);
      },
    };
  }
}

function nameOf(dataset: string, key: string): string {
  return `${dataset}/${key}`;
}

/** The bytes without the rest of a larger buffer, which they would keep from being collected. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength === bytes.byteLength ? bytes : bytes.slice();
}
