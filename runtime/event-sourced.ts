// State that is the sum of its journaled events: recovered from the last snapshot and the events after it,
// changed only by events whose append was acknowledged. Index shards and the manifest keeper are built on it;
// the fence is the journal's, so that a former owner cannot write.

import { toError } from './actor-errors.ts';
import { type FaultPoints, noFaults } from './fault-points.ts';
import { StorageFull } from './journal-errors.ts';
import { silentLogger } from './loggers.ts';
import type { Journal, ListedBlobStore, Logger, SnapshotPointer } from './ports.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { TailWeight } from './tail-weight.ts';

/** What an event-sourced state is made of. */
export interface EventSourcedOptions<S, E> {
  readonly journal: Journal;
  readonly blobs: ListedBlobStore;
  /** Snapshots are stored under `prefix/<sha256 of the bytes, 64 hex>`. */
  readonly prefix: string;
  /** The state before any event. */
  initial(): S;
  /** Changes the state by one event; must be deterministic, must not throw. */
  apply(state: S, event: E): void;
  encodeSnapshot(state: S): Uint8Array;
  decodeSnapshot(bytes: Uint8Array): S;
  /** Events after the last snapshot below which no new one is taken; default 1,000. */
  readonly minTailEvents?: number;
  /** Default: silent. */
  readonly log?: Logger;
  /** Under which the journal is owned; default one higher than any before. */
  readonly epoch?: number;
  /** Loaded by `prepare`, to be used once: recovery then reads only what came later. */
  readonly prepared?: PreparedState<S> | undefined;
  /** Reaches `persist.before-append` and `persist.after-append`; default none. */
  readonly faults?: FaultPoints;
}

const defaultMinTailEvents = 1_000;

/** A state as far as it was loaded, and what a journal says of it. */
export interface PreparedState<S> {
  readonly state: S;
  /** Of the last frame whose events it holds. */
  readonly sequence: number;
  readonly tail: TailWeight;
}

/** An owned, recovered state. */
export class EventSourced<S, E> {
  /** The epoch under which the journal is owned. */
  readonly epoch: number;
  readonly #options: EventSourcedOptions<S, E>;
  readonly #snapshots: SnapshotStore;
  readonly #tail: TailWeight;
  readonly #state: S;
  readonly #log: Logger;
  readonly #faults: FaultPoints;
  #lastSequence: number;
  /** Appends and snapshot records, one at a time. It never rejects. */
  #queue: Promise<void> = Promise.resolve();
  #snapshotUnderWay: Promise<void> | undefined;
  /** Set when the state and the journal may have parted: only a new recovery helps. */
  #broken: Error | undefined;

  /**
   * Loads the state without owning the journal, while another owner may still write.
   * @throws SnapshotUnreadable, or what the journal and the blob store throw
   */
  static async prepare<S, E>(options: EventSourcedOptions<S, E>): Promise<PreparedState<S>> {
    const { snapshot, sequence } = await options.journal.standing();
    return replayed(options, await loaded(options, snapshot), sequence);
  }

  /**
   * Takes the journal under its epoch, loads the snapshot that counts and replays what came after it.
   * @throws JournalFenced, SnapshotUnreadable, or what the journal and the blob store throw
   */
  static async recover<S, E>(options: EventSourcedOptions<S, E>): Promise<EventSourced<S, E>> {
    const { journal, blobs, prefix, prepared } = options;
    const owned = await journal.own(options.epoch);
    // What a snapshot holds may be gone from the journal: an older state cannot be brought up to date any more.
    const usable = prepared !== undefined && prepared.sequence >= (owned.snapshot?.sequence ?? 0);
    const start = usable ? prepared : await loaded(options, owned.snapshot);
    const { state, tail } = await replayed(options, start, owned.sequence);
    const snapshots = new SnapshotStore(blobs, prefix, owned.snapshot);
    return new EventSourced(options, { ...owned, snapshots, tail, state });
  }

  private constructor(
    options: EventSourcedOptions<S, E>,
    recovered: {
      readonly epoch: number;
      readonly sequence: number;
      readonly snapshots: SnapshotStore;
      readonly tail: TailWeight;
      readonly state: S;
    },
  ) {
    this.#options = options;
    this.epoch = recovered.epoch;
    this.#lastSequence = recovered.sequence;
    this.#snapshots = recovered.snapshots;
    this.#tail = recovered.tail;
    this.#state = recovered.state;
    this.#log = options.log ?? silentLogger;
    this.#faults = options.faults ?? noFaults;
    this.#snapshotIfDue();
  }

  /** The state after all acknowledged events; change it through `persist` only. */
  get state(): S {
    return this.#state;
  }

