// What a served model tells of its requests: how each ended, where its vector came from, how large batches were. Whoever
// composes a node counts it for status and for metrics; no decision depends on it.
import type { VectorCause } from './embeddings.ts';

/**
 * How a request ended: with a vector; at another replica, to which it was passed on; not now, since too much waits or its
 * tenant has its share under way; never, being no picture; or without an answer of the model.
 */
export const REQUEST_OUTCOMES = ['answered', 'forwarded', 'retry_after', 'bad_request', 'failed'] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

export interface EmbedMeter {
  /** A request ended `tookMs` after it came. */
  ended(outcome: RequestOutcome, tookMs: number): void;
  /** A vector was had from there. */
  found(cause: VectorCause): void;
  /** The model ran for so many pictures at once. */
  ran(items: number): void;
}

/** Tells it to all of them. */
export function meters(...all: readonly EmbedMeter[]): EmbedMeter {
  return {
    ended: (outcome, tookMs) => {
      for (const each of all) each.ended(outcome, tookMs);
    },
    found: (cause) => {
      for (const each of all) each.found(cause);
    },
    ran: (items) => {
      for (const each of all) each.ran(items);
    },
  };
}
