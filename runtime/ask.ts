// One request and its one answer. The asker waits on a promise with a timeout; the actor holds the `Reply`;
// whoever comes first settles it and everything later is ignored.
import type { Reply } from './actor.ts';
import { AskTimeout } from './actor-errors.ts';
import type { Clock } from './ports.ts';

/** A request under way. */
export class PendingAsk<R> implements Reply<R> {
  readonly answer: Promise<R>;
  /** Called once when the request is settled by anyone. */
  whenSettled: (() => void) | undefined;
  readonly #resolve: (value: R) => void;
  readonly #reject: (error: unknown) => void;
  readonly #cancelTimeout: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#settle(() => this.#reject(this.#signal?.reason));
  #settled = false;

  constructor(options: {
    /** Path of the actor that is asked. */
    readonly path: string;
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }) {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    const { path, timeoutMs } = options;
    this.#cancelTimeout = options.clock.schedule(timeoutMs, () => this.fail(new AskTimeout(path, timeoutMs)));
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted) this.#abort();
  }

  get settled(): boolean {
    return this.#settled;
  }

  ok(value: R): void {
    this.#settle(() => this.#resolve(value));
  }

  fail(error: Error): void {
    this.#settle(() => this.#reject(error));
  }

  /** The request was never sent: its timeout is cancelled and its answer stays open for ever, unobserved. */
  withdraw(): void {
    this.#settle(() => {});
  }

  #settle(answer: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelTimeout();
    this.#signal?.removeEventListener('abort', this.#abort);
    answer();
    this.whenSettled?.();
  }
}
