// One request and its one answer. The asker waits on a promise with a timeout; the actor holds the `Reply`;
// whoever comes first settles it and everything later is ignored.
import type { Reply } from './actor.ts';
import { AskTimeout } from './actor-errors.ts';
import { type AskDeadlines, WithDeadline } from './ask-deadlines.ts';

/** A request under way. */
export class PendingAsk<R> extends WithDeadline implements Reply<R> {
  readonly answer: Promise<R>;
  /** Called once when the request is settled by anyone. */
  whenSettled: (() => void) | undefined;
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #deadlines: AskDeadlines;
  #resolve: ((value: R) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  /** Set only where the asker gave a signal. */
  #unlisten: (() => void) | undefined;

  constructor(options: {
    /** Path of the actor that is asked. */
    readonly path: string;
    readonly deadlines: AskDeadlines;
    readonly timeoutMs: number;
    readonly signal: AbortSignal | undefined;
  }) {
    super();
    this.answer = new Promise<R>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { path, timeoutMs, deadlines, signal } = options;
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#deadlines = deadlines;
    deadlines.add(this, timeoutMs);
    if (signal !== undefined) this.#listen(signal);
  }

  get settled(): boolean {
    return this.#resolve === undefined;
  }

  ok(value: R): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#settle();
    resolve(value);
  }

  fail(error: unknown): void {
    const reject = this.#reject;
    if (reject === undefined) return;
    this.#settle();
    reject(error);
  }

  expire(): void {
    this.fail(new AskTimeout(this.#path, this.#timeoutMs));
  }

  /** The request was never sent: its timeout is cancelled and its answer stays open for ever, unobserved. */
  withdraw(): void {
    if (!this.settled) this.#settle();
  }

  #listen(signal: AbortSignal): void {
    const abort = () => this.fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#unlisten = () => signal.removeEventListener('abort', abort);
  }

  #settle(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#deadlines.remove(this);
    this.#unlisten?.();
    this.whenSettled?.();
  }
}
