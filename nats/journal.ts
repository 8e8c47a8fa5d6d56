// The runtime's event journal on one subject of a stream: one writer, fenced by compare-and-set on the subject's last
// sequence. The last message of the subject is never deleted, as it carries the epoch and servers before 2.12 would
// forget the sequence. What a refused append means is told from that message.
import { nuid } from 'nats';
import {
  type Codec,
  type Journal,
  JournalConflict,
  JournalFenced,
  type JournalFrame,
  type JournalStanding,
  type Logger,
  type SnapshotPointer,
} from '#runtime';
import { VersionedCodec } from './codec.ts';
import type { NatsLink } from './connection.ts';
import { JournalNotOwned, StreamFull } from './errors.ts';
import { publishFenced } from './fenced-publish.ts';
import { decodeFrame, encodeEvents, encodeFrame, type Snapshots } from './journal-frame.ts';
import { readOrdered } from './ordered-reader.ts';
import { patiently } from './patience.ts';
import { readStored } from './stored-message.ts';

/** Which journal. */
export interface NatsJournalOptions {
  readonly stream: string;
  readonly subject: string;
  /** Frames are split above this size, between events; default 512 KiB. */
  readonly maxFrameBytes?: number;
  /** How frames are written and read; default: in the lowest version. */
  readonly codec?: Codec;
  /** Makes ids which no other writer ever makes. */
  readonly newId?: () => string;
}

/** What the owner knows of the journal. */
interface Tenure {
  readonly epoch: number;
  last: number;
  snapshots: Snapshots;
}

