// How many requests go into one run of a model: adapted to what is measured, within limits. It climbs one size while
// enough is waiting and more items a second come of it, steps back when a larger size gave no more or took too long, and
// halves when memory ran out. Pure: whoever runs the model tells what happened.

export interface BatchSizeOptions {
  /** Sizes that runs may have: ascending, 1 first. */
  readonly sizes: readonly number[];
  /** Longest time that a run should take, in ms. */
  readonly latencyMs: number;
}

/** Runs at a size before it is judged. */
const RUNS_TO_JUDGE = 4;
/** A larger size must give so much more than the one before it, or it is not worth its latency. */
const WORTH = 1.03;
/** Full runs after which a size that was refused is tried again. */
const RETRY_AFTER_RUNS = 200;

interface Measured {
  items: number;
  ms: number;
  runs: number;
}

export class BatchSize {
  readonly #sizes: readonly number[];
  readonly #latencyMs: number;
  readonly #measured = new Map<number, Measured>();
  #at = 0;
  /** Index of the largest size that may be tried. */
  #ceiling: number;
  #fullRunsBelowCeiling = 0;
  #halved = 0;

  constructor({ sizes, latencyMs }: BatchSizeOptions) {
    if (sizes[0] !== 1 || sizes.some((size, at) => at > 0 && size <= (sizes[at - 1] ?? 0))) {
      throw new RangeError(`expected ascending sizes from 1, got ${sizes.join(', ')}`);
    }
    this.#sizes = sizes;
    this.#latencyMs = latencyMs;
    this.#ceiling = sizes.length - 1;
  }

  /** Most requests in one run now. */
  get limit(): number {
    return this.#sizes[this.#at] ?? 1;
  }

  /** How often memory ran out. */
  get halved(): number {
    return this.#halved;
  }

  /** The size of the next run with so many waiting: one of the sizes, and not above the limit. */
  take(waiting: number): number {
    const most = Math.min(waiting, this.limit);
    return this.#sizes.findLast((size) => size <= most) ?? 1;
  }

  /** A run of `items` took so long while `waiting` more were there after it was taken. */
  ran(items: number, ms: number, waiting: number): void {
    const measured = this.#measured.get(items) ?? { items: 0, ms: 0, runs: 0 };
    this.#measured.set(items, measured);
    // The older half counts for less: what a size gives changes with the load of the machine.
    if (measured.runs >= 4 * RUNS_TO_JUDGE) {
      measured.items /= 2;
      measured.ms /= 2;
      measured.runs = 2 * RUNS_TO_JUDGE;
    }
    measured.items += items;
    measured.ms += ms;
    measured.runs += 1;
    if (items !== this.limit) return;
    if (measured.runs >= RUNS_TO_JUDGE && this.#at > 0) {
      const tooSlow = this.#isTooSlow(measured);
      // The machine or the model is not what it was: what smaller sizes gave says nothing any more.
      if (tooSlow) this.#measured.clear();
      if (tooSlow || this.#isWorthless(items)) {
        this.#stepBack();
        return;
      }
    }
    if (measured.runs < RUNS_TO_JUDGE || waiting < (this.#sizes[this.#at + 1] ?? Number.POSITIVE_INFINITY)) {
      return;
    }
    if (this.#at < this.#ceiling) this.#at += 1;
    else if (this.#at < this.#sizes.length - 1) this.#longForMore();
  }

  /** Memory ran out in a run of `items`: the limit is half of that, until much later. */
  ranOut(items: number): void {
    const half = this.#sizes.findLastIndex((size) => size <= items / 2);
    this.#at = Math.max(0, Math.min(this.#at, half));
    this.#ceiling = this.#at;
    this.#fullRunsBelowCeiling = 0;
    this.#halved += 1;
  }

  #isTooSlow({ ms, runs }: Measured): boolean {
    return ms / runs > this.#latencyMs;
  }

  #isWorthless(items: number): boolean {
    const smaller = this.#sizes[this.#sizes.indexOf(items) - 1];
    const before = smaller === undefined ? undefined : this.#measured.get(smaller);
    const now = this.#measured.get(items);
    if (before === undefined || now === undefined || before.runs < RUNS_TO_JUDGE) return false;
    return now.items / now.ms < (before.items / before.ms) * WORTH;
  }

  #stepBack(): void {
    this.#measured.delete(this.limit);
    this.#at -= 1;
    this.#ceiling = this.#at;
    this.#fullRunsBelowCeiling = 0;
  }

  #longForMore(): void {
    this.#fullRunsBelowCeiling += 1;
    if (this.#fullRunsBelowCeiling < RETRY_AFTER_RUNS) return;
    this.#fullRunsBelowCeiling = 0;
    this.#ceiling = Math.min(this.#ceiling + 1, this.#sizes.length - 1);
  }
}
