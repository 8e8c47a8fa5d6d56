// The actor's side of one worker thread: posts requests, matches answers to replies, keeps the deadlines, and
// turns every way in which a thread can end into failed replies and one report. Internal to thread actors.
import { Worker } from 'node:worker_threads';
import type { Reply } from './actor.ts';
import { toError } from './actor-errors.ts';
import { closeGate, newNativeGate } from './native-call.ts';
import type { Clock } from './ports.ts';
import {
  ThreadCrashed,
  type ThreadEnd,
  ThreadError,
  ThreadNotBegun,
  ThreadTimeout,
} from './thread-errors.ts';
import { type HeartbeatOptions, ThreadHeartbeat } from './thread-heartbeat.ts';
import type { ThreadAnswer, ThreadOrder, ThreadStart } from './thread-protocol.ts';

/**
 * Room for new objects in a thread's heap. Node's own is more than 100 MiB for a thread that makes much garbage: it fills
 * with what nobody needs, buffers outside of the heap included, before anything is collected, and saves no time.
 */
const MAX_YOUNG_GENERATION_MB = 24;

interface Call<R> {
  readonly reply: Reply<R>;
  /** Undefined until the thread begins it. */
  cancelDeadline: (() => void) | undefined;
}

/** One thread, from its start to its end. */
export class ThreadLink<R> {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #concurrency: number;
  readonly #crashed: (error: Error) => void;
  readonly #worker: Worker;
  readonly #heartbeat: ThreadHeartbeat;
  readonly #ready = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #gate = newNativeGate();
  /** In the order in which the thread gets them. */
  readonly #calls = new Map<number, Call<R>>();
  /** Calls that it has begun, as many as its concurrency allows: the first ones of `#calls`. */
  #begun = 0;
  #settledWaiters: (() => void)[] = [];
  #lastId = 0;
  #over = false;