  /** Sequence up to which (inclusive) the state holds the journal's events. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /**
   * Appends the events as one batch and then applies them, in the order of the calls. A failed append changes
   * nothing and rethrows; after JournalFenced the state must not be answered from any more, after StorageFull the
   * same events may be persisted again.
   */
  persist(events: readonly E[]): Promise<void> {
    if (events.length === 0) return Promise.resolve();
    return this.#inTurn(async () => {
      this.#throwIfBroken();
      this.#faults.reach('persist.before-append');
      const sequence = await this.#options.journal.append(events);
      this.#faults.reach('persist.after-append');
      this.#applyAll(events, sequence);
      this.#snapshotIfDue();
    });
  }

  /**
   * Leaves nothing but one snapshot of the present state: older events and snapshots are deleted, so that what an event
   * took out of the state is nowhere any more. A failure leaves it to be called again.
   */
  async compact(): Promise<void> {
    while (this.#snapshotUnderWay !== undefined) await this.#snapshotUnderWay;
    const compacted = this.#inTurn(() => this.#compactNow());
    this.#snapshotUnderWay = compacted
      .catch(() => {})
      .finally(() => {
        this.#snapshotUnderWay = undefined;
      });
    return compacted;
  }

  /** Resolves when no append and no snapshot is under way; call it before letting go of the journal. */
  async settled(): Promise<void> {
    await this.#queue;
    await this.#snapshotUnderWay;
  }

  async #compactNow(): Promise<void> {
    this.#throwIfBroken();
    const sequence = this.#lastSequence;
    const bytes = this.#options.encodeSnapshot(this.#state);
    const digest = await this.#snapshots.put(bytes);
    this.#faults.reach('compact.stored');
    try {
      await this.#options.journal.compactTo({ sequence, digest });
    } catch (thrown) {
      if (!(thrown instanceof StorageFull)) this.#broken = toError(thrown);
      throw thrown;
    }
    this.#tail.snapshotBegun(bytes.byteLength);
    this.#faults.reach('compact.recorded');
    await this.#snapshots.keepOnly(digest);
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(step);
    this.#queue = result.catch(() => {});
    return result;
  }

  #throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #applyAll(events: readonly E[], sequence: number): void {
    try {
      for (const event of events) {
        this.#options.apply(this.#state, event);
        this.#tail.add(event);
      }
    } catch (thrown) {
      this.#broken = toError(thrown);
      throw thrown;
    }
    this.#lastSequence = sequence;
  }

  /** Encodes at once, while the state is that of `lastSequence`; storing goes on beside further appends. */
  #snapshotIfDue(): void {
    if (this.#snapshotUnderWay !== undefined || !this.#tail.isDue) return;
    const sequence = this.#lastSequence;
    const bytes = this.#options.encodeSnapshot(this.#state);
    this.#tail.snapshotBegun(bytes.byteLength);
    this.#snapshotUnderWay = this.#store(bytes, sequence).finally(() => {
      this.#snapshotUnderWay = undefined;
    });
  }

  async #store(bytes: Uint8Array, sequence: number): Promise<void> {
    let digest: string;
    try {
      digest = await this.#snapshots.put(bytes);
    } catch (thrown) {
      // Nothing is lost but the saving: the next one is taken when the tail has grown as much again.
      this.#log.warn({ prefix: this.#options.prefix, err: toError(thrown) }, 'snapshot could not be stored');
      return;
    }
    await this.#inTurn(() => this.#record({ sequence, digest }));
  }

  async #record(pointer: { readonly sequence: number; readonly digest: string }): Promise<void> {
    if (this.#broken !== undefined) return;
    try {
      await this.#options.journal.recordSnapshot(pointer);
    } catch (thrown) {
      if (thrown instanceof StorageFull) {
        this.#log.warn({ prefix: this.#options.prefix, err: thrown }, 'snapshot could not be recorded');
      } else {
        // A refused record is a refused append: the next `persist` says so.
        this.#broken = toError(thrown);
      }
      return;
    }
    try {
      await this.#snapshots.recorded(pointer.digest);
    } catch (thrown) {
      this.#log.warn(
        { prefix: this.#options.prefix, err: toError(thrown) },
        'old snapshot could not be deleted',
      );
    }
  }
}

/** The state of a snapshot, or the initial one. */
async function loaded<S, E>(
  options: EventSourcedOptions<S, E>,
  snapshot: SnapshotPointer | undefined,
): Promise<PreparedState<S>> {
  const bytes = await new SnapshotStore(options.blobs, options.prefix, snapshot).loadLast();
  const tail = new TailWeight(options.minTailEvents ?? defaultMinTailEvents, bytes?.byteLength ?? 0);
  const state = bytes === undefined ? options.initial() : options.decodeSnapshot(bytes);
  return { state, sequence: snapshot?.sequence ?? 0, tail };
}

/** Brings a state up to date with the journal, in place. */
async function replayed<S, E>(
  options: EventSourcedOptions<S, E>,
  { state, sequence, tail }: PreparedState<S>,
  throughSequence: number,
): Promise<PreparedState<S>> {
  for await (const frame of options.journal.replay(sequence, throughSequence)) {
    for (const event of frame.events) {
      // The journal holds what `persist` gave to it.
      options.apply(state, event as E);
      tail.add(event);
    }
  }
  return { state, sequence: throughSequence, tail };
}
