// Restart intensity: how many restarts a supervisor allows itself in a sliding window before it gives up and
// escalates. The window is fed with monotonic milliseconds by its caller and has no clock of its own.
import { InvalidSupervisionOptions } from './options-error.ts';

/** At most `maxRestarts` restarts in any `withinMs` milliseconds, shared by all children of one supervisor. */
export interface RestartIntensity {
  /** Restarts allowed in the window, an integer; 0 allows none. */
  readonly maxRestarts: number;
  /** Length of the window in milliseconds, above 0. */
  readonly withinMs: number;
}

/** Intensity of a supervisor whose spec names none: 3 restarts in 60 s. */
export const defaultIntensity: RestartIntensity = { maxRestarts: 3, withinMs: 60_000 };

/** Advised for a supervisor of actors only, where restarts are cheap: 5 in 30 s. */
export const leafIntensity: RestartIntensity = { maxRestarts: 5, withinMs: 30_000 };

/** Advised for the root, whose restarts take everything down: 3 in 300 s. */
export const topIntensity: RestartIntensity = { maxRestarts: 3, withinMs: 300_000 };

/**
 * The restarts of the last `withinMs`. A restart counts while it is younger than `withinMs`: at exactly that
 * age it has left the window.
 */
export class RestartWindow {
  readonly #intensity: RestartIntensity;
  /** Oldest first; never more than `maxRestarts` are kept. */
  #restartsMs: number[] = [];

  /** @throws InvalidSupervisionOptions */
  constructor(intensity: RestartIntensity) {
    const { maxRestarts, withinMs } = intensity;
    if (!Number.isInteger(maxRestarts) || maxRestarts < 0) {
      throw new InvalidSupervisionOptions(
        `maxRestarts must be an integer of at least 0, but was ${maxRestarts}`,
      );
    }
    if (!(withinMs > 0)) {
      throw new InvalidSupervisionOptions(`withinMs must be above 0, but was ${withinMs}`);
    }
    this.#intensity = intensity;
  }

  /** Asks for one restart at `nowMs`: true and counted when the intensity allows it, false when it is used up. */
  admit(nowMs: number): boolean {
    if (this.count(nowMs) >= this.#intensity.maxRestarts) return false;
    this.#restartsMs.push(nowMs);
    return true;
  }

  /** Restarts in the window that ends at `nowMs`; those that have left it by then are forgotten. */
  count(nowMs: number): number {
    const { withinMs } = this.#intensity;
    this.#restartsMs = this.#restartsMs.filter((restartMs) => nowMs - restartMs < withinMs);
    return this.#restartsMs.length;
  }
}
