// A blob store in memory, which hands out copies as a store across a connection does.
import type { ListedBlobStore, NotedBlob, NotedBlobStore } from '../ports.ts';

/** A blob store in memory; it keeps its own copies of what it is given. */
export class MemoryBlobs implements ListedBlobStore, NotedBlobStore {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #notes = new Map<string, string>();

  async put(key: string, bytes: Uint8Array, note?: string): Promise<boolean> {
    const known = this.#blobs.get(key);
    const isNew = known === undefined || Buffer.compare(known, bytes) !== 0;
    this.#blobs.set(key, Uint8Array.from(bytes));
    if (note !== undefined) this.#notes.set(key, note);
    else if (isNew) this.#notes.delete(key);
    return isNew;
  }

  async getNoted(key: string): Promise<NotedBlob | undefined> {
    const bytes = await this.get(key);
    return bytes && { bytes, note: this.#notes.get(key) };
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
    this.#notes.delete(key);
  }

  /** Keys that are stored, in the order of their first put. */
  keys(): readonly string[] {
    return [...this.#blobs.keys()];
  }
}
