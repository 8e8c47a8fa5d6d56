// What pairs of different contents measure, as a curve: how many of them each threshold would call one, with the upper
// confidence bound of that share; and the loosest threshold whose bound stays below a target.
import { mostSeen, trialsNeeded, upperBound } from './clopper-pearson.ts';

/** How a threshold works, and on which values it may lie. */
export interface Scale {
  /** `atLeast`: a pair passes from the threshold up (a cosine); `atMost`: up to it (a distance). */
  readonly passes: 'atLeast' | 'atMost';
  /** Thresholds lie on multiples of 1 / steps. */
  readonly steps: number;
  readonly min: number;
  readonly max: number;
}

/** One threshold of the curve. */
export interface TailPoint {
  readonly threshold: number;
  /** Pairs that pass it, of how many. */
  readonly exceeding: number;
  readonly pairs: number;
  readonly share: number;
  /** 95 % upper confidence bound of the share. */
  readonly bound: number;
}

/** The loosest threshold for a target, or why there is none. */
export type Proposal =
  | { readonly outcome: 'proposed'; readonly point: TailPoint }
  /** Even if none passes, so few pairs cannot show the target. */
  | { readonly outcome: 'too_few'; readonly needed: number }
  /** Even the strictest threshold lets too many pass. */
  | { readonly outcome: 'none' };

export class TailCurve {
  readonly scale: Scale;
  /** Ascending. */
  readonly #values: Float64Array;

  constructor(values: Iterable<number>, scale: Scale) {
    this.scale = scale;
    this.#values = Float64Array.from(values).sort();
  }

  get pairs(): number {
    return this.#values.length;
  }

  at(threshold: number): TailPoint {
    const exceeding = this.#exceeding(threshold);
    const { pairs } = this;
    return {
      threshold,
      exceeding,
      pairs,
      share: pairs === 0 ? 0 : exceeding / pairs,
      bound: upperBound(exceeding, pairs),
    };
  }

  /**
   * The loosest threshold under which so few pairs pass that the bound is at most `target`. How many may pass depends on
   * the number of pairs alone, so that looking for the threshold in the same pairs does not weaken the bound.
   */
  propose(target: number): Proposal {
    const allowed = mostSeen(this.pairs, target);
    if (allowed === undefined) return { outcome: 'too_few', needed: trialsNeeded(target) };
    const { passes, steps, min, max } = this.scale;
    const atLeast = passes === 'atLeast';
    // The pair that must not pass any more: the next one after those that may.
    const first = atLeast ? this.#values.at(-1 - allowed) : this.#values[allowed];
    const loosest = atLeast ? min : max;
    let step = Math.round((first ?? loosest) * steps);
    const inward = atLeast ? 1 : -1;
    while (this.#exceeding((step - inward) / steps) <= allowed && !this.#isBeyond((step - inward) / steps)) {
      step -= inward;
    }
    while (this.#exceeding(step / steps) > allowed) step += inward;
    const threshold = Math.min(max, Math.max(min, step / steps));
    if (this.#exceeding(threshold) > allowed) return { outcome: 'none' };
    return { outcome: 'proposed', point: this.at(threshold) };
  }

  #isBeyond(threshold: number): boolean {
    return threshold < this.scale.min || threshold > this.scale.max;
  }

  #exceeding(threshold: number): number {
    return this.scale.passes === 'atLeast'
      ? this.pairs - this.#below(threshold, false)
      : this.#below(threshold, true);
  }

  /** Values below the threshold, or up to it. */
  #below(threshold: number, inclusive: boolean): number {
    let [low, high] = [0, this.#values.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const value = this.#values[middle] as number;
      if (value < threshold || (inclusive && value === threshold)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
