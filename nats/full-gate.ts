// Holds back the messages of one subject whose stream said "later". One probe goes out after a growing pause; each
// success doubles how many may be under way, each refusal closes the gate again. So a full stream is asked a few
// times a second however many messages wait, and waiting messages hold no place in the publisher's window.
import type { Clock, RandomSource } from '#runtime';
import { Fifo } from './fifo.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** What a gate holds: `order` is the order of publishing, kept when held messages go out again. */
export interface Gated {
  readonly order: number;
  readonly settled: boolean;
}

/** Why a gate is closed: JetStream's code and words. */
export interface Refusal {
  readonly code: number;
  readonly description: string;
}

/** The gate of one subject. */
export class FullGate<T extends Gated> {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #opened: () => void;
  readonly #fresh = new Fifo<T>();
  #returned: T[] = [];
  #pauseMs = FIRST_PAUSE_MS;
  #allowance = 1;
  #underWay = 0;
  #cancel: (() => void) | undefined;
  #refused: (Refusal & { readonly sinceMs: number }) | undefined;

  /** `opened` is called when held messages may be taken. */
  constructor(options: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly opened: () => void;
  }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#opened = options.opened;
  }

  /** Nothing is held or under way, so the gate may be removed. */
  get idle(): boolean {
    return this.#underWay === 0 && this.#fresh.length === 0 && this.#returned.length === 0;
  }

  /** Messages held back. */
  get held(): number {
    return this.#fresh.length + this.#returned.length;
  }

  /** Why and since when (by the clock's monotonic time) nothing has passed; undefined while something does. */
  get refused(): (Refusal & { readonly sinceMs: number }) | undefined {
    return this.#refused;
  }

  /** Holds a message which was not sent yet. */
  hold(item: T): void {
    this.#fresh.push(item);
  }

  /** Takes back a message which the stream refused, and closes the gate for a pause. */
  giveBack(item: T, wasUnderWay: boolean, refusal: Refusal): void {
    if (wasUnderWay) this.#underWay--;
    this.#refused = { ...refusal, sinceMs: this.#refused?.sinceMs ?? this.#clock.monotonicMs() };
    this.#returned.push(item);
    this.#allowance = 1;
    if (this.#cancel !== undefined) return;
    const pause = this.#pauseMs * (0.8 + 0.4 * this.#random.next());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#cancel = this.#clock.schedule(pause, () => {
      this.#cancel = undefined;
      this.#returned.sort((a, b) => a.order - b.order);
      this.#opened();
    });
  }

  /** One of the gate's messages was stored. */
  passed(): void {
    this.#underWay--;
    this.#refused = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#allowance = Math.min(this.#allowance * 2, 1_024);
  }

  /** One of the gate's messages ended without an answer which tells about the stream. */
  dropped(): void {
    this.#underWay--;
  }

  /** The next message which may go out now, if any; counts as under way. */
  take(): T | undefined {
    if (this.#cancel !== undefined || this.#underWay >= this.#allowance) return undefined;
    let item = this.#returned.shift() ?? this.#fresh.shift();
    while (item?.settled === true) item = this.#returned.shift() ?? this.#fresh.shift();
    if (item !== undefined) this.#underWay++;
    return item;
  }

  /** Stops the pause and returns everything held. */
  close(): T[] {
    this.#cancel?.();
    this.#cancel = undefined;
    const held = [...this.#returned, ...this.#fresh.drain()];
    this.#returned = [];
    return held;
  }
}
