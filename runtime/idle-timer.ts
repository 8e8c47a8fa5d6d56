// Notices that an actor has had nothing to do for a while: for receive timeouts and passivation. A message only
// notes the time; the one timer moves on by itself when it finds that there was work.
import type { Clock } from './ports.ts';

/** Calls back once after each quiet stretch of `afterMs`. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #afterMs: number;
  readonly #idle: () => void;
  #touchedMs: number;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, afterMs: number, idle: () => void) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#idle = idle;
    this.#touchedMs = clock.monotonicMs();
    this.#wait(afterMs);
  }

  /** There was something to do: quiet begins now. */
  touch(): void {
    this.#touchedMs = this.#clock.monotonicMs();
    if (this.#cancelTimer === undefined) this.#wait(this.#afterMs);
  }

  cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wait(delayMs: number): void {
    this.#cancelTimer = this.#clock.schedule(delayMs, () => {
      const leftMs = this.#touchedMs + this.#afterMs - this.#clock.monotonicMs();
      this.#cancelTimer = undefined;
      if (leftMs > 0) this.#wait(leftMs);
      else this.#idle();
    });
  }
}
