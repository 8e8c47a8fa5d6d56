// Time that a test moves by hand: timers fire in order, and what follows of each happens before the next.
import type { Clock } from '../ports.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Time that stands still until a test moves it. Monotonic time begins at 0, wall time at `wallOriginMs`. */
export class ManualClock implements Clock {
  readonly #wallOriginMs: number;
  #nowMs = 0;
  #scheduled = 0;
  readonly #timers = new Set<Timer>();

  /** @param wallOriginMs default 2026-01-01 UTC */
  constructor(wallOriginMs = Date.UTC(2026, 0, 1)) {
    this.#wallOriginMs = wallOriginMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOriginMs + this.#nowMs;
  }

  schedule(delayMs: number, action: () => void): () => void {
    this.#scheduled += 1;
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#scheduled, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that have not run out. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time on; timers fire in order of time, and whatever follows of each settles before the next. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await this.settle();
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.action();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      const sooner =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order);
      if (sooner) next = timer;
    }
    return next;
  }
}
