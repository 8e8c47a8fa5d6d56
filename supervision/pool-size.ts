// How large a pool is to be, from what is seen of it: how long its messages wait and how busy its members are. A
// pure decision like those about restarts; whoever runs a pool looks at regular times and carries out the answer.
import { InvalidSupervisionOptions } from './options-error.ts';

/** Limits of a pool and when it grows and shrinks between them. */
export interface PoolSizing {
  /** Members there are always; an integer of at least 1. */
  readonly min: number;
  /** Members there are at most. */
  readonly max: number;
  /** It grows when messages wait longer than this, in milliseconds, while members are busy; default 500. */
  readonly growAboveLagMs?: number;
  /** Members must be busy for at least this share of the time for it to grow; default 0.8. */
  readonly growAboveBusy?: number;
  /** It shrinks when members are busy for less than this share, and nothing waits long; default 0.4. */
  readonly shrinkBelowBusy?: number;
  /** No second change comes sooner after a first one, in milliseconds; default 10,000. */
  readonly coolDownMs?: number;
  /** Looks in a row that must all say so before it shrinks; default 3. */
  readonly shrinkAfterLooks?: number;
}

/** What was seen since the last look. */
export interface PoolLoad {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Members at present. */
  readonly size: number;
  /** How long a message that comes now would wait, in milliseconds. */
  readonly lagMs: number;
  /** Share of the time since the last look in which a member was at work, mean over members; 0 to 1. */
  readonly busyShare: number;
}

/** One pool's decisions, look after look. */
export class PoolSize {
  readonly #sizing: Required<PoolSizing>;
  #lastChangeMs = Number.NEGATIVE_INFINITY;
  #idleLooks = 0;

  /** @throws InvalidSupervisionOptions */
  constructor(sizing: PoolSizing) {
    this.#sizing = checked(sizing);
  }

  /**
   * How many members to add (above 0) or to take away (below 0). Growing is by half of what there is, so that a rush
   * is met in a few steps; shrinking is by one, and only if those who stay would be busy for less than the middle
   * of the two thresholds: what it takes away it would not have to add again for the same load.
   */
  decide(load: PoolLoad): number {
    const { min, max, coolDownMs, shrinkAfterLooks } = this.#sizing;
    this.#idleLooks = this.#isIdle(load) ? this.#idleLooks + 1 : 0;
    if (load.size < min) return this.#changed(load, min - load.size);
    if (load.size > max) return this.#changed(load, max - load.size);
    if (load.nowMs - this.#lastChangeMs < coolDownMs) return 0;
    if (load.size < max && this.#isBehind(load)) {
      return this.#changed(load, Math.min(max - load.size, Math.ceil(load.size / 2)));
    }
    if (load.size > min && this.#idleLooks >= shrinkAfterLooks) return this.#changed(load, -1);
    return 0;
  }

  /** Waiting alone proves nothing: members that wait themselves would only be joined by more who wait. */
  #isBehind({ lagMs, busyShare }: PoolLoad): boolean {
    return lagMs > this.#sizing.growAboveLagMs && busyShare >= this.#sizing.growAboveBusy;
  }

  #isIdle({ size, lagMs, busyShare }: PoolLoad): boolean {
    const { growAboveLagMs, growAboveBusy, shrinkBelowBusy } = this.#sizing;
    if (lagMs > growAboveLagMs / 2 || busyShare >= shrinkBelowBusy) return false;
    return size > 1 && (busyShare * size) / (size - 1) < (shrinkBelowBusy + growAboveBusy) / 2;
  }

  #changed({ nowMs }: PoolLoad, by: number): number {
    this.#lastChangeMs = nowMs;
    this.#idleLooks = 0;
    return by;
  }
}

function checked(sizing: PoolSizing): Required<PoolSizing> {
  const all = {
    min: sizing.min,
    max: sizing.max,
    growAboveLagMs: sizing.growAboveLagMs ?? 500,
    growAboveBusy: sizing.growAboveBusy ?? 0.8,
    shrinkBelowBusy: sizing.shrinkBelowBusy ?? 0.4,
    coolDownMs: sizing.coolDownMs ?? 10_000,
    shrinkAfterLooks: sizing.shrinkAfterLooks ?? 3,
  };
  refuseUnless(Number.isInteger(all.min) && all.min >= 1, 'min', 'an integer of at least 1', all.min);
  refuseUnless(
    Number.isInteger(all.max) && all.max >= all.min,
    'max',
    `an integer of at least ${all.min}`,
    all.max,
  );
  refuseUnless(all.growAboveLagMs >= 0, 'growAboveLagMs', 'at least 0', all.growAboveLagMs);
  refuseUnless(
    all.growAboveBusy > 0 && all.growAboveBusy <= 1,
    'growAboveBusy',
    'above 0, at most 1',
    all.growAboveBusy,
  );
  refuseUnless(
    all.shrinkBelowBusy >= 0 && all.shrinkBelowBusy < all.growAboveBusy,
    'shrinkBelowBusy',
    `at least 0, below growAboveBusy (${all.growAboveBusy})`,
    all.shrinkBelowBusy,
  );
  refuseUnless(all.coolDownMs >= 0, 'coolDownMs', 'at least 0', all.coolDownMs);
  refuseUnless(
    Number.isInteger(all.shrinkAfterLooks) && all.shrinkAfterLooks >= 1,
    'shrinkAfterLooks',
    'an integer of at least 1',
    all.shrinkAfterLooks,
  );
  return all;
}

function refuseUnless(good: boolean, name: string, allowed: string, value: number): void {
  if (!good) throw new InvalidSupervisionOptions(`${name} must be ${allowed}, but was ${value}`);
}
