// Named objects of any size in a stream, as ADR-20 lays them out (the nats command reads and writes the same), over
// the window publisher: chunks go out many at a time, survive reconnects, and wait while the bucket is full. Reading
// needs no consumer. An object counts once its description is stored, which is last.
import { createHash } from 'node:crypto';
import { nuid } from 'nats';
import type { PublishReceipt } from '#runtime';
import type { NatsLink } from './connection.ts';
import { ObjectDamaged } from './errors.ts';
import { publishFenced } from './fenced-publish.ts';
import { eachMessage } from './inspect.ts';
import { objectStream } from './names.ts';
import {
  type ObjectDescription,
  objectDigest,
  readDescription,
  writeDescription,
} from './object-description.ts';
import { patiently } from './patience.ts';
import { readDirect, readLastDirect, readStored, type StoredMessage } from './stored-message.ts';

const CHUNK_BYTES = 128 * 1024;
const CHUNKS_AHEAD = 32;

/** What `#putChunks` stored. */
interface StoredChunks {
  readonly nuid: string;
  readonly chunks: number;
  readonly size: number;
  readonly digest: string;
}

/** One object bucket. */
export class ObjectBucket {
  readonly bucket: string;
  readonly #link: NatsLink;
  readonly #stream: string;

  constructor(link: NatsLink, bucket: string) {
    this.#link = link;
    this.bucket = bucket;
    this.#stream = objectStream(bucket);
  }

