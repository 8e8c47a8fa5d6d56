// The runtime's blob store for small values: each is one message of a key-value bucket (as ADR-8 lays it out), so that
// storing one costs one publish where an object costs a question, a chunk and a description.
import { nuid } from 'nats';
import type { NotedBlob, NotedBlobStore } from '#runtime';
import type { NatsLink } from './connection.ts';
import { publishFenced, publishFirst } from './fenced-publish.ts';
import { recordStream } from './names.ts';
import { patiently } from './patience.ts';
import { readLastDirect, readStored } from './stored-message.ts';

/** What is known of the bytes, beside them. */
const NOTE_HEADER = 'Troupe-Note';

/** The entries of one bucket. Keys are any text, `/` included; a value is at most one message (`max_payload`). */
export class NatsEntries implements NotedBlobStore {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(link: NatsLink, bucket: string) {
    this.#link = link;
    this.#stream = recordStream(bucket);
    this.#prefix = `$KV.${bucket}.`;
  }

  /** Does nothing when the same bytes and note are there under this key. @throws NoStream, PublishRefused, LinkClosed */
  async put(key: string, bytes: Uint8Array, note?: string): Promise<boolean> {
    const headers = note === undefined ? {} : { headers: { [NOTE_HEADER]: note } };
    const message = { ...this.#message(key, bytes), ...headers };
    let isNew = true;
    for (let expected = 0; ; ) {
      const outcome = await publishFenced(this.#link, { ...message, id: nuid.next(), expected });
      if (outcome.type === 'stored') return isNew;
      const { last } = outcome;
      isNew = last === undefined || Buffer.compare(last.data, bytes) !== 0;
      if (!isNew && (note === undefined || last?.header(NOTE_HEADER) === note)) return false;
      expected = last?.sequence ?? 0;
    }
  }

  /**
   * As `put`, for a key that names its bytes (by their digest): what is there is not read back to be compared.
   * @throws NoStream, PublishRefused, LinkClosed
   */
  putNamed(key: string, bytes: Uint8Array): Promise<boolean> {
    return publishFirst(this.#link, { ...this.#message(key, bytes), id: nuid.next() });
  }

  /** What any replica has; where it has none, the leader decides. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const subject = this.#subject(key);
    const near = await readLastDirect(this.#link, this.#stream, subject);
    if (near !== undefined) return near;
    const stored = await readStored(this.#link, this.#stream, { last_by_subj: subject });
    return stored?.data;
  }

  /** Any replica may say that there is nothing, which costs least; only the leader says what there is. */
  async getNoted(key: string): Promise<NotedBlob | undefined> {
    const subject = this.#subject(key);
    if ((await readLastDirect(this.#link, this.#stream, subject)) === undefined) return undefined;
    const stored = await readStored(this.#link, this.#stream, { last_by_subj: subject });
    return stored && { bytes: stored.data, note: stored.header(NOTE_HEADER) };
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** Deletes the value and every trace of its name. */
  async delete(key: string): Promise<void> {
    const filter = this.#subject(key);
    await patiently(this.#link, () => this.#link.manager.streams.purge(this.#stream, { filter }));
  }

  #message(key: string, data: Uint8Array) {
    return { stream: this.#stream, subject: this.#subject(key), data, whenFull: 'wait' } as const;
  }

  #subject(key: string): string {
    return this.#prefix + keyToken(key);
  }
}

/** A key as one token of a subject. */
export function keyToken(key: string): string {
  return key.replace(/[^-/_a-zA-Z0-9]/gu, escaped);
}

/** The key that `keyToken` made a token of. */
export function keyOfToken(token: string): string {
  return decodeURIComponent(token.replaceAll('=', '%'));
}

/** `=` and the UTF-8 bytes in hexadecimal, for what the key of a record may not hold. */
function escaped(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `=${byte.toString(16).padStart(2, '0')}`)
    .join('');
}