/** One journal as one owner uses it. */
export class NatsJournal implements Journal {
  readonly #link: NatsLink;
  readonly #log: Logger;
  readonly #stream: string;
  readonly #subject: string;
  readonly #maxFrameBytes: number;
  readonly #codec: Codec;
  readonly #newId: () => string;
  /** Set while this instance may append; a refused or failed append ends it. */
  #tenure: Tenure | undefined;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(link: NatsLink, options: NatsJournalOptions) {
    this.#link = link;
    this.#log = link.log;
    this.#stream = options.stream;
    this.#subject = options.subject;
    this.#maxFrameBytes = options.maxFrameBytes ?? 512 * 1024;
    this.#codec = options.codec ?? new VersionedCodec();
    this.#newId = options.newId ?? (() => nuid.next());
  }

  /** See `Journal.own`. @throws JournalFenced; CodecError when the last frame is not readable; StreamFull; NoStream */
  own(wanted?: number): Promise<JournalStanding> {
    return this.#exclusive(async () => {
      this.#tenure = undefined;
      for (;;) {
        const last = await readStored(this.#link, this.#stream, { last_by_subj: this.#subject });
        const before = last === undefined ? undefined : decodeFrame(last.data, this.#codec);
        const epoch = wanted ?? (before?.epoch ?? 0) + 1;
        if (before !== undefined && before.epoch > epoch) {
          throw new JournalFenced(
            `journal ${this.#subject}, epoch ${epoch}: owned under epoch ${before.epoch} since`,
          );
        }
        const snapshots = before?.snapshots ?? [];
        const data = encodeFrame({ kind: 'owned', epoch, snapshots, events: [] }, this.#codec);
        const outcome = await this.#publish(data, last?.sequence ?? 0);
        if (outcome.type === 'refused') continue;
        this.#tenure = { epoch, last: outcome.sequence, snapshots };
        const newest = snapshots[0];
        const { sequence } = outcome;
        return newest === undefined ? { epoch, sequence } : { epoch, sequence, snapshot: newest };
      }
    });
  }

  /** See `Journal.standing`. @throws CodecError when the last frame is not readable */
  async standing(): Promise<JournalStanding> {
    const last = await readStored(this.#link, this.#stream, { last_by_subj: this.#subject });
    if (last === undefined) return { epoch: 0, sequence: 0 };
    const { epoch, snapshots } = decodeFrame(last.data, this.#codec);
    const [snapshot] = snapshots;
    return { epoch, sequence: last.sequence, ...(snapshot && { snapshot }) };
  }

  async *replay(afterSequence: number, throughSequence: number): AsyncGenerator<JournalFrame, void> {
    const range = { subject: this.#subject, fromSequence: afterSequence + 1, throughSequence };
    for await (const { sequence, data } of readOrdered(this.#link, this.#stream, range)) {
      const { epoch, events } = decodeFrame(data, this.#codec);
      yield { sequence, epoch, events };
    }
  }

  /**
   * See `Journal.append`. After a rejection nothing more can be appended until `own`, but after StreamFull: then nothing
   * was stored, and the same may be appended again.
   * @throws JournalFenced, JournalConflict, JournalNotOwned, StreamFull
   */
  append(events: readonly unknown[]): Promise<number> {
    return this.#exclusive(async () => {
      const tenure = this.#owned();
      if (events.length === 0) return tenure.last;
      const { epoch, snapshots } = tenure;
      // Where the first frame of a batch is stored, the others wait for room: half a batch is none.
      let whenFull: 'fail' | 'wait' = 'fail';
      for (const data of encodeEvents({ epoch, snapshots, events }, this.#maxFrameBytes, this.#codec)) {
        await this.#append(tenure, data, whenFull);
        whenFull = 'wait';
      }
      return tenure.last;
    });
  }

  /** See `Journal.recordSnapshot`. @throws RangeError for a pointer older than the newest; as `append` */
  recordSnapshot(pointer: SnapshotPointer): Promise<void> {
    return this.#exclusive(async () => {
      const tenure = this.#owned();
      const newest = tenure.snapshots[0];
      if (newest?.sequence === pointer.sequence && newest.digest === pointer.digest) return;
      assertNewest(pointer, tenure);
      const snapshots = newest === undefined ? [pointer] : [pointer, newest];
      const data = encodeFrame({ kind: 'snapshot', epoch: tenure.epoch, snapshots, events: [] }, this.#codec);
      await this.#append(tenure, data, 'fail');
      tenure.snapshots = snapshots;
      if (newest !== undefined) await this.#truncate(newest.sequence);
    });
  }

  /** See `Journal.compactTo`. @throws RangeError for a pointer older than the newest; as `append` */
  compactTo(pointer: SnapshotPointer): Promise<void> {
    return this.#exclusive(async () => {
      const tenure = this.#owned();
      assertNewest(pointer, tenure);
      const snapshots = [pointer];
      const data = encodeFrame({ kind: 'snapshot', epoch: tenure.epoch, snapshots, events: [] }, this.#codec);
      await this.#append(tenure, data, 'fail');
      tenure.snapshots = snapshots;
      await this.#purge({ seq: pointer.sequence + 1 });
    });
  }

  /** See `Journal.discard`. */
  discard(): Promise<void> {
    return this.#exclusive(async () => {
      this.#tenure = undefined;
      await this.#purge({});
    });
  }

  /** Of the stream, which the journals of a dataset share. */
  async usage(): Promise<{ readonly bytes: number; readonly maxBytes: number }> {
    const { state, config } = await patiently(this.#link, () =>
      this.#link.manager.streams.info(this.#stream),
    );
    return {
      bytes: state.bytes,
      maxBytes: config.max_bytes < 0 ? Number.POSITIVE_INFINITY : config.max_bytes,
    };
  }

  #owned(): Tenure {
    if (this.#tenure === undefined) {
      throw new JournalNotOwned(`journal ${this.#subject} is not owned by this instance: call own() first`);
    }
    return this.#tenure;
  }

  async #append(tenure: Tenure, data: Uint8Array, whenFull: 'fail' | 'wait'): Promise<void> {
    this.#tenure = undefined; // until the outcome is known to be good
    const outcome = await this.#publish(data, tenure.last, whenFull).catch((error: unknown) => {
      if (error instanceof StreamFull) this.#tenure = tenure;
      throw error;
    });
    if (outcome.type === 'refused') throw this.#refusal(tenure, outcome.last);
    tenure.last = outcome.sequence;
    this.#tenure = tenure;
  }

  #refusal(
    tenure: Tenure,
    last: { readonly sequence: number; readonly data: Uint8Array } | undefined,
  ): Error {
    const where = `journal ${this.#subject}, epoch ${tenure.epoch}`;
    const expected = `expected ${tenure.last} as the last sequence`;
    if (last === undefined) return new JournalConflict(`${where}: ${expected}, found no message`);
    const { epoch } = decodeFrame(last.data, this.#codec);
    if (epoch > tenure.epoch) return new JournalFenced(`${where}: owned under epoch ${epoch} since`);
    return new JournalConflict(`${where}: ${expected}, found ${last.sequence} of epoch ${epoch}`);
  }

  #publish(data: Uint8Array, expected: number, whenFull: 'fail' | 'wait' = 'fail') {
    const { stream, subject } = { stream: this.#stream, subject: this.#subject };
    return publishFenced(this.#link, { stream, subject, data, id: this.#newId(), expected, whenFull });
  }

  /** Removes frames which both snapshots hold. A failure only leaves them for the next time. */
  async #truncate(throughSequence: number): Promise<void> {
    try {
      await this.#purge({ seq: throughSequence + 1 });
    } catch (error) {
      this.#log.warn({ subject: this.#subject, error: String(error) }, 'journal heads were not truncated');
    }
  }

  /** Deletes the subject's messages below a sequence, or all. */
  async #purge(below: { readonly seq?: number }): Promise<void> {
    const purge = { filter: this.#subject, ...below };
    await patiently(this.#link, () => this.#link.manager.streams.purge(this.#stream, purge));
  }

  /** One operation at a time, in the order of the calls. */
  #exclusive<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(operation, operation);
    this.#busy = result.catch(() => {});
    return result;
  }
}

/** @throws RangeError for a snapshot that is older than the newest one, or of what is not journaled */
function assertNewest({ sequence }: SnapshotPointer, { snapshots: [newest], last }: Tenure): void {
  const from = newest?.sequence ?? 0;
  if (sequence >= from && sequence <= last) return;
  throw new RangeError(
    `snapshot at ${sequence}: expected ${from} to ${last} (newest snapshot to last frame)`,
  );
}
