// Runs the actors of a system in an order drawn from a seed, one message at a time, so that a test meets interleavings
// which turns and chance would bring about once in a month. The same seed gives the same order.
import type { Runnable, Scheduler } from '../dispatcher.ts';
import { SeededRandom } from './seeded-random.ts';

/**
 * A scheduler for `ActorSystem.start({ scheduler })`. Messages of one sender to one actor keep their order under any
 * seed; everything else may overtake. The order repeats as long as handlers wait for nothing but each other and a
 * manual clock.
 */
export class SeededScheduler implements Scheduler {
  readonly #random: SeededRandom;
  readonly #ready: Runnable[] = [];
  readonly #idleWaiters: (() => void)[] = [];
  #stepPending = false;
  #steps = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** Messages handled so far. */
  get steps(): number {
    return this.#steps;
  }

  schedule(runnable: Runnable): void {
    this.#ready.push(runnable);
    this.#requestStep();
  }

  /** Resolves when no actor has a message that it could handle now. */
  async settle(): Promise<void> {
    for (;;) {
      // Whoever has just handled a message may be about to tell others.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#ready.length === 0) return;
      await new Promise<void>((resolve) => void this.#idleWaiters.push(resolve));
    }
  }

  /** All that follows at once of a message happens before the next one is drawn: the choice is among all who can run. */
  #requestStep(): void {
    if (this.#stepPending) return;
    this.#stepPending = true;
    setImmediate(() => this.#step());
  }

  #step(): void {
    this.#stepPending = false;
    const drawn = Math.floor(this.#random.next() * this.#ready.length);
    const [runnable] = this.#ready.splice(drawn, 1);
    if (runnable !== undefined) this.#steps += runnable.run(1);
    if (this.#ready.length > 0) this.#requestStep();
    else for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

/** A scenario failed; the message names its seed, `cause` is the failure. */
export class FailedUnderSeed extends Error {
  override readonly name = 'FailedUnderSeed';
  readonly code = 'failed_under_seed';
  readonly seed: number;

  constructor(seed: number, cause: unknown) {
    super(`failed under seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.seed = seed;
  }
}

/**
 * Runs a scenario under the seeds 1 to `count`, one after the other.
 * @throws FailedUnderSeed at the first that fails; run the scenario with that seed alone to see it again
 */
export async function underSeeds(count: number, scenario: (seed: number) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= count; seed += 1) {
    try {
      await scenario(seed);
    } catch (cause) {
      throw new FailedUnderSeed(seed, cause);
    }
  }
}
