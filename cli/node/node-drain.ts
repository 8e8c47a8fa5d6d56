// How a node leaves its system in order: its stages stop, then it hands over what it owns, and both together have
// `node.drainMs`. What is not done by then is given up, since it comes again elsewhere.
import { type Clock, type Logger, pause, toError } from '#runtime';
import type { Ending } from './ending.ts';

/** What saying that a node has left may take beyond its drain time. */
const LEAVING_MS = 3_000;

export interface NodeDrain {
  readonly node: string;
  readonly drainMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told what is waited for. */
  readonly ending: Ending;
  /** Stops pulling; resolves when what was in hand is finished or given back. */
  readonly stopStages: () => Promise<unknown>;
  /** Hands over what the node owns within `leftMs`, and says that it has left. */
  readonly leave: (leftMs: number) => Promise<void>;
  /** Ends the connection, for a server that does not hear the node leave. */
  readonly disconnect: () => Promise<void>;
}

/** Resolves when the node has left, or when its time is over. */
export async function drainNode(options: NodeDrain): Promise<void> {
  const { node, drainMs, clock, log, ending, stopStages, leave, disconnect } = options;
  const untilMs = clock.monotonicMs() + drainMs;
  const heard = (work: Promise<unknown>) =>
    work.catch((error: unknown) =>
      log.error({ node, err: toError(error) }, 'the node did not drain in order'),
    );
  const stopping = within(clock, drainMs, heard(stopStages()));
  const haveStopped = await ending.waitFor('stop of the stages', stopping);
  if (!haveStopped) log.warn({ node, drainMs }, 'stages still work: what they hold comes again');
  const leftMs = Math.max(0, untilMs - clock.monotonicMs());
  const leaving = within(clock, leftMs + LEAVING_MS, heard(leave(leftMs)));
  if (await ending.waitFor('hand-over of shards', leaving)) return;
  log.warn({ node }, 'the server does not hear that this node leaves: it goes without a word');
  await disconnect();
}

/** Whether `work` has ended within `limitMs`; what is late goes on. */
async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const done = new AbortController();
  await Promise.race([work.finally(() => done.abort()), pause(clock, limitMs, done.signal)]);
  return done.signal.aborted;
}
