// A blob store in memory, which hands out copies as a store across a connection does.
import type { ListedBlobStore } from '../ports.ts';

/** A blob store in memory; it keeps its own copies of what it is given. */
export class MemoryBlobs implements ListedBlobStore {
  readonly #blobs = new Map<string, Uint8Array>();

  async put(key: string, bytes: Uint8Array): Promise<boolean> {
    const known = this.#blobs.get(key);
    this.#blobs.set(key, Uint8Array.from(bytes));
    return known === undefined || Buffer.compare(known, bytes) !== 0;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const bytes = this.#blobs.get(key);
    return bytes && Uint8Array.from(bytes);
  }

  async has(key: string): Promise<boolean> {
    return this.#blobs.has(key);
  }

  async delete(key: string): Promise<void> {
    this.#blobs.delete(key);
  }

  /** Keys that are stored, in the order of their first put. */
  keys(): readonly string[] {
    return [...this.#blobs.keys()];
  }
}
