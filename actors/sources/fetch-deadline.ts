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
  readonly #cancelTotal: () => void;
  #cancelStall: () => void = () => {};
  #failure: PassingFailure | undefined;

  /** Both times run from now. `outer` aborts the fetch too: the actor stops. */
  constructor(clock: Clock, times: FetchTimes, outer: AbortSignal) {
    this.#clock = clock;
    this.#times = times;
    this.#outer = outer;
    this.#cancelTotal = clock.schedule(times.timeoutMs, () =>
      this.#expire(`expected the whole content within ${times.timeoutMs} ms`),
    );
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

  /** Why the fetch was ended from here, whatever error that caused; undefined when it was not. */
  get cause(): unknown {
    return this.#failure ?? (this.#outer.aborted ? this.#outer.reason : undefined);
  }

  [Symbol.dispose](): void {
    this.#cancelTotal();
    this.#cancelStall();
    this.#outer.removeEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => this.#controller.abort(this.#outer.reason);

  #expire(message: string): void {
    this.#failure ??= new PassingFailure('fetch_timeout', message, {
      failureClass: 'timeout',
      ofSource: true,
    });
    this.#controller.abort(this.#failure);
  }
}