  /** The object's description, read from the leader; `undefined` when there is none. */
  async describe(name: string): Promise<ObjectDescription | undefined> {
    const stored = await readStored(this.#link, this.#stream, { last_by_subj: this.#describedOn(name) });
    const description = stored === undefined ? undefined : readDescription(stored.data);
    return description?.deleted === true ? undefined : description;
  }

  /** Names of all objects. */
  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { data } of eachMessage(this.#link, this.#stream, {
      subject: `$O.${this.bucket}.M.>`,
    })) {
      const { name, deleted } = readDescription(data);
      if (!deleted) names.push(name);
    }
    return names;
  }

  /**
   * Stores an object under `name`, replacing what was there. Waits while the bucket is full.
   * @throws NoStream, PublishRefused, LinkClosed, or what `source` throws
   */
  put(name: string, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<ObjectDescription> {
    return this.#put(name, source, () =>
      readStored(this.#link, this.#stream, { last_by_subj: this.#describedOn(name) }),
    );
  }

  /**
   * Stores an object unless the same bytes are there under its name; asks the server once to find out. Resolves to whether
   * it was stored now.
   */
  async putOnce(name: string, bytes: Uint8Array): Promise<boolean> {
    const stored = await readStored(this.#link, this.#stream, { last_by_subj: this.#describedOn(name) });
    const present = stored === undefined ? undefined : readDescription(stored.data);
    if (present?.deleted === false && present.size === bytes.length && present.digest === objectDigest(bytes))
      return false;
    // What was just read holds for the first attempt; only a refusal makes it worth reading again.
    let known: StoredMessage | undefined | 'unknown' = stored;
    await this.#put(name, bytes, async () => {
      const last =
        known === 'unknown'
          ? await readStored(this.#link, this.#stream, { last_by_subj: this.#describedOn(name) })
          : known;
      known = 'unknown';
      return last;
    });
    return true;
  }

  /**
   * Stores an object under a name that names its bytes, whose digest is given; does nothing where that is there. It reads
   * descriptions alone, so that whoever may only add objects can use it.
   */
  async putNamed(
    name: string,
    digest: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const stored = await readLastDirect(this.#link, this.#stream, this.#describedOn(name));
    const present = stored === undefined ? undefined : readDescription(stored);
    if (present?.deleted === false && present.digest === digest) return;
    const chunks = await this.#putChunks(source);
    const description = { ...chunks, name, bucket: this.bucket, deleted: false };
    const data = writeDescription(description, CHUNK_BYTES, new Date(this.#link.clock.wallMs()));
    const headers = { 'Nats-Rollup': 'sub' };
    await this.#link.publisher.publish({
      subject: this.#describedOn(name),
      data,
      id: `${chunks.nuid}.M`,
      headers,
    });
  }

  async #put(
    name: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    readLast: () => Promise<StoredMessage | undefined>,
  ): Promise<ObjectDescription> {
    const stored = await this.#putChunks(source);
    const description = { ...stored, name, bucket: this.bucket, deleted: false };
    const data = writeDescription(description, CHUNK_BYTES, new Date(this.#link.clock.wallMs()));
    const message = { stream: this.#stream, subject: this.#describedOn(name), data, id: `${stored.nuid}.M` };
    for (;;) {
      const replaced = await readLast();
      const outcome = await publishFenced(this.#link, {
        ...message,
        expected: replaced?.sequence ?? 0,
        headers: { 'Nats-Rollup': 'sub' },
        whenFull: 'wait',
      });
      if (outcome.type === 'refused') continue; // another writer was faster; the last one wins
      if (replaced !== undefined) await this.#purge(this.#chunksOn(readDescription(replaced.data).nuid));
      return description;
    }
  }

  /**
   * The object's bytes, chunk by chunk. The digest is checked at the end.
   * @throws ObjectDamaged
   */
  async *read(description: ObjectDescription): AsyncGenerator<Uint8Array, void> {
    const { name, chunks, digest } = description;
    const hash = createHash('sha256');
    const subject = this.#chunksOn(description.nuid);
    let next = 1;
    for (let chunk = 1; chunk <= chunks; chunk++) {
      const stored =
        (await readDirect(this.#link, this.#stream, next, subject)) ??
        (await readStored(this.#link, this.#stream, { seq: next, next_by_subj: subject }));
      if (stored === undefined) throw new ObjectDamaged(`${name}: chunk ${chunk} of ${chunks} is missing`);
      next = stored.sequence + 1;
      hash.update(stored.data);
      yield stored.data;
    }
    if (hash.digest('base64') !== digest) throw new ObjectDamaged(`${name}: bytes and digest do not agree`);
  }

  /** Deletes the object and every trace of its name. */
  async delete(name: string): Promise<void> {
    const subject = this.#describedOn(name);
    const stored = await readStored(this.#link, this.#stream, { last_by_subj: subject });
    if (stored === undefined) return;
    await this.#purge(subject);
    await this.#purge(this.#chunksOn(readDescription(stored.data).nuid));
  }

  async #putChunks(source: Uint8Array | AsyncIterable<Uint8Array>): Promise<StoredChunks> {
    const id = nuid.next();
    const hash = createHash('sha256');
    const receipts: Promise<PublishReceipt>[] = [];
    let size = 0;
    try {
      for await (const data of chunksOf(source)) {
        hash.update(data);
        size += data.length;
        const message = { subject: this.#chunksOn(id), data, id: `${id}.${receipts.length}` };
        const receipt = this.#link.publisher.publish(message);
        receipt.catch(() => {}); // seen below, with the first error
        receipts.push(receipt);
        await receipts[receipts.length - CHUNKS_AHEAD];
      }
    } finally {
      await Promise.allSettled(receipts);
    }
    const sequences = (await Promise.all(receipts)).map(({ sequence }) => sequence);
    const ordered = sequences.every((sequence, index) => sequence > (sequences[index - 1] ?? 0));
    const nuidInOrder = ordered ? id : await this.#storeInOrder(id, sequences);
    return { nuid: nuidInOrder, chunks: sequences.length, size, digest: hash.digest('base64') };
  }

  /** A chunk that was sent again after a reconnect came behind later ones: stores them anew, one by one. */
  async #storeInOrder(id: string, sequences: readonly number[]): Promise<string> {
    const anew = nuid.next();
    for (const [index, sequence] of sequences.entries()) {
      const chunk = await readStored(this.#link, this.#stream, { seq: sequence });
      if (chunk === undefined) throw new ObjectDamaged(`chunk ${index + 1} vanished while it was stored`);
      const message = { subject: this.#chunksOn(anew), data: chunk.data, id: `${anew}.${index}` };
      await this.#link.publisher.publish(message);
    }
    await this.#purge(this.#chunksOn(id));
    return anew;
  }

  async #purge(filter: string): Promise<void> {
    await patiently(this.#link, () => this.#link.manager.streams.purge(this.#stream, { filter }));
  }

  #chunksOn(id: string): string {
    return `$O.${this.bucket}.C.${id}`;
  }

  #describedOn(name: string): string {
    const encoded = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    return `$O.${this.bucket}.M.${encoded}`;
  }
}

/** Cuts a source into chunks, the last of which may be shorter. */
async function* chunksOf(source: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  if (source instanceof Uint8Array) {
    for (let from = 0; from < source.length; from += CHUNK_BYTES)
      yield source.subarray(from, from + CHUNK_BYTES);
    return;
  }
  let rest: Uint8Array = new Uint8Array();
  for await (const part of source) {
    let joined = rest.length === 0 ? part : Buffer.concat([rest, part]);
    while (joined.length >= CHUNK_BYTES) {
      yield joined.subarray(0, CHUNK_BYTES);
      joined = joined.subarray(CHUNK_BYTES);
    }
    // A copy, as the source may use its buffer again.
    rest = Uint8Array.from(joined);
  }
  if (rest.length > 0) yield rest;
}
