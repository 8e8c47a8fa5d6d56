// Worker threads as supervised children: an actor that owns one thread and passes requests to it, so that
// heavy work never runs on the event loop that acks messages and renews leases. A thread that hangs, exits, throws
// or runs out of memory is a crash of its actor; the supervisor starts another one.
import type { RestartType } from '#supervision';
import type { ActorContext, ActorSpec, Behaviour, MailboxOptions, ThreadCall } from './actor.ts';
import { ActorEnded } from './actor-errors.ts';
import type { HeartbeatOptions } from './thread-heartbeat.ts';
import { ThreadLink } from './thread-link.ts';

/** How a worker-thread actor is made. */
export interface ThreadActorOptions {
  /** Unique among its siblings. */
  readonly id: string;
  /** The thread's module, which calls `serveThread`. */
  readonly module: URL;
  /** Passed to the thread's start hook; must be cloneable. */
  readonly data?: unknown;
  /** Time for one request, in milliseconds, from when the thread gets it; past it the thread is terminated. */
  readonly deadlineMs: number;
  /** Time for the thread to report ready, in milliseconds; default 60,000. Past it the start has failed. */
  readonly startDeadlineMs?: number;
  /**
   * Limit of the thread's old generation heap, in MiB; default Node's own. Beyond it the thread is terminated. Node
   * does not count buffers here, which lie outside of the heap.
   */
  readonly maxOldGenerationMb?: number;
  /** When a thread that does not respond is given up, with or without a request in hand. */
  readonly heartbeat?: Partial<HeartbeatOptions>;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /**
   * Time that requests in hand have to end when the actor is stopped, in milliseconds; default 5,000 as for all
   * actors. Then, or as soon as there is none, the thread is terminated. 0 terminates it at once.
   */
  readonly shutdownMs?: number;
  /** Default as for all actors. */
  readonly mailbox?: MailboxOptions;
  /** Requests that the thread handles at once; default 1. */
  readonly concurrency?: number;
  /**
   * Requests more that lie at the thread already, so that it goes on to the next one without waiting for this side; default
   * 0. Their time begins when the thread begins them. One that the thread did not begin before it ended fails with
   * ThreadNotBegun; buffers that it moved there are gone.
   */
  readonly ahead?: number;
}

const defaultStartDeadlineMs = 60_000;
const defaultShutdownMs = 5_000;
/** What a termination takes at most; a thread inside native code ends when that returns. */
const terminationMs = 5_000;

/**
 * An actor that answers `ThreadCall`s on a worker thread of its own. A request fails with ThreadTimeout past
 * its deadline, ThreadCrashed when the thread ends (its `how` says in which way), ActorEnded when the actor is
 * stopped before it could be answered, ThreadNotBegun when it lay there `ahead`, else with what the thread's `handle`
 * threw (as ThreadError). The first two are crashes of the actor.
 */
export function threadActor<Q, R>(options: ThreadActorOptions): ActorSpec<ThreadCall<Q, R>> {
  const { id, restart, mailbox, shutdownMs = defaultShutdownMs } = options;
  return {
    type: 'actor',
    id,
    ...(restart !== undefined && { restart }),
    ...(mailbox !== undefined && { mailbox }),
    shutdownMs: shutdownMs + terminationMs,
    start: (context) => startThread<Q, R>(context, { ...options, shutdownMs }),
  };
}

async function startThread<Q, R>(
  context: ActorContext<ThreadCall<Q, R>>,
  options: ThreadActorOptions & { readonly shutdownMs: number },
): Promise<Behaviour<ThreadCall<Q, R>>> {
  const { path, clock, signal } = context;
  const { module, data, deadlineMs, maxOldGenerationMb, heartbeat, shutdownMs } = options;
  const { concurrency = 1, ahead = 0 } = options;
  const link = new ThreadLink<R>({
    path,
    clock,
    module,
    data,
    deadlineMs,
    maxOldGenerationMb,
    heartbeat,
    concurrency,
    crashed: (error) => context.crash(error),
  });
  const terminate = () => link.terminate(new ActorEnded(path));
  // Nobody waits for a start that was given up.
  const giveUp = () => void terminate();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await link.ready(options.startDeadlineMs ?? defaultStartDeadlineMs);
  } catch (error) {
    await terminate();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  let cancelKill = () => {};
  const windDown = () => {
    link.windDown();
    cancelKill = clock.schedule(shutdownMs, () => void terminate());
  };
  signal.addEventListener('abort', windDown, { once: true });
  return {
    receive: (call) => {
      link.send(call.request, call.transfer ?? [], call.reply);
      return link.underWay < concurrency + ahead ? undefined : link.oneSettled();
    },
    stopped: async () => {
      await link.idle();
      cancelKill();
      await terminate();
    },
  };
}
