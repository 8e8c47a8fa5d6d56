// One request on a worker thread of its own, which ends with it: for a request that is suspected of killing its
// thread. Nothing that it does is a failure of a supervised actor, so it uses up nobody's restarts.
import { ActorEnded } from './actor-errors.ts';
import type { Clock } from './ports.ts';
import type { HeartbeatOptions } from './thread-heartbeat.ts';
import { ThreadLink } from './thread-link.ts';

export interface IsolatedCallOptions {
  /** For messages: whose call this is. */
  readonly name: string;
  readonly clock: Clock;
  /** The thread's module, which calls `serveThread`. */
  readonly module: URL;
  /** Passed to the thread's start hook. */
  readonly data?: unknown;
  /** Time for the request, in milliseconds, from when the thread has started. */
  readonly deadlineMs: number;
  /** Time for the thread to report ready, in milliseconds; default 60,000, as for thread actors. */
  readonly startDeadlineMs?: number;
  /** Limit of the thread's old generation heap, in MiB; default Node's own. */
  readonly maxOldGenerationMb?: number;
  /** When a thread that does not respond is given up before the deadline; only `busyLimitMs` can matter here. */
  readonly heartbeat?: Partial<HeartbeatOptions>;
  readonly signal?: AbortSignal;
}

const DEFAULT_START_DEADLINE_MS = 60_000;

/**
 * Starts a thread, asks it once, ends it.
 * @throws ThreadCrashed, ThreadTimeout, the signal's reason, or what the thread's `handle` threw (as ThreadError)
 */
export async function isolatedCall<Q, R>(options: IsolatedCallOptions, request: Q): Promise<R> {
  const { name, clock, module, data, deadlineMs, maxOldGenerationMb, heartbeat, signal } = options;
  const { startDeadlineMs = DEFAULT_START_DEADLINE_MS } = options;
  signal?.throwIfAborted();
  const link = new ThreadLink<R>({
    path: name,
    clock,
    module,
    data,
    deadlineMs,
    maxOldGenerationMb,
    heartbeat,
    concurrency: 1,
    crashed: () => {},
  });
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const abort = () => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([link.ready(startDeadlineMs), promise]);
    link.send(request, [], { ok: resolve, fail: reject });
    return await promise;
  } finally {
    signal?.removeEventListener('abort', abort);
    await link.terminate(new ActorEnded(name));
  }
}
