// A journal in memory that keeps the contract of the durable one: one writer, fenced by epoch and sequence.
import { JournalConflict, JournalFenced } from '../journal-errors.ts';
import type { Journal, JournalFrame, JournalStanding, SnapshotPointer } from '../ports.ts';

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

  async own(epoch = this.#stored.epoch + 1): Promise<JournalStanding> {
    if (this.#stored.epoch > epoch) {
      throw new JournalFenced(`expected epoch ${epoch}, but the journal is at ${this.#stored.epoch}`);
    }
    this.#stored.epoch = epoch;
    this.#epoch = epoch;
    const sequence = this.#push([]);
    const snapshot = this.#stored.snapshots.at(-1);
    return { epoch: this.#epoch, sequence, ...(snapshot && { snapshot }) };
  }

  async standing(): Promise<JournalStanding> {
    const { epoch, lastSequence: sequence, snapshots } = this.#stored;
    const snapshot = snapshots.at(-1);
    return { epoch, sequence, ...(snapshot && { snapshot }) };
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

  async compactTo(pointer: SnapshotPointer): Promise<void> {
    await this.#admit();
    this.#push([]);
    this.#stored.snapshots = [pointer];
    this.#stored.frames = this.#stored.frames.filter(({ sequence }) => sequence > pointer.sequence);
  }

  async discard(): Promise<void> {
    this.#stored.frames = [];
    this.#stored.snapshots = [];
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
