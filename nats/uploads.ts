// Bodies which are too large for a message: put into the uploads bucket as a stream, named by an `obj://` URI in the
// intake message, read back by the ingestor within its limit.
import type { NatsLink } from './connection.ts';
import { UploadNotFound, UploadTooLarge } from './errors.ts';
import { ObjectBucket } from './object-bucket.ts';
import type { ObjectDescription } from './object-description.ts';

/** Longest body that is held as one; whoever reads without a limit gets `UploadTooLarge` beyond it. */
const MAX_WHOLE_BYTES = 2 ** 32;

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
    return this.#uriOf(name);
  }

  /**
   * Stores the body under a name that names it, unless it is there. `sha256` is its digest, hexadecimal. It needs no more
   * than the right to add uploads and to read their descriptions.
   * @returns its URI, as `put`
   */
  async putNamed(
    name: string,
    sha256: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<string> {
    await this.#objects.putNamed(name, Buffer.from(sha256, 'hex').toString('base64'), body);
    return this.#uriOf(name);
  }

  /**
   * The whole body. `admit` is asked with its size before anything of it is read.
   * @throws UploadTooLarge above `maxBytes` (before anything is read), UploadNotFound, ObjectDamaged, CodecError
   */
  async read(
    uri: string,
    maxBytes: number,
    admit: (bytes: number) => Promise<void> = async () => {},
  ): Promise<Uint8Array> {
    const description = await this.#admit(uri, Math.min(maxBytes, MAX_WHOLE_BYTES));
    await admit(description.size);
    // Filled in place: parts that are joined afterwards would take the memory twice.
    const whole = new Uint8Array(description.size);
    let bytes = 0;
    for await (const part of this.#parts(uri, description, description.size)) {
      whole.set(part, bytes);
      bytes += part.length;
    }
    return whole.subarray(0, bytes);
  }

  /** The body in parts, in order. Throws as `read`; a digest which does not agree is found at the end. */
  async *open(uri: string, maxBytes: number): AsyncGenerator<Uint8Array, void> {
    yield* this.#parts(uri, await this.#admit(uri, maxBytes), maxBytes);
  }

  /** Deletes an upload; an absent one is no error. */
  async delete(uri: string): Promise<void> {
    await this.#objects.delete(this.#nameIn(uri));
  }

  async #admit(uri: string, maxBytes: number): Promise<ObjectDescription> {
    const description = await this.#objects.describe(this.#nameIn(uri));
    if (description === undefined) throw new UploadNotFound(`${uri}: there is no such upload`);
    if (description.size > maxBytes) throw new UploadTooLarge(uri, description.size, maxBytes);
    return description;
  }

  async *#parts(
    uri: string,
    description: ObjectDescription,
    maxBytes: number,
  ): AsyncGenerator<Uint8Array, void> {
    let bytes = 0;
    for await (const part of this.#objects.read(description)) {
      bytes += part.length;
      if (bytes > maxBytes) throw new UploadTooLarge(uri, bytes, maxBytes); // described as smaller than it is
      yield part;
    }
  }

  #uriOf(name: string): string {
    return `obj://${this.#objects.bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
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
