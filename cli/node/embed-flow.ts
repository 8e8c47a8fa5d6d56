// What became of the requests for one model's vectors on this node: in all, and over the last 15 seconds, for `status`.
import { type EmbedMeter, REQUEST_OUTCOMES, type RequestOutcome, type VectorCause } from '#actors';
import type { Clock } from '#runtime';

/** Requests that had a vector in the last `windowMs`, and those of them for which the model did not run. */
export interface RecentVectors {
  readonly windowMs: number;
  readonly answered: number;
  readonly hits: number;
}

const WINDOW_MS = 15_000;
const SLOT_MS = 1_000;

interface Slot {
  readonly fromMs: number;
  answered: number;
  hits: number;
}

export class EmbedFlow implements EmbedMeter {
  readonly #clock: Clock;
  readonly #beganMs: number;
  readonly #requests = Object.fromEntries(REQUEST_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    RequestOutcome,
    number
  >;
  /** Oldest first; those before the window are forgotten. */
  readonly #slots: Slot[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
  }

  ended(outcome: RequestOutcome): void {
    this.#requests[outcome] += 1;
  }

  found(cause: VectorCause): void {
    const slot = this.#slot();
    slot.answered += 1;
    if (cause !== 'inference') slot.hits += 1;
  }

  ran(): void {}

  /** Requests by how they ended, since the start. */
  get requests(): Readonly<Record<RequestOutcome, number>> {
    return this.#requests;
  }

  /** Whole seconds, so the span may be one longer than 15, or since it began. */
  recent(): RecentVectors {
    const nowMs = this.#clock.monotonicMs();
    const fromMs = Math.max(this.#beganMs, Math.floor((nowMs - WINDOW_MS) / SLOT_MS) * SLOT_MS);
    const recent = this.#slots.filter((slot) => slot.fromMs + SLOT_MS > fromMs);
    const sum = (field: 'answered' | 'hits') => recent.reduce((all, slot) => all + slot[field], 0);
    return { windowMs: nowMs - fromMs, answered: sum('answered'), hits: sum('hits') };
  }

  #slot(): Slot {
    const fromMs = Math.floor(this.#clock.monotonicMs() / SLOT_MS) * SLOT_MS;
    const last = this.#slots.at(-1);
    if (last?.fromMs === fromMs) return last;
    const slot = { fromMs, answered: 0, hits: 0 };
    this.#slots.push(slot);
    while ((this.#slots[0]?.fromMs ?? fromMs) < fromMs - WINDOW_MS) this.#slots.shift();
    return slot;
  }
}
