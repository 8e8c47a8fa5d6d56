// The time that one fetch may take: in total, and between two signs of life. Both are read from the clock port, so
// that tests drive them; when either passes, the signal aborts what is in progress.
import type { Clock } from '#runtime';
import { PassingFailure } from '../pipeline/item-failure.ts';

export interface FetchTimes {
  /** Longest time from the first connection to the last byte, redirects included, in ms. */
  readonly timeoutMs: number;
  /** Longest time without a byte, in ms. */
  readonly stallMs: number;
}

/** A peer that was left waiting for so long in all may hang up without being to blame for it. */
const PATIENCE_MS = 1_000;

/** Later tries of an item are given twice the time. */
export function timesOfTry({ timeoutMs, stallMs }: FetchTimes, tries: number): FetchTimes {
  const factor = tries > 1 ? 2 : 1;
  return { timeoutMs: timeoutMs * factor, stallMs: stallMs * factor };
}

export class FetchDeadline implements Disposable {
  readonly #clock: Clock;
  readonly #times: FetchTimes;
  readonly #outer: AbortSignal;
  readonly #controller = new AbortController();
  #cancelTotal: () => void = () => {};
  #cancelStall: () => void = () => {};
  #failure: PassingFailure | undefined;
  /** Of the total time, as of when it last began to run. */
  #leftMs: number;
  #runningSinceMs = 0;
  /** In all, for what was ours. */
  #waitedMs = 0;

  /** Both times run from now. `outer` aborts the fetch too: the actor stops. */
  constructor(clock: Clock, times: FetchTimes, outer: AbortSignal) {
    this.#clock = clock;
    this.#times = times;
    this.#outer = outer;
    this.#leftMs = times.timeoutMs;
    this.#runTotal();
    outer.addEventListener('abort', this.#stop, { once: true });
    if (outer.aborted) this.#stop();
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came. */
  touch(): void {
    this.#cancelStall();
    if (this.signal.aborted) return;
    this.#cancelStall = this.#clock.schedule(this.#times.stallMs, () =>
      this.#expire(`expected something to come within ${this.#times.stallMs} ms`),
    );
  }

  /** Waits for something of ours, which counts neither as time of the fetch nor as its stalling. */
  async pausedFor(wait: Promise<void>): Promise<void> {
    const sinceMs = this.#clock.monotonicMs();
    this.#leftMs -= sinceMs - this.#runningSinceMs;
    this.#cancelTotal();
    this.#cancelStall();
    try {
      await wait;
    } finally {
      this.#waitedMs += this.#clock.monotonicMs() - sinceMs;
      this.#runTotal();
      this.touch();
    }
  }

  /** Why the fetch was ended from here, whatever error that caused; undefined when it was not. */
  get cause(): unknown {
    return this.#failure ?? (this.#outer.aborted ? this.#outer.reason : undefined);
  }

  /**
   * What to throw for an error that ended the fetch. Of one that waited long for something of ours an error of the
   * network tells nothing: the item is read again, without an attempt.
   */
  verdictOn(error: unknown): unknown {
    if (this.cause !== undefined) return this.cause;
    const isOurs = error instanceof PassingFailure && error.ofSource && this.#waitedMs >= PATIENCE_MS;
    if (!isOurs) return error;
    return new PassingFailure(error.code, error.message, { cause: error, failureClass: 'recoverable' });
  }

  [Symbol.dispose](): void {
    this.#cancelTotal();
    this.#cancelStall();
    this.#outer.removeEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => this.#controller.abort(this.#outer.reason);

  #runTotal(): void {
    if (this.signal.aborted) return;
    this.#runningSinceMs = this.#clock.monotonicMs();
    this.#cancelTotal = this.#clock.schedule(Math.max(0, this.#leftMs), () =>
      this.#expire(`expected the whole content within ${this.#times.timeoutMs} ms`),
    );
  }

  #expire(message: string): void {
    this.#failure ??= new PassingFailure('fetch_timeout', message, {
      failureClass: 'timeout',
      ofSource: true,
    });
    this.#controller.abort(this.#failure);
  }
}
