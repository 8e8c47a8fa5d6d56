// How a queue stands, for metrics: what waits in it, what is in hand, and since when the oldest message waits. Nothing is
// consumed, and no consumer is made.
import type { NatsLink } from './connection.ts';
import { consumerStates } from './inspect.ts';

/** How a stream and its consumers stand. */
export interface QueueStanding {
  readonly messages: number;
  readonly bytes: number;
  /** `Infinity` where the stream has no limit of its own. */
  readonly maxBytes: number;
  readonly lastSequence: number;
  /** When the oldest message that is still there was stored, wall-clock milliseconds; undefined for an empty stream. */
  readonly oldestMs: number | undefined;
  /** Delivered and not yet acknowledged. */
  readonly ackPending: number;
  /** Of `ackPending`, delivered more than once. */
  readonly redelivered: number;
}

/** @throws the client's `StreamNotFoundError` where the stream does not exist */
export async function queueStanding(link: NatsLink, stream: string): Promise<QueueStanding> {
  const [{ state, config }, consumers] = await Promise.all([
    link.manager.streams.info(stream),
    consumerStates(link, stream),
  ]);
  const total = (field: 'ackPending' | 'redelivered') =>
    consumers.reduce((sum, consumer) => sum + consumer[field], 0);
  return {
    messages: state.messages,
    bytes: state.bytes,
    maxBytes: config.max_bytes < 0 ? Number.POSITIVE_INFINITY : config.max_bytes,
    lastSequence: state.last_seq,
    oldestMs: state.messages === 0 ? undefined : Date.parse(state.first_ts),
    ackPending: total('ackPending'),
    redelivered: total('redelivered'),
  };
}
