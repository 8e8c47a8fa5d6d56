// How often references of a source are fetched: at most `perSecond` on average, `burst` at once. A rate only delays:
// an item over it is given a time of its own, and is let through when it comes back at or after that time.
import type { Clock } from '#runtime';
import { globMatches } from '../rules/glob.ts';

export interface SourceRate {
  /** Glob over the item's source. Each source that it matches has a rate of its own. */
  readonly source: string;
  readonly perSecond: number;
  readonly burst: number;
}

/** Reservations whose item did not come back for this long after its time are forgotten. */
const FORGET_AFTER_MS = 60_000;
/** Sources whose state is kept before idle ones are looked for. */
const SWEEP_FROM = 1_024;

export class SourceRates {
  readonly #rates: readonly SourceRate[];
  readonly #clock: Clock;
  /** By source: when the next item may go if none were let through early, the "theoretical arrival" of GCRA. */
  readonly #next = new Map<string, number>();
  /** By item: when it may go. Insertion follows time, nearly: good enough to forget the oldest first. */
  readonly #reserved = new Map<string, number>();

  /** The first rate that matches a source counts. */
  constructor(options: { readonly rates: readonly SourceRate[]; readonly clock: Clock }) {
    this.#rates = options.rates;
    this.#clock = options.clock;
  }

  /** Takes the place of one item of `source`, if there is one now: false means that it has to be held. */
  tryTake(source: string): boolean {
    const rate = this.#rateOf(source);
    if (rate === undefined) return true;
    const nowMs = this.#clock.monotonicMs();
    if (this.#dueMs(source, rate, nowMs) > nowMs) return false;
    this.#advance(source, rate, nowMs);
    return true;
  }

  /**
   * How long the item must still wait, in ms; 0 lets it through. The first call gives it a time, which later calls
   * under the same key keep.
   */
  waitMs(source: string, key: string): number {
    const nowMs = this.#clock.monotonicMs();
    const reserved = this.#reserved.get(key);
    if (reserved !== undefined) {
      if (reserved <= nowMs) this.#reserved.delete(key);
      return Math.max(0, reserved - nowMs);
    }
    const rate = this.#rateOf(source);
    if (rate === undefined) return 0;
    const dueMs = this.#dueMs(source, rate, nowMs);
    this.#advance(source, rate, nowMs);
    if (dueMs <= nowMs) return 0;
    this.#forget(nowMs);
    this.#reserved.set(key, dueMs);
    return dueMs - nowMs;
  }

  /** Gives an item a time of its own, `delayMs` from now, whatever its source: someone asked for patience. */
  postpone(key: string, delayMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#forget(nowMs);
    this.#reserved.set(key, nowMs + delayMs);
  }

  #rateOf(source: string): SourceRate | undefined {
    return this.#rates.find((rate) => globMatches(rate.source, source));
  }

  /** When the next item of the source may go. */
  #dueMs(source: string, { perSecond, burst }: SourceRate, nowMs: number): number {
    return (this.#next.get(source) ?? nowMs) - ((burst - 1) * 1000) / perSecond;
  }

  #advance(source: string, { perSecond }: SourceRate, nowMs: number): void {
    if (this.#next.size >= SWEEP_FROM) {
      for (const [idle, next] of this.#next) if (next <= nowMs) this.#next.delete(idle);
    }
    this.#next.set(source, Math.max(nowMs, this.#next.get(source) ?? nowMs) + 1000 / perSecond);
  }

  #forget(nowMs: number): void {
    for (const [key, dueMs] of this.#reserved) {
      if (dueMs + FORGET_AFTER_MS > nowMs) return;
      this.#reserved.delete(key);
    }
  }
}
