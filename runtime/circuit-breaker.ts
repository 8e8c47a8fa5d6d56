// A breaker at work: the pure core (supervision/circuit-breaker.ts) with a clock, places to wait, and an event for each
// change. Whoever calls a dependency asks for a permit first and tells it how the call ended.
import { BreakerCore, type BreakerOptions, type BreakerState } from '#supervision';
import type { Clock, RandomSource } from './ports.ts';
import type { SystemHappening } from './system-event.ts';

/** A call that may be made. Disposing of it without a word says nothing about the dependency. */
export interface Permit extends Disposable {
  /** The dependency did its part, whatever became of the item. */
  succeeded(): void;
  failed(error: Error): void;
}

/** A breaker as people see it. */
export interface BreakerSnapshot {
  /** The part of the tree that waits for the dependency. */
  readonly path: string;
  /** The dependency, e.g. `model troupe-tiny`, `http://images.example.org`. */
  readonly name: string;
  readonly state: BreakerState;
  /** Failures since the last success. */
  readonly failures: number;
  /** Milliseconds until the next probe, while open. */
  readonly retryMs?: number;
  readonly lastFailure?: { readonly name: string; readonly message: string; readonly atMs: number };
}

export interface CircuitBreakerOptions {
  readonly path: string;
  readonly name: string;
  readonly options: BreakerOptions;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Hears of each change. */
  readonly emit: (happening: SystemHappening) => void;
}

export class CircuitBreaker {
  readonly path: string;
  readonly name: string;
  readonly options: BreakerOptions;
  readonly #core: BreakerCore;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #emit: (happening: SystemHappening) => void;
  #shown: BreakerState = 'closed';
  #lastFailure: { readonly error: Error; readonly atMs: number } | undefined;
  #waiting: (() => void)[] = [];

  /** @throws InvalidSupervisionOptions */
  constructor({ path, name, options, clock, random, emit }: CircuitBreakerOptions) {
    this.path = path;
    this.name = name;
    this.options = options;
    this.#core = new BreakerCore(options);
    this.#clock = clock;
    this.#random = random;
    this.#emit = emit;
  }

  get state(): BreakerState {
    return this.#core.state;
  }

  /** The last failure that counted; undefined before the first. */
  get lastError(): Error | undefined {
    return this.#lastFailure?.error;
  }

  /** Milliseconds until a call may be let through, 0 for now; undefined while a probe is under way. */
  get waitMs(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const refusal = this.#core.refusal(nowMs);
    if (refusal === undefined) return 0;
    return refusal.retryAtMs === undefined ? undefined : refusal.retryAtMs - nowMs;
  }

  /** A permit, if there is one now. */
  tryPermit(): Permit | undefined {
    const decision = this.#core.ask(this.#clock.monotonicMs());
    this.#tell();
    if (decision.type === 'refuse') return undefined;
    const { call } = decision;
    let over = false;
    const end = (report: () => void) => {
      if (over) return;
      over = true;
      report();
      this.#tell();
      this.#wake();
    };
    return {
      succeeded: () =>
        end(() => this.#core.handle({ type: 'succeeded', call, nowMs: this.#clock.monotonicMs() })),
      failed: (error) =>
        end(() => {
          this.#lastFailure = { error, atMs: this.#clock.wallMs() };
          const nowMs = this.#clock.monotonicMs();
          this.#core.handle({ type: 'failed', call, nowMs, draw: this.#random.next() });
        }),
      [Symbol.dispose]: () => end(() => this.#core.handle({ type: 'released', call })),
    };
  }

  /** Waits for a permit. @throws the signal's reason when it aborts first */
  async permit(signal: AbortSignal): Promise<Permit> {
    for (;;) {
      await this.ready(signal);
      const permit = this.tryPermit();
      if (permit !== undefined) return permit;
    }
  }

  /** Waits until a call would be let through; another asker may still be faster. @throws the signal's reason */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const { waitMs } = this;
      if (waitMs === 0) return;
      await this.#change(waitMs, signal);
    }
  }

  snapshot(): BreakerSnapshot {
    const { path, name, state, waitMs } = this;
    return {
      path,
      name,
      state,
      failures: this.#core.failuresInRow,
      ...(state === 'open' && waitMs !== undefined && { retryMs: waitMs }),
      ...(this.#lastFailure && {
        lastFailure: {
          name: this.#lastFailure.error.name,
          message: this.#lastFailure.error.message,
          atMs: this.#lastFailure.atMs,
        },
      }),
    };
  }

  /** Resolves when a call has ended, after `waitMs`, or when the signal aborts. */
  #change(waitMs: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = waitMs === undefined ? () => {} : this.#clock.schedule(waitMs, () => go());
      const go = () => {
        cancel();
        signal.removeEventListener('abort', go);
        this.#waiting = this.#waiting.filter((other) => other !== go);
        resolve();
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  #wake(): void {
    for (const go of [...this.#waiting]) go();
  }

  #tell(): void {
    const { state } = this;
    if (state === this.#shown) return;
    this.#shown = state;
    const { path, name, waitMs } = this;
    const error = this.#lastFailure?.error;
    this.#emit({
      type: 'breaker',
      path,
      name,
      state,
      ...(state === 'open' && waitMs !== undefined && { retryMs: Math.round(waitMs) }),
      ...(state === 'open' && error !== undefined && { error }),
    });
  }
}
