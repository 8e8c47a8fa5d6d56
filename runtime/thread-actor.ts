// Worker threads as supervised children: an actor that owns one thread and passes requests to it, so that
// heavy work never runs on the event loop that acks messages and renews leases. A thread that hangs, exits or
// runs out of memory is a crash of its actor; the supervisor starts another one.
import type { RestartType } from '#supervision';
import type { ActorContext, ActorSpec, Behaviour, MailboxOptions, ThreadCall } from './actor.ts';
import { ActorEnded } from './actor-errors.ts';
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
  /** Limit of the thread's old generation heap, in MiB; default Node's own. Beyond it the thread is terminated. */
  readonly maxOldGenerationMb?: number;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Default as for all actors. */
  readonly mailbox?: MailboxOptions;
  /** Requests that the thread has at once; default 1. */
  readonly concurrency?: number;
}

const defaultStartDeadlineMs = 60_000;

/**
 * An actor that answers `ThreadCall`s on a worker thread of its own. A request fails with ThreadTimeout past
 * its deadline, ThreadCrashed when the thread ends, ActorEnded when the actor is stopped, else with what the
 * thread's `handle` threw (as ThreadError). The first two are crashes of the actor.
 */
export function threadActor<Q, R>(options: ThreadActorOptions): ActorSpec<ThreadCall<Q, R>> {
  const { id, restart, mailbox } = options;
  return {
    type: 'actor',
    id,
    ...(restart !== undefined && { restart }),
    ...(mailbox !== undefined && { mailbox }),
    start: (context) => startThread<Q, R>(context, options),
  };
}

async function startThread<Q, R>(
  context: ActorContext<ThreadCall<Q, R>>,
  options: ThreadActorOptions,
): Promise<Behaviour<ThreadCall<Q, R>>> {
  const { module, data, deadlineMs, maxOldGenerationMb, concurrency = 1 } = options;
  const link = new ThreadLink<R>({
    path: context.path,
    clock: context.clock,
    module,
    data,
    deadlineMs,
    maxOldGenerationMb,
    crashed: (error) => context.crash(error),
  });
  // Nobody waits for a request of an actor that is being stopped, and no hanging thread may hold up the stop.
  const terminate = () => void link.terminate(new ActorEnded(context.path));
  context.signal.addEventListener('abort', terminate, { once: true });
  try {
    await link.ready(options.startDeadlineMs ?? defaultStartDeadlineMs);
  } catch (error) {
    await link.terminate(new ActorEnded(context.path));
    throw error;
  }
  return {
    receive: (call) => {
      link.send(call.request, call.transfer ?? [], call.reply);
      return link.underWay < concurrency ? undefined : link.oneSettled();
    },
    stopped: () => link.terminate(new ActorEnded(context.path)),
  };
}
