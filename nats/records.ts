// Small mutable records in a key-value bucket (as ADR-8 lays it out, so that the nats command reads them too).
// Decisions are made by compare-and-set alone, and reads come from the leader.
import { nuid } from 'nats';
import type { RecordChange, SharedRecords } from '#runtime';
import type { NatsLink } from './connection.ts';
import { InvalidName, isPermissionViolation, PermissionDenied } from './errors.ts';
import { publishFenced } from './fenced-publish.ts';
import { recordStream } from './names.ts';
import { patiently } from './patience.ts';
import { readStored, type StoredMessage } from './stored-message.ts';

const KEY = /^[-/_=.a-zA-Z0-9]+$/;
const READS_AT_ONCE = 64;

/** One record as it is. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
  /** By the server's clock, milliseconds since 1970; for people. */
  readonly storedAtMs: number;
  /** Milliseconds since then by the clock of the server, which tells it from 2.10 on; before, by that of this machine. */
  readonly ageMs: number;
}

/** The records of one bucket. */
export class NatsRecords implements SharedRecords {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #whenFull: 'wait' | 'fail';

  /** `whenFull`: whether a change waits for room (`wait`) or throws `StreamFull` (`fail`, the default). */
  constructor(link: NatsLink, bucket: string, options: { readonly whenFull?: 'wait' | 'fail' } = {}) {
    this.#link = link;
    this.#whenFull = options.whenFull ?? 'fail';
    this.#stream = recordStream(bucket);
    this.#prefix = `$KV.${bucket}.`;
  }

  async get(key: string): Promise<{ readonly value: Uint8Array; readonly revision: number } | undefined> {
    const last = await this.#last(key);
    return last && { value: last.data, revision: last.sequence };
  }

  /** See `RecordStore.compareAndSet`. A deleted record is absent, whatever revision its marker has. */
  async compareAndSet(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    const subject = this.#subject(key);
    for (let expected = revision; ; ) {
      const message = {
        stream: this.#stream,
        subject,
        data: value,
        id: nuid.next(),
        expected,
        whenFull: this.#whenFull,
      };
      const outcome = await publishFenced(this.#link, message);
      if (outcome.type === 'stored') return outcome.sequence;
      const overMarker = revision === 0 && outcome.last !== undefined && isMarker(outcome.last);
      if (!overMarker) return undefined;
      expected = outcome.last.sequence;
    }
  }

  /** Deletes whatever is there: watchers see the marker, which is then removed so that deleted keys cost nothing. */
  async delete(key: string): Promise<void> {
    const subject = this.#subject(key);
    const headers = { 'KV-Operation': 'PURGE', 'Nats-Rollup': 'sub' };
    const { sequence } = await this.#link.publisher.publish({ subject, data: new Uint8Array(), headers });
    await this.#forget(subject, sequence);
  }

  /** See `SharedRecords.deleteAt`. */
  async deleteAt(key: string, revision: number): Promise<boolean> {
    const headers = { 'KV-Operation': 'PURGE', 'Nats-Rollup': 'sub' };
    const subject = this.#subject(key);
    const message = { stream: this.#stream, subject, data: new Uint8Array(), id: nuid.next(), headers };
    const outcome = await publishFenced(this.#link, { ...message, expected: revision });
    if (outcome.type === 'refused') return false;
    await this.#forget(subject, outcome.sequence);
    return true;
  }

  /**
   * See `SharedRecords.changes`. Each read is the leader's. It ends with one that finds nothing newer, so that no record
   * which was overwritten meanwhile is missing; where nothing has changed, that is the only one.
   */
  async changes(revision: number): Promise<readonly RecordChange[]> {
    const newest = new Map<string, RecordChange>();
    for (let known = revision; ; ) {
      const last = await readStored(this.#link, this.#stream, { last_by_subj: `${this.#prefix}>` });
      if (last === undefined || last.sequence <= known) {
        return [...newest.values()].sort((one, other) => one.revision - other.revision);
      }
      for (const change of await this.#changed(known, last)) newest.set(change.key, change);
      known = last.sequence;
    }
  }

  /** What stands now of what was written after `known`, up to `last`, in order: many small reads at once. */
  async #changed(known: number, last: StoredMessage): Promise<readonly RecordChange[]> {
    const before = last.sequence - known - 1;
    if (before > READS_AT_ONCE) {
      const entries = await this.entries();
      return entries.filter((entry) => entry.revision > known);
    }
    const sequences = Array.from({ length: before }, (_, at) => known + 1 + at);
    const read = await Promise.all(sequences.map((seq) => readStored(this.#link, this.#stream, { seq })));
    const found = read.filter((message) => message !== undefined);
    return [...found, last].map((message) => {
      const key = message.subject.slice(this.#prefix.length);
      return { key, value: isMarker(message) ? undefined : message.data, revision: message.sequence };
    });
  }

  async keys(): Promise<readonly string[]> {
    return (await this.entries()).map(({ key }) => key);
  }

  /** All records whose key begins with `prefix`, sorted by key; each as it was when it was read. */
  async entries(prefix = ''): Promise<readonly StoredRecord[]> {
    const filter = `${this.#prefix}>`;
    const info = await patiently(this.#link, () =>
      this.#link.manager.streams.info(this.#stream, { subjects_filter: filter }),
    );
    const nowMs = serverTimeMs(info) ?? this.#link.clock.wallMs();
    const { state } = info;
    const keys = Object.keys(state.subjects ?? {})
      .map((subject) => subject.slice(this.#prefix.length))
      .filter((key) => key.startsWith(prefix))
      .sort();
    const records: StoredRecord[] = [];
    for (let first = 0; first < keys.length; first += READS_AT_ONCE) {
      const slice = keys.slice(first, first + READS_AT_ONCE);
      const found = await Promise.all(slice.map((key) => this.#last(key)));
      slice.forEach((key, index) => {
        const last = found[index];
        if (last === undefined) return;
        const { data: value, sequence: revision, storedAt } = last;
        const storedAtMs = Date.parse(storedAt);
        const ageMs = Math.max(0, nowMs - storedAtMs);
        records.push({ key, value, revision, storedAtMs, ageMs });
      });
    }
    return records;
  }

  async #last(key: string): Promise<StoredMessage | undefined> {
    const last = await readStored(this.#link, this.#stream, { last_by_subj: this.#subject(key) });
    return last === undefined || isMarker(last) ? undefined : last;
  }

  /**
   * Removes a marker, once watchers have been told by it. Whoever may change some records only may purge none: the marker
   * then stays, which is as good as no record.
   */
  async #forget(subject: string, sequence: number): Promise<void> {
    try {
      await patiently(this.#link, () =>
        this.#link.manager.streams.purge(this.#stream, { filter: subject, seq: sequence + 1 }),
      );
    } catch (error) {
      if (!(error instanceof PermissionDenied) && !isPermissionViolation(error)) throw error;
    }
  }

  #subject(key: string): string {
    if (!KEY.test(key) || key.startsWith('.') || key.endsWith('.') || key.includes('..')) {
      throw new InvalidName(
        `record key ${JSON.stringify(key)}: expected tokens of a-z, A-Z, 0-9, - / _ = and dots between`,
      );
    }
    return this.#prefix + key;
  }
}

/** When the server gave an answer, by its own clock. */
function serverTimeMs(answer: object): number | undefined {
  const { ts } = answer as { readonly ts?: unknown };
  const timeMs = typeof ts === 'string' ? Date.parse(ts) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function isMarker(message: StoredMessage): boolean {
  return message.header('KV-Operation') !== undefined;
}
