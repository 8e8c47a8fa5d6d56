// What the keeper is asked to erase, what that comes to, and the event that it becomes. A request that is repeated
// changes nothing: what is erased already is told as such.
import { z } from 'zod';
import type { Ledger } from './ledger.ts';
import type { LedgerEvent } from './ledger-events.ts';
import type { ManifestRow } from './manifest.ts';
import { MAX_ASKED } from './max-asked.ts';
import { namedEntries } from './named-entries.ts';

/** Longest reason of an erasure. */
export const MAX_REASON_LENGTH = 512;

export const eraseRequestSchema = z.object({
  op: z.literal('erase'),
  /** Ids, item digests, content digests or, else, sequences. */
  keys: z.array(z.string().min(1)).max(MAX_ASKED),
  reason: z
    .string()
    .min(1)
    .max(MAX_REASON_LENGTH)
    .regex(/^\P{Cc}*$/u)
    .nullable(),
  /** Only tell what would be erased. */
  dryRun: z.boolean(),
});
export type EraseRequest = z.infer<typeof eraseRequestSchema>;

/** One item, or one sequence that had died, that a key named. */
export interface ErasedItem {
  readonly id: string | null;
  /** Null for a sequence that had died. */
  readonly item: string | null;
  readonly sequences: readonly number[];
  /** `kept`, `duplicate` and so on in the newest manifest; null where it is in none. */
  readonly outcome: string | null;
  /** Items whose survivor it is there: their best is chosen anew at the next cut. */
  readonly survivorOf: number;
  /** It was erased before, then and for this reason; null where it is (or would be) erased by this request. */
  readonly before: { readonly at: string; readonly reason: string | null } | null;
}

export interface EraseAnswer {
  /** For each key in order what it names; nothing for one that nothing is known by. */
  readonly results: readonly { readonly key: string; readonly items: readonly ErasedItem[] }[];
}

export interface ErasingAnswer {
  /** Items and contents of which something is still to be deleted. */
  readonly pending: number;
  /** What is waited for; null where nothing is. */
  readonly waitingFor: string | null;
}

/** What a request comes to, and the event that records it; no event where nothing is to be recorded. */
export function planErasure(
  ledger: Ledger,
  { keys, reason }: Pick<EraseRequest, 'keys' | 'reason'>,
  rows: ReadonlyMap<string, ManifestRow>,
  at: string,
): { readonly answer: EraseAnswer; readonly events: readonly LedgerEvent[] } {
  const survivorOf = Map.groupBy(rows.values(), ({ survivor }) => survivor);
  const items = new Map<string, { readonly item: string; readonly survivorOf: readonly string[] }>();
  const sequences = new Set<number>();
  const results = keys.map((key) => {
    const named = new Map<string, ErasedItem>();
    for (const entry of namedEntries(ledger, key)) {
      const item = entry.type === 'dead' ? null : entry.item;
      const name = item ?? `sequence ${entry.sequence}`;
      if (named.has(name)) continue;
      const left = item === null ? [] : (survivorOf.get(item) ?? []).map((row) => row.item);
      named.set(name, {
        id: entry.id,
        item,
        sequences: item === null ? [entry.sequence] : ledger.sequencesOf(item),
        outcome: (item === null ? undefined : rows.get(item)?.outcome) ?? null,
        survivorOf: left.length,
        before: entry.type === 'erased' ? entry.erasure : null,
      });
      if (entry.type === 'dead') sequences.add(entry.sequence);
      else if (entry.type === 'judged') items.set(entry.item, { item: entry.item, survivorOf: left });
    }
    return { key, items: [...named.values()] };
  });
  const event = {
    type: 'erased',
    at,
    reason,
    items: [...items.values()],
    sequences: [...sequences],
  } as const;
  return { answer: { results }, events: items.size + sequences.size > 0 ? [event] : [] };
}
