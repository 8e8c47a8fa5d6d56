// Reads the messages that one stage of ours wrote for the next: decoded, checked by the stage's schema, and
// named for a dead letter even when they cannot be read.
import type { z } from 'zod';
import type { Codec, Delivery } from '#runtime';

/** Reader of one stage's messages. */
export interface QueuedItem<T> {
  /** @throws when the bytes are not of the schema: our own fault, hence a crash. */
  read(delivery: Delivery): T;
  /** Intake sequence and id; never throws. */
  identify(delivery: Delivery): { readonly sequence: number; readonly id: string | null };
}

export function queuedItem<T extends { readonly sequence: number; readonly id?: string | null }>(
  codec: Codec,
  schema: z.ZodType<T>,
): QueuedItem<T> {
  const read = (delivery: Delivery): T => schema.parse(codec.decode(delivery.data));
  return {
    read,
    identify: (delivery) => {
      try {
        const { sequence, id } = read(delivery);
        return { sequence, id: id ?? null };
      } catch {
        return { sequence: sequenceOfHop(delivery), id: null };
      }
    },
  };
}

/** The hop's own id names the sequence (`dataset.incarnation.stage.sequence.effect.retry`). */
function sequenceOfHop(delivery: Delivery): number {
  return Number(delivery.header('Nats-Msg-Id')?.split('.')[3] ?? 0);
}
