// How long to wait before a server that died is started again: not at all the first time, then longer and
// longer, and at once again after it has served well for a while.

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
const HEALTHY_AFTER_MS = 10_000;

/** The delays of one server. */
export class RestartDelay {
  #attempts = 0;
  #lastAttemptMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds to wait before the start that is due at `nowMs` (monotonic): 0, 200, 400, … 10,000. */
  next(nowMs: number): number {
    if (nowMs - this.#lastAttemptMs >= HEALTHY_AFTER_MS + this.#current()) this.#attempts = 0;
    this.#attempts += 1;
    this.#lastAttemptMs = nowMs;
    return this.#current();
  }

  #current(): number {
    return this.#attempts <= 1 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#attempts - 2));
  }
}
