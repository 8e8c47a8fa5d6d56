// Publishes items to a dataset's intake as any NATS client could: bytes inline up to 8 MB, larger ones through the
// uploads bucket. The message id names source, item and content, so publishing again within the window is harmless.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { sha256Hex } from '#actors';
import { type NatsLink, NatsUploads, NoStream, type SystemNames } from '#nats';
import type { PublishReceipt } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { PublishSource } from './expand-sources.ts';

/** Bodies up to this size travel in the message itself. */
export const MAX_INLINE_BYTES = 8 * 1024 * 1024;

export class IntakePublisher {
  readonly #link: NatsLink;
  readonly #names: SystemNames;
  readonly #dataset: string;
  readonly #source: string | undefined;

  /** `source` is the `Troupe-Source` of every item; without it the node takes `default`. */
  constructor(options: {
    readonly link: NatsLink;
    readonly names: SystemNames;
    readonly dataset: string;
    readonly source?: string;
  }) {
    this.#link = options.link;
    this.#names = options.names;
    this.#dataset = options.dataset;
    this.#source = options.source;
  }

  /** @throws CommandError `unknown_dataset`: nothing was accepted */
  async publish(item: PublishSource, signal?: AbortSignal): Promise<PublishReceipt> {
    if (item.type === 'uri') return this.#send({ uri: item.uri }, item.uri, sha256Hex(item.uri), signal);
    if (item.bytes <= MAX_INLINE_BYTES) {
      const bytes = await readFile(item.path);
      return this.#sendInline(item.id, bytes, signal);
    }
    const sha256 = await fileDigest(item.path);
    const uploads = new NatsUploads(this.#link, this.#names.objects.uploads);
    const uri = await uploads.put(`${this.#dataset}/${sha256}`, createReadStream(item.path));
    return this.#send({ uri, id: item.id, sha256 }, item.id, sha256, signal);
  }

  #sendInline(id: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<PublishReceipt> {
    const headers = { 'Content-Type': 'application/octet-stream', 'Troupe-Id': id };
    return this.#deliver(bytes, headers, this.#messageId(id, sha256Hex(bytes)), signal);
  }

  #send(
    reference: { readonly uri: string; readonly id?: string; readonly sha256?: string },
    id: string,
    content: string,
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    const headers = { 'Content-Type': 'application/json' };
    return this.#deliver(
      Buffer.from(JSON.stringify(reference)),
      headers,
      this.#messageId(id, content),
      signal,
    );
  }

  async #deliver(
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    id: string,
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    const source = this.#source === undefined ? {} : { 'Troupe-Source': this.#source };
    const subject = this.#names.subjects.intake(this.#dataset);
    try {
      return await this.#link.publisher.publish(
        { subject, data, id, headers: { ...headers, ...source } },
        signal,
      );
    } catch (cause) {
      if (!(cause instanceof NoStream)) throw cause;
      const message = `unknown dataset ${this.#dataset}: nothing was accepted`;
      throw new CommandError('unknown_dataset', message, { cause });
    }
  }

  #messageId(id: string, content: string): string {
    return `${sha256Hex(`${this.#source ?? ''}\n${id}`).slice(0, 24)}.${content.slice(0, 24)}`;
  }
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
