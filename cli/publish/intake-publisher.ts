// Publishes items to a dataset's intake as any NATS client could: bytes inline up to 8 MB, larger ones through the
// uploads bucket. The message id names source, item and content, so publishing again within the window is harmless.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { canonicalJson, sha256Hex } from '#actors';
import { MAX_INLINE_BODY_BYTES, type NatsLink, NatsUploads, NoStream, type SystemNames } from '#nats';
import type { PublishReceipt } from '#runtime';
import { CommandError } from '../command-error.ts';
import { fileProblem } from '../file-problem.ts';
import { ItemUnpublishable, type PublishSource, type Reference } from './publish-source.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const JSON_TYPE = { 'Content-Type': 'application/json' } as const;

export class IntakePublisher {
  readonly #link: NatsLink;
  readonly #names: SystemNames;
  readonly #dataset: string;
  readonly #source: string | undefined;
  readonly #metadata: Readonly<Record<string, unknown>> | undefined;

  /**
   * `source` is that of every item which names none; without it the node takes `default`. With `metadata` files travel
   * through the uploads bucket, as only a reference can carry it.
   */
  constructor(options: {
    readonly link: NatsLink;
    readonly names: SystemNames;
    readonly dataset: string;
    readonly source?: string;
    readonly metadata?: Readonly<Record<string, unknown>>;
  }) {
    this.#link = options.link;
    this.#names = options.names;
    this.#dataset = options.dataset;
    this.#source = options.source;
    this.#metadata = options.metadata;
  }

  /** @throws CommandError `unknown_dataset`: nothing was accepted; ItemUnpublishable for this item alone */
  async publish(item: PublishSource, signal?: AbortSignal): Promise<PublishReceipt> {
    switch (item.type) {
      case 'invalid':
        throw new ItemUnpublishable(item.problem);
      case 'reference':
        return this.#sendReference(item.reference, signal);
      case 'message':
        return this.#sendMessage(item, signal);
      case 'file':
        return this.#sendFile(item, signal);
    }
  }

  async #sendFile(
    item: PublishSource & { readonly type: 'file' },
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    checkId(item.id);
    if (item.bytes <= MAX_INLINE_BODY_BYTES && this.#metadata === undefined) {
      const bytes = await readable(() => readFile(item.path));
      const type = { 'Content-Type': 'application/octet-stream' };
      if (bytes.byteLength <= MAX_INLINE_BODY_BYTES) return this.#sendInline(item.id, bytes, type, signal);
    }
    const sha256 = await readable(() => fileDigest(item.path));
    const uri = await readable(() => this.#upload(sha256, createReadStream(item.path)));
    return this.#sendReference({ uri, id: item.id, sha256 }, signal);
  }

  async #sendMessage(
    item: PublishSource & { readonly type: 'message' },
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    checkId(item.id);
    if (item.data.byteLength <= MAX_INLINE_BODY_BYTES) {
      return this.#sendInline(item.id, item.data, item.headers, signal);
    }
    const sha256 = sha256Hex(item.data);
    const uri = await this.#upload(sha256, item.data);
    const source = item.headers['Troupe-Source'];
    return this.#sendReference(
      { uri, id: item.id, sha256, source, time: item.headers['Troupe-Time'] },
      signal,
    );
  }

  #upload(sha256: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    const uploads = new NatsUploads(this.#link, this.#names.objects.uploads);
    return uploads.putNamed(`${this.#dataset}/${sha256}`, sha256, body);
  }

  #sendInline(
    id: string,
    bytes: Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    const source = this.#source ?? headers['Troupe-Source'];
    const named = { ...headers, 'Troupe-Id': id, ...(source !== undefined && { 'Troupe-Source': source }) };
    return this.#deliver(bytes, named, messageId(source, id, sha256Hex(bytes)), signal);
  }

  #sendReference(given: Reference, signal: AbortSignal | undefined): Promise<PublishReceipt> {
    const reference: Reference = {
      ...given,
      source: given.source ?? this.#source,
      metadata: this.#metadata === undefined ? given.metadata : { ...this.#metadata, ...given.metadata },
    };
    const text = JSON.stringify(reference);
    // Everything that makes it another item, or another statement about it, makes it another message.
    const content = sha256Hex(canonicalJson(JSON.parse(text)));
    const id = messageId(reference.source, given.id ?? given.uri, content);
    return this.#deliver(Buffer.from(text), JSON_TYPE, id, signal);
  }

  async #deliver(
    data: Uint8Array,
    headers: Readonly<Record<string, string>>,
    id: string,
    signal: AbortSignal | undefined,
  ): Promise<PublishReceipt> {
    const subject = this.#names.subjects.intake(this.#dataset);
    try {
      return await this.#link.publisher.publish({ subject, data, id, headers }, signal);
    } catch (cause) {
      if (!(cause instanceof NoStream)) throw cause;
      const message = `unknown dataset ${this.#dataset}: nothing was accepted`;
      throw new CommandError('unknown_dataset', message, { cause });
    }
  }
}

function messageId(source: string | undefined, id: string, content: string): string {
  return `${sha256Hex(`${source ?? ''}\n${id}`).slice(0, 24)}.${content.slice(0, 24)}`;
}

/** A header cannot carry them, and no node accepts them. */
function checkId(id: string): void {
  if (CONTROL.test(id)) throw new ItemUnpublishable('expected a name without control characters');
}

/** What the file system refuses fails this item; anything else fails the command. */
async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    const message = fileProblem(cause) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new ItemUnpublishable(message, { cause });
  }
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
