// The runtime's work queue over one JetStream stream and one durable consumer. Several nodes may subscribe to a
// shared consumer; the server deals the messages out by their pull requests.
import { millis } from 'nats';
import type { WorkSource, WorkSubscription } from '#runtime';
import type { NatsLink } from './connection.ts';
import { openConsumer, type WorkConsumerOptions } from './work-consumer.ts';
import { PullSubscription, type SubscribeOptions } from './work-subscription.ts';

/** A work queue; each `subscribe` is independent of the others. */
export class NatsWorkSource implements WorkSource {
  readonly #link: NatsLink;
  readonly #options: WorkConsumerOptions;

  constructor(link: NatsLink, options: WorkConsumerOptions) {
    this.#link = link;
    this.#options = options;
  }

  /**
   * Begins to pull. At most `prefetch` messages are held here, waiting and in hand; all of them are kept from being
   * redelivered until they are settled or the subscription is closed. After `close` what is in hand can still be
   * settled, but is not kept alive any more.
   * @throws ConsumerTaken, WorkSourceFailed when the stream does not exist
   */
  async subscribe(options: SubscribeOptions): Promise<WorkSubscription> {
    const info = await openConsumer(this.#link, this.#options);
    return new PullSubscription(this.#link, this.#options, millis(info.config.ack_wait ?? 30e9), options);
  }
}
