// Looks at streams without taking part in them: what a stream holds, each of its messages, how its consumers stand.
// For audit and status. No consumer is made, so work queues can be read too.
import type { NatsLink } from './connection.ts';
import { patiently } from './patience.ts';
import { readStored, type StoredMessage } from './stored-message.ts';

/** Whoever looks has somebody waiting: no longer than an election takes. */
const ELECTION_MS = 10_000;
const MAX_PARALLEL = 64;
const PARALLEL_BYTES = 8 * 1024 * 1024;

/** What a stream holds. */
export interface StreamStanding {
  /** When it was created, RFC 3339: the incarnation of a dataset, for its intake stream. */
  readonly created: string;
  /** 0 where the stream never held a message. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
  readonly bytes: number;
}

/** How a consumer stands, in the words of the nats command. */
export interface ConsumerStanding {
  readonly name: string;
  /** Not yet delivered to anyone. */
  readonly unprocessed: number;
  /** Delivered and not yet acknowledged. */
  readonly ackPending: number;
  /** Of `ackPending`, delivered more than once. */
  readonly redelivered: number;
  /** Pull requests waiting for messages. */
  readonly waiting: number;
}

/** What `stream` holds now. Rejects with the client's `StreamNotFoundError` where it does not exist. */
export async function streamState(link: NatsLink, stream: string): Promise<StreamStanding> {
  const { created, state } = await patiently(link, () => link.manager.streams.info(stream), ELECTION_MS);
  return {
    created,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
    messages: state.messages,
    bytes: state.bytes,
  };
}

/** The message at `sequence`, or `undefined` when it is not (or no longer) in the stream. */
export function messageAt(
  link: NatsLink,
  stream: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  return readStored(link, stream, { seq: sequence });
}

/**
 * Every message of the stream in order, from `fromSequence` (default 1) up to what was stored when the reading got
 * there. Several reads are in flight at once where messages are dense and small.
 */
export async function* eachMessage(
  link: NatsLink,
  stream: string,
  options: { readonly fromSequence?: number; readonly subject?: string } = {},
): AsyncGenerator<StoredMessage, void> {
  const subject = options.subject ?? '>';
  let next = options.fromSequence ?? 1;
  let parallel = 1;
  for (;;) {
    const reads = Array.from({ length: parallel }, (_, index) =>
      readStored(link, stream, { seq: next + index, next_by_subj: subject }),
    );
    const answers = await Promise.all(reads);
    let found = 0;
    let bytes = 0;
    for (const message of answers) {
      // Reads beside a gap answer with the same message: each is given once.
      if (message === undefined || message.sequence < next) continue;
      next = message.sequence + 1;
      found++;
      bytes += message.data.length;
      yield message;
    }
    if (answers.at(-1) === undefined) return;
    const fits = Math.max(1, Math.floor(PARALLEL_BYTES / (1 + bytes / Math.max(1, found))));
    const dense = found * 2 > parallel;
    parallel = Math.min(MAX_PARALLEL, fits, dense ? parallel * 2 : Math.max(1, parallel >> 1));
  }
}

/** How each consumer of `stream` stands. */
export async function consumerStates(link: NatsLink, stream: string): Promise<readonly ConsumerStanding[]> {
  return patiently(
    link,
    async () => {
      const standings: ConsumerStanding[] = [];
      for await (const info of link.manager.consumers.list(stream)) {
        standings.push({
          name: info.name,
          unprocessed: info.num_pending,
          ackPending: info.num_ack_pending,
          redelivered: info.num_redelivered,
          waiting: info.num_waiting,
        });
      }
      return standings;
    },
    ELECTION_MS,
  );
}
