// What became of a sequence, above all of one that died: it may be retried as a new sequence or purged by a person
// (G1). A judged verdict, early or late, always counts more than a death and what was done about it.
import { z } from 'zod';
import type { Ledger } from './ledger.ts';
import type { LedgerEvent } from './ledger-events.ts';

/** What was done about a dead sequence; recorded once, never changed. */
export type DeadResolution =
  /** Its message was published again and is the intake sequence `as`. */
  | { readonly state: 'retried'; readonly as: number; readonly at: string }
  /** Its dead letter was deleted by a person. */
  | { readonly state: 'purged'; readonly by: string; readonly at: string };

/** How a sequence stands in the ledger. */
export type SequenceFate =
  /** No verdict yet. */
  | { readonly state: 'open' }
  | { readonly state: 'judged' }
  | { readonly state: 'erased'; readonly at: string }
  | { readonly state: 'dead'; readonly reason: string }
  | DeadResolution;

/** Longest name of a person. */
export const MAX_PERSON_LENGTH = 128;

const sequence = z.number().int().positive();

/** One sequence that was retried, or is to be purged. */
export const resolutionRequestSchema = z
  .discriminatedUnion('state', [
    z.object({ state: z.literal('retried'), sequence, as: sequence }),
    z.object({
      state: z.literal('purged'),
      sequence,
      by: z
        .string()
        .min(1)
        .max(MAX_PERSON_LENGTH)
        .regex(/^\P{Cc}*$/u),
    }),
  ])
  .refine((request) => request.state !== 'retried' || request.as > request.sequence, {
    error: 'a retry is a later sequence than the one that died',
  });
export type ResolutionRequest = z.infer<typeof resolutionRequestSchema>;

/**
 * The events that record what can be recorded: of dead sequences only, so that a request that is repeated after a
 * crash, or made by two people at once, changes nothing the second time.
 */
export function resolve(
  ledger: Ledger,
  requests: readonly ResolutionRequest[],
  at: string,
): readonly LedgerEvent[] {
  const resolutions = new Map<number, DeadResolution>();
  for (const request of requests) {
    const isOpen = !resolutions.has(request.sequence) && ledger.fate(request.sequence).state === 'dead';
    if (!isOpen) continue;
    resolutions.set(
      request.sequence,
      request.state === 'retried'
        ? { state: 'retried', as: request.as, at }
        : { state: 'purged', by: request.by, at },
    );
  }
  if (resolutions.size === 0) return [];
  return [{ type: 'resolved', resolutions: [...resolutions] }];
}
