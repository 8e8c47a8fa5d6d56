// A work source that delivers as a bad day does: a delivery gets lost on its way and comes again later, or arrives
// twice. At least once is all that a queue promises, so whoever takes from one must bear both.
import type { Delivery, WorkSource, WorkSubscription } from '../ports.ts';

/** What becomes of a delivery. `dropped`: it is redelivered after `afterMs`. `doubled`: it is delivered twice. */
export type DeliveryFate =
  | { readonly type: 'delivered' }
  | { readonly type: 'dropped'; readonly afterMs: number }
  | { readonly type: 'doubled' };

/** The source, with a fate for each delivery; ask for the same fate of one that came again only if it shall repeat. */
export function unreliableSource(source: WorkSource, fate: (delivery: Delivery) => DeliveryFate): WorkSource {
  return {
    async subscribe(options): Promise<WorkSubscription> {
      const subscription = await source.subscribe({
        ...options,
        deliver(batch) {
          const arrived = batch.flatMap((delivery) => meet(delivery, fate(delivery)));
          if (arrived.length > 0) options.deliver(arrived);
          // A batch was asked for and is still owed.
          else subscription.demand();
        },
      });
      return subscription;
    },
  };
}

function meet(delivery: Delivery, fate: DeliveryFate): readonly Delivery[] {
  switch (fate.type) {
    case 'delivered':
      return [delivery];
    case 'dropped':
      delivery.nak(fate.afterMs);
      return [];
    case 'doubled':
      return [delivery, again(delivery)];
  }
}

/** The second arrival; settling either settles the message. */
function again(delivery: Delivery): Delivery {
  return {
    subject: delivery.subject,
    sequence: delivery.sequence,
    deliveries: delivery.deliveries + 1,
    storedAtMs: delivery.storedAtMs,
    data: delivery.data,
    header: (name) => delivery.header(name),
    ack: () => delivery.ack(),
    nak: (delayMs) => delivery.nak(delayMs),
    term: () => delivery.term(),
  };
}
