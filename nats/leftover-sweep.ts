// Clears a work queue of messages which were acknowledged and yet remained. A nats-server of 2.9 that is killed keeps
// some of them (seen: 1 to 800 of 3,000): its consumer knows that they are done and never delivers them again, but
// the stream counts them, would run full with them, and an audit would take them for pending.
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { eachMessage } from './inspect.ts';
import { consumerName, type WorkConsumerOptions } from './work-consumer.ts';

const PAUSES_MS = [250, 1_000, 5_000, 30_000];
const DELETES_AT_ONCE = 64;

/** Looks for leftovers after each (re)connect, with growing pauses until there are none. */
export class LeftoverSweep {
  readonly #link: NatsLink;
  readonly #consumer: WorkConsumerOptions;
  #round = new AbortController();

  constructor(link: NatsLink, consumer: WorkConsumerOptions) {
    this.#link = link;
    this.#consumer = consumer;
  }

  /** Begins anew; an earlier round ends. */
  restart(): void {
    this.stop();
    this.#round = new AbortController();
    void this.#run(this.#round.signal);
  }

  stop(): void {
    this.#round.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      await pause(this.#link.clock, PAUSES_MS[attempt] ?? PAUSES_MS.at(-1) ?? 0, signal);
      if (signal.aborted || this.#link.connection.isClosed()) return;
      // A server which does not answer, or a queue which is gone, is noticed by the subscription itself.
      const clean = await removeLeftovers(this.#link, this.#consumer).catch(() => false);
      if (clean) return;
    }
  }
}

/** Removes what lies below the consumer's ack floor. True when the queue holds only what is still to be done. */
async function removeLeftovers(link: NatsLink, options: WorkConsumerOptions): Promise<boolean> {
  const { stream, subject } = options;
  const consumer = await link.manager.consumers.info(stream, consumerName(options));
  const { state } = await link.manager.streams.info(stream);
  if (state.messages <= consumer.num_pending + consumer.num_ack_pending) return true;
  const floor = consumer.ack_floor.stream_seq;
  let removed = 0;
  let batch: Promise<boolean>[] = [];
  for await (const { sequence } of eachMessage(link, stream, { subject })) {
    if (sequence > floor) break;
    // Another sweep may be faster; whatever else fails is found again by the next round.
    batch.push(link.manager.streams.deleteMessage(stream, sequence, false).catch(() => false));
    if (batch.length < DELETES_AT_ONCE) continue;
    removed += count(await Promise.all(batch));
    batch = [];
  }
  removed += count(await Promise.all(batch));
  if (removed > 0) link.log.warn({ stream, removed }, 'removed acknowledged messages which had remained');
  return false;
}

function count(deleted: readonly boolean[]): number {
  return deleted.filter((gone) => gone).length;
}
