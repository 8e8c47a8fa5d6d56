// Reads one subject of a stream in order up to an exact sequence: a throw-away consumer, pulled batch by batch, so
// that the reader sets the pace. A lost batch, a restarted server or a vanished consumer costs a new consumer from
// the last message that was read; nothing is skipped or given twice.
import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  ReplayPolicy,
} from '@nats-io/jetstream';
import { type Msg, nanos } from 'nats';
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { type DeliveryInfo, parseDelivery } from './delivery-info.ts';
import { LinkClosed, RequestTimeout } from './errors.ts';
import { STREAM_NOT_FOUND } from './stored-message.ts';

const BATCH = 512;
const BATCH_BYTES = 16 * 1024 * 1024;
const SILENCE_MS = 3_000;
const GIVE_UP_MS = 60_000;

/** One message as it was read. */
export interface ReadMessage {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** What to read. */
export interface OrderedRange {
  readonly subject: string;
  readonly fromSequence: number;
  /** Inclusive. */
  readonly throughSequence: number;
}

/**
 * The messages of `subject` in the range, oldest first, as far as they exist.
 * @throws RequestTimeout when the server gives nothing for 60 s; LinkClosed
 */
export async function* readOrdered(
  link: NatsLink,
  stream: string,
  range: OrderedRange,
): AsyncGenerator<ReadMessage, void> {
  let next = range.fromSequence;
  let progressMs = link.clock.monotonicMs();
  while (next <= range.throughSequence) {
    const reader = await openReader(link, stream, range.subject, next);
    try {
      for (let pending = reader?.pending ?? 0; reader !== undefined; ) {
        if (pending === 0) return;
        const batch = await reader.pull(Math.min(BATCH, pending));
        for (const { info, data } of batch.messages) {
          if (info.streamSequence > range.throughSequence) return;
          next = info.streamSequence + 1;
          pending = info.pending;
          yield { sequence: info.streamSequence, data };
        }
        if (batch.messages.length > 0) progressMs = link.clock.monotonicMs();
        if (next > range.throughSequence || (pending === 0 && !batch.broken)) return;
        if (batch.broken) break;
      }
    } finally {
      await reader?.close();
    }
    if (link.clock.monotonicMs() - progressMs > GIVE_UP_MS)
      throw new RequestTimeout(range.subject, GIVE_UP_MS);
    await pause(link.clock, 100);
  }
}

interface Batch {
  readonly messages: readonly { readonly info: DeliveryInfo; readonly data: Uint8Array }[];
  /** Something is missing: go on with a new consumer. */
  readonly broken: boolean;
}

/** A throw-away consumer; `undefined` when the server does not answer now. */
async function openReader(
  link: NatsLink,
  stream: string,
  subject: string,
  fromSequence: number,
): Promise<BatchReader | undefined> {
  try {
    await link.untilConnected(SILENCE_MS);
    const info = await link.manager.consumers.add(stream, {
      filter_subject: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: fromSequence,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(30_000),
      max_deliver: 1,
    });
    return new BatchReader(link, info);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) throw error;
    if (link.connection.isClosed()) throw new LinkClosed({ cause: error });
    return undefined;
  }
}

class BatchReader {
  /** Messages which the consumer had to give when it was made. */
  readonly pending: number;
  readonly #link: NatsLink;
  readonly #info: ConsumerInfo;
  #expected = 1;

  constructor(link: NatsLink, info: ConsumerInfo) {
    this.#link = link;
    this.#info = info;
    this.pending = info.num_pending;
  }

  pull(size: number): Promise<Batch> {
    const { clock, connection } = this.#link;
    const inbox = this.#link.inbox();
    return new Promise((resolve) => {
      const messages: { info: DeliveryInfo; data: Uint8Array }[] = [];
      let cancel = () => {};
      const stopListening = this.#link.onStatus(() => finish(true));
      const finish = (broken: boolean) => {
        cancel();
        stopListening();
        if (!subscription.isClosed()) subscription.unsubscribe();
        resolve({ messages, broken });
      };
      const watch = () => {
        cancel();
        cancel = clock.schedule(SILENCE_MS, () => finish(true));
      };
      const receive = (message: Msg) => {
        const info = parseDelivery(message.reply);
        if (info === undefined) {
          // 404 and "exceeds max bytes" end a batch in order; anything else is a reason to look anew.
          finish(message.headers?.code !== 404 && messages.length === 0);
        } else if (info.consumerSequence !== this.#expected) {
          finish(true);
        } else {
          this.#expected++;
          messages.push({ info, data: message.data });
          if (messages.length === size || info.pending === 0) finish(false);
          else if (messages.length % 64 === 0) watch();
        }
      };
      const subscription = connection.subscribe(inbox, {
        callback: (error, message) => (error === null ? receive(message) : finish(true)),
      });
      watch();
      const body = { batch: size, max_bytes: BATCH_BYTES, expires: nanos(2_000) };
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#info.stream_name}.${this.#info.name}`;
      connection.publish(subject, JSON.stringify(body), { reply: inbox });
    });
  }

  /** Best effort: the server removes it by itself when it was not used for a while. */
  async close(): Promise<void> {
    if (this.#link.connection.isClosed() || !this.#link.connected) return;
    await this.#link.manager.consumers.delete(this.#info.stream_name, this.#info.name).catch(() => false);
  }
}
