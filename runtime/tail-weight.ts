// Decides when an event-sourced state is due for a snapshot: when the events since the last one weigh more
// than that one did, so that writing snapshots costs each event a constant share however large the state is.
import { serialize } from 'node:v8';

/** One event in this many is weighed, for all of them: weighing costs about as much as encoding. */
const sampleEvery = 16;

/** Events since the last snapshot, and what they weigh. */
export class TailWeight {
  readonly #minEvents: number;
  #snapshotBytes: number;
  #events = 0;
  #bytes = 0;
  #untilSample = 0;
  #sampledBytes = 0;

  /**
   * @param minEvents events below which no snapshot is due
   * @param snapshotBytes size of the last snapshot, 0 for none
   */
  constructor(minEvents: number, snapshotBytes: number) {
    this.#minEvents = minEvents;
    this.#snapshotBytes = snapshotBytes;
  }

  get isDue(): boolean {
    return this.#events >= this.#minEvents && this.#bytes >= this.#snapshotBytes;
  }

  /** Counts one more event. */
  add(event: unknown): void {
    if (this.#untilSample === 0) {
      this.#sampledBytes = serialize(event).byteLength;
      this.#untilSample = sampleEvery;
    }
    this.#untilSample -= 1;
    this.#events += 1;
    this.#bytes += this.#sampledBytes;
  }

  /** A snapshot of this size has been taken: the tail begins anew. */
  snapshotBegun(bytes: number): void {
    this.#snapshotBytes = bytes;
    this.#events = 0;
    this.#bytes = 0;
  }
}
