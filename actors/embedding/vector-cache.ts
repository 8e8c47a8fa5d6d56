// The cache in memory in front of all others: vectors by everything that determines them, the least recently used ones
// going first when their bytes reach the limit.
import { LRUCache } from 'lru-cache';

/** What an entry costs beside its numbers: key, object, places in the cache's lists. */
const ENTRY_BYTES = 300;

export interface CacheStanding {
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

export class VectorCache {
  readonly #maxBytes: number;
  readonly #vectors: LRUCache<string, Float32Array> | undefined;

  /** @param maxBytes 0 keeps nothing */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#vectors =
      maxBytes === 0
        ? undefined
        : new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ byteLength }) => byteLength + ENTRY_BYTES });
  }

  get(key: string): Float32Array | undefined {
    return this.#vectors?.get(key);
  }

  /** A vector larger than the whole cache is not kept. */
  put(key: string, vector: Float32Array): void {
    this.#vectors?.set(key, vector);
  }

  delete(key: string): void {
    this.#vectors?.delete(key);
  }

  clear(): void {
    this.#vectors?.clear();
  }

  get standing(): CacheStanding {
    return {
      entries: this.#vectors?.size ?? 0,
      bytes: this.#vectors?.calculatedSize ?? 0,
      maxBytes: this.#maxBytes,
    };
  }
}
