// Stand-ins for the world, for tests of whatever is written against the ports: a clock that is moved by hand,
// a journal and a blob store in memory that keep the contracts of the durable ones.
import { JournalConflict, JournalFenced } from './journal-errors.ts';
import type { BlobStore, Clock, Journal, JournalFrame, SnapshotPointer } from './ports.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Time that stands still until a test moves it. Monotonic time begins at 0, wall time at `wallOriginMs`. */
export class ManualClock implements Clock {
  readonly #wallOriginMs: number;
  #nowMs = 0;
  #scheduled = 0;
  readonly #timers = new Set<Timer>();

  /** @param wallOriginMs default 2026-01-01 UTC */
  constructor(wallOriginMs = Date.UTC(2026, 0, 1)) {
    this.#wallOriginMs = wallOriginMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOriginMs + this.#nowMs;
  }

  schedule(delayMs: number, action: () => void): () => void {
    this.#scheduled += 1;
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#scheduled, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that have not run out. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on; timers fire in order of time, and whatever follows of each settles before the next. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await this.settle();
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.action();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      const sooner =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order);
      if (sooner) next = timer;
    }
    return next;
  }
}

interface StoredJournal {
  frames: JournalFrame[];
  lastSequence: number;
  epoch: number;
  snapshots: SnapshotPointer[];
}

/**
 * A journal in memory. `rival()` gives another owner's handle on the same journal; `failNext` makes the next
 * append or snapshot record fail before it changes anything.
 */
export class MemoryJournal implements Journal {
  readonly #stored: StoredJournal;
  readonly #maxBytes: number;
  #epoch = 0;
  #expectedSequence = 0;
  #failure: Error | undefined;
  #appending = false;

  /** @param maxBytes what `usage` answers as the limit; default 1 GiB */
  constructor(
    maxBytes = 2 ** 30,
    stored: StoredJournal = { frames: [], lastSequence: 0, epoch: 0, snapshots: [] },
  ) {
    this.#maxBytes = maxBytes;
    this.#stored = stored;
  }

  /** Another handle on the same journal, as another process would have it. */
  rival(): MemoryJournal {
    return new MemoryJournal(this.#maxBytes, this.#stored);
  }

  /** The next append or snapshot record is refused with this error. */
  failNext(error: Error): void {
    this.#failure = error;
  }

  /** The frames that are stored, oldest first; heads that were truncated are gone. */
  get frames(): readonly JournalFrame[] {
    return this.#stored.frames;
  }

  async own(): Promise<{
    readonly epoch: number;
    readonly sequence: number;
    readonly snapshot?: SnapshotPointer;
  }> {
    this.#stored.epoch += 1;
    this.#epoch = this.#stored.epoch;
    const sequence = this.#push([]);
    const snapshot = this.#stored.snapshots.at(-1);
    return { epoch: this.#epoch, sequence, ...(snapshot && { snapshot }) };
  }

  async *replay(afterSequence: number, throughSequence: number): AsyncIterable<JournalFrame> {
    const frames = this.#stored.frames.filter(
      ({ sequence }) => sequence > afterSequence && sequence <= throughSequence,
    );
    for (const frame of frames) {
      await Promise.resolve();
      yield frame;
    }
  }

  async append(events: readonly unknown[]): Promise<number> {
    await this.#admit();
    return this.#push(structuredClone(events));
  }

  async recordSnapshot(pointer: SnapshotPointer): Promise<void> {
    await this.#admit();
    this.#push([]);
    this.#stored.snapshots = [...this.#stored.snapshots, pointer].slice(-2);
    const [older, last] = this.#stored.snapshots;
    if (older === undefined || last === undefined) return;
    this.#stored.frames = this.#stored.frames.filter(({ sequence }) => sequence > older.sequence);
  }

  async usage(): Promise<{ readonly bytes: number; readonly maxBytes: number }> {
    return { bytes: JSON.stringify(this.#stored.frames).length, maxBytes: this.#maxBytes };
  }

  /** One append at a time, by the last owner, at the sequence that it knows. */
  async #admit(): Promise<void> {
    if (this.#appending) throw new JournalConflict('expected one append in flight, but there were two');
    this.#appending = true;
    try {
      await Promise.resolve();
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure !== undefined) throw failure;
      if (this.#epoch !== this.#stored.epoch) {
        throw new JournalFenced(`expected epoch ${this.#epoch}, but the journal is at ${this.#stored.epoch}`);
      }
      if (this.#expectedSequence !== this.#stored.lastSequence) {
        throw new JournalConflict(
          `expected sequence ${this.#expectedSequence}, but the journal is at ${this.#stored.lastSequence}`,
        );
      }
    } finally {
      this.#appending = false;
    }
  }

  #push(events: readonly unknown[]): number {
    this.#stored.lastSequence += 1;
    this.#expectedSequence = this.#stored.lastSequence;
    this.#stored.frames.push({ sequence: this.#stored.lastSequence, epoch: this.#epoch, events });
    return this.#stored.lastSequence;
  }
}

/** A blob store in memory; it keeps its own copies of what it is given. */
export class MemoryBlobs implements BlobStore {
  readonly #blobs = new Map<string, Uint8Array>();

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.#blobs.set(key, Uint8Array.from(bytes));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const bytes = this.#blobs.get(key);
    return bytes && Uint8Array.from(bytes);
  }

  async has(key: string): Promise<boolean> {
    return this.#blobs.has(key);
  }

  async delete(key: string): Promise<void> {
    this.#blobs.delete(key);
  }

  /** Keys that are stored, in the order of their first put. */
  keys(): readonly string[] {
    return [...this.#blobs.keys()];
  }
}
