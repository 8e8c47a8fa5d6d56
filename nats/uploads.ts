// Bodies which are too large for a message: put into the uploads bucket as a stream, named by an `obj://` URI in the
// intake message, read back by the ingestor within its limit.
import type { NatsLink } from './connection.ts';
import { UploadNotFound, UploadTooLarge } from './errors.ts';
import { ObjectBucket } from './object-bucket.ts';

/** The uploads bucket of a system. */
export class NatsUploads {
  readonly #objects: ObjectBucket;

  constructor(link: NatsLink, bucket: string) {
    this.#objects = new ObjectBucket(link, bucket);
  }

  /**
   * Stores the body under `name` (any text), replacing what was there.
   * @returns its URI, `obj://<bucket>/<name>` with the name's parts percent-encoded
   */
  async put(name: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    await this.#objects.put(name, body);
    return `obj://${this.#objects.bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
  }

  /**
   * The whole body.
   * @throws UploadTooLarge above `maxBytes` (before anything is read), UploadNotFound, ObjectDamaged
   */
  async read(uri: string, maxBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of this.open(uri, maxBytes)) parts.push(part);
    return new Uint8Array(Buffer.concat(parts));
  }

  /** The body in parts, in order. Throws as `read`; a digest which does not agree is found at the end. */
  async *open(uri: string, maxBytes: number): AsyncGenerator<Uint8Array, void> {
    const description = await this.#objects.describe(this.#nameIn(uri));
    if (description === undefined) throw new UploadNotFound(`${uri}: there is no such upload`);
    if (description.size > maxBytes) throw new UploadTooLarge(uri, description.size, maxBytes);
    let bytes = 0;
    for await (const part of this.#objects.read(description)) {
      bytes += part.length;
      if (bytes > maxBytes) throw new UploadTooLarge(uri, bytes, maxBytes); // described as smaller than it is
      yield part;
    }
  }

  /** Deletes an upload; an absent one is no error. */
  async delete(uri: string): Promise<void> {
    await this.#objects.delete(this.#nameIn(uri));
  }

  #nameIn(uri: string): string {
    const prefix = `obj://${this.#objects.bucket}/`;
    if (!uri.startsWith(prefix) || uri.length === prefix.length) {
      throw new UploadNotFound(`${uri}: expected ${prefix}NAME`);
    }
    try {
      return decodeURIComponent(uri.slice(prefix.length));
    } catch (cause) {
      throw new UploadNotFound(`${uri}: expected a percent-encoded name`, { cause });
    }
  }
}
