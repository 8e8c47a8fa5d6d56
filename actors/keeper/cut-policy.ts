// When to cut without being asked: after N newly settled sequences, or when nothing has settled for a while. Pure:
// the keeper tells it how long its ledger is and keeps the timer.
import type { CutConfig } from '../config/cut.ts';

const MINUTE_MS = 60_000;

export class CutPolicy {
  readonly #everyItems: number;
  readonly #quietMs: number | undefined;
  /** Ledger entries that a cut, by whomever, has looked at. */
  #seen: number;

  /** @param seen Journaled entries that the newest manifest saw. */
  constructor(config: CutConfig, seen: number) {
    this.#everyItems = config.everyItems ?? Number.POSITIVE_INFINITY;
    this.#quietMs = config.quietMinutes === undefined ? undefined : config.quietMinutes * MINUTE_MS;
    this.#seen = seen;
  }

  /** Whether so many have settled that a cut is due now. */
  isDue(entries: number): boolean {
    return entries - this.#seen >= this.#everyItems;
  }

  /** How long nothing more may settle until a cut is due; `undefined` when none will be. */
  quietMs(entries: number): number | undefined {
    return entries > this.#seen ? this.#quietMs : undefined;
  }

  /** A cut looked at this many entries, whether or not it found anything changed. */
  cutAt(entries: number): void {
    this.#seen = entries;
  }
}