  constructor(options: {
    readonly path: string;
    readonly clock: Clock;
    readonly module: URL;
    readonly data: unknown;
    readonly deadlineMs: number;
    readonly maxOldGenerationMb: number | undefined;
    readonly heartbeat: Partial<HeartbeatOptions> | undefined;
    readonly concurrency: number;
    /** The thread has ended by itself or was terminated past a deadline; called at most once. */
    readonly crashed: (error: Error) => void;
  }) {
    this.#path = options.path;
    this.#clock = options.clock;
    this.#deadlineMs = options.deadlineMs;
    this.#concurrency = options.concurrency;
    this.#crashed = options.crashed;
    const { clock, heartbeat, maxOldGenerationMb, concurrency } = options;
    this.#heartbeat = new ThreadHeartbeat({
      heartbeat,
      clock,
      underWay: () => this.#calls.size,
      silent: (silentMs) => this.#crash('hang', `did not respond for ${silentMs} ms and was terminated`),
    });
    const { pulse } = this.#heartbeat;
    const start: ThreadStart = { data: options.data, pulse, gate: this.#gate, concurrency };
    this.#worker = new Worker(options.module, {
      workerData: start,
      name: options.path,
      resourceLimits: {
        maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB,
        ...(maxOldGenerationMb !== undefined && { maxOldGenerationSizeMb: maxOldGenerationMb }),
      },
    });
    this.#worker.on('message', (answer: ThreadAnswer) => this.#answered(answer));
    this.#worker.on('messageerror', (cause) => this.#crash('throw', 'sent what cannot be read', cause));
    this.#worker.on('error', (thrown) => this.#threw(toError(thrown), maxOldGenerationMb));
    this.#worker.on('exit', (code) => {
      this.#gone.resolve();
      this.#crash('exit', `exited with code ${code}`);
    });
    // Whether anyone waits for it or not, a failed start is not an unhandled rejection.
    this.#ready.promise.catch(() => {});
  }

  /** Requests that the thread has not answered yet. */
  get underWay(): number {
    return this.#calls.size;
  }

  /**
   * Resolves when the thread's start hook has finished.
   * @throws what the hook threw, ThreadCrashed, or ThreadTimeout past `deadlineMs`
   */
  async ready(deadlineMs: number): Promise<void> {
    const cancelDeadline = this.#clock.schedule(deadlineMs, () => {
      this.#end(new ThreadTimeout(this.#path, deadlineMs));
    });
    try {
      await this.#ready.promise;
      if (!this.#over) this.#heartbeat.watch();
    } finally {
      cancelDeadline();
    }
  }

  /** Posts a request; one that cannot be cloned fails its reply and nothing else. */
  send(request: unknown, transfer: readonly ArrayBuffer[], reply: Reply<R>): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const order: ThreadOrder = { type: 'request', id, request };
    try {
      this.#worker.postMessage(order, transfer);
    } catch (thrown) {
      reply.fail(toError(thrown));
      return;
    }
    this.#calls.set(id, { reply, cancelDeadline: undefined });
    this.#beginNext();
  }

  /** Resolves when the next request has been answered or has failed; at once if none is under way. */
  oneSettled(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settledWaiters.push(resolve);
    return promise;
  }

  /** Resolves when the thread has nothing in hand any more. */
  async idle(): Promise<void> {
    while (this.#calls.size > 0) await this.oneSettled();
  }

  /** Tells the thread that its actor is being stopped. */
  windDown(): void {
    const order: ThreadOrder = { type: 'stop' };
    this.#worker.postMessage(order);
  }

  /**
   * Ends the thread, and resolves when it is gone: inside a native call, when that returns. Requests under way and a start
   * not finished fail with `error`.
   */
  async terminate(error: Error): Promise<void> {
    this.#end(error);
    await this.#gone.promise;
  }

  #answered(answer: ThreadAnswer): void {
    switch (answer.type) {
      case 'ready':
        this.#ready.resolve();
        break;
      case 'start_failed':
        this.#end(new ThreadError(answer.error));
        break;
      case 'result':
        // The actor is typed by the same R as the module that it names.
        this.#takeCall(answer.id)?.reply.ok(answer.result as R);
        break;
      case 'failed':
        this.#takeCall(answer.id)?.reply.fail(new ThreadError(answer.error));
        break;
    }
    this.#wakeWaiters();
  }

  #takeCall(id: number): Call<R> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (call?.cancelDeadline !== undefined) {
      call.cancelDeadline();
      this.#begun -= 1;
      this.#beginNext();
    }
    return call;
  }

  /** The thread goes on to the next call by itself, and that call's time begins. */
  #beginNext(): void {
    if (this.#over) return;
    for (const [id, call] of this.#calls) {
      if (this.#begun >= this.#concurrency) return;
      if (call.cancelDeadline !== undefined) continue;
      this.#begun += 1;
      // Where this event loop was held up itself, the answer may have come: it is heard before the verdict.
      call.cancelDeadline = this.#clock.schedule(this.#deadlineMs, () => {
        setImmediate(() => this.#deadlinePassed(id));
      });
    }
  }

  /** The late request fails by its deadline, its neighbours on the same thread by the thread's end. */
  #deadlinePassed(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    const error = new ThreadTimeout(this.#path, this.#deadlineMs);
    // Not as one that was answered: nothing begins in its place.
    this.#calls.delete(id);
    call.reply.fail(error);
    const detail = 'was terminated, as it did not answer another request in time';
    this.#end(new ThreadCrashed(this.#path, 'hang', detail, { cause: error }), error);
  }

  #threw(error: Error, maxOldGenerationMb: number | undefined): void {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') {
      this.#crash('throw', 'threw outside of a request', error);
    } else {
      const limit = maxOldGenerationMb === undefined ? 'its heap' : `its heap of ${maxOldGenerationMb} MiB`;
      this.#crash('memory', `outgrew ${limit}`, error);
    }
  }

  #crash(how: ThreadEnd, detail: string, cause?: unknown): void {
    const error = new ThreadCrashed(this.#path, how, detail, cause === undefined ? undefined : { cause });
    this.#end(error, error);
  }

  /**
   * Nothing reaches the thread any more. Its askers hear why before the actor goes down, and the actor is down
   * before the waiters let its handler go on to the next message.
   */
  #end(error: Error, crash?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#heartbeat.stop();
    this.#ready.reject(error);
    for (const [id, { cancelDeadline }] of [...this.#calls]) {
      const isInnocent = crash !== undefined && cancelDeadline === undefined;
      const why = isInnocent ? new ThreadNotBegun(this.#path, { cause: error }) : error;
      this.#takeCall(id)?.reply.fail(why);
    }
    if (crash !== undefined) this.#crashed(crash);
    this.#wakeWaiters();
    if (closeGate(this.#gate)) void this.#worker.terminate();
  }

  #wakeWaiters(): void {
    const waiters = this.#settledWaiters;
    this.#settledWaiters = [];
    for (const wake of waiters) wake();
  }
}
