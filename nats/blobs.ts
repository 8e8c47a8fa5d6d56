// The runtime's blob store over an object bucket: immutable bytes by key, stored once however often they are put.
import type { ListedBlobStore } from '#runtime';
import type { NatsLink } from './connection.ts';
import { ObjectBucket } from './object-bucket.ts';

/** The blobs of one bucket. Keys are any text, `/` included. */
export class NatsBlobs implements ListedBlobStore {
  readonly #objects: ObjectBucket;

  constructor(link: NatsLink, bucket: string) {
    this.#objects = new ObjectBucket(link, bucket);
  }

  /** Does nothing when the same bytes are there under this key. @throws NoStream, LinkClosed */
  put(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#objects.putOnce(key, bytes);
  }

  /** @throws ObjectDamaged when bytes are missing or differ from their digest */
  async get(key: string): Promise<Uint8Array | undefined> {
    const description = await this.#objects.describe(key);
    if (description === undefined) return undefined;
    const bytes = new Uint8Array(description.size);
    let length = 0;
    for await (const chunk of this.#objects.read(description)) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    return bytes;
  }

  async has(key: string): Promise<boolean> {
    return (await this.#objects.describe(key)) !== undefined;
  }

  /** Reads every description in the bucket. */
  keys(): Promise<readonly string[]> {
    return this.#objects.names();
  }

  async delete(key: string): Promise<void> {
    await this.#objects.delete(key);
  }
}
