// What the manifest keeper is asked, and what it answers. The same requests travel from the command line over
// NATS, so they are schemas here.
import { z } from 'zod';
import type { Delivery, Reply } from '#runtime';
import type { Edge } from '../kinds/kind.ts';
import type { Payload } from '../pipeline/messages.ts';
import type { LedgerEntry, VerdictCounts } from './ledger.ts';
import type { ManifestRecord, ManifestRow } from './manifest.ts';

export const keeperRequestSchema = z.discriminatedUnion('op', [
  /** Cuts a manifest from what is settled. */
  z.object({ op: z.literal('cut') }),
  /** Verdict counts, and which sequences up to `through` have none. */
  z.object({ op: z.literal('settled'), through: z.number().int().nonnegative() }),
  /** Everything about the items which match an id, an item digest, a content digest or a sequence. */
  z.object({ op: z.literal('explain'), key: z.string() }),
  /** Derives a manifest's digest again from the ledger. */
  z.object({ op: z.literal('derive'), number: z.number().int().positive() }),
]);
export type KeeperRequest = z.infer<typeof keeperRequestSchema>;

export interface CutAnswer {
  readonly manifest: ManifestRecord;
  /** True when nothing had changed, so that the newest manifest stands. */
  readonly unchanged: boolean;
}

export interface SettledAnswer {
  /** Epoch under which the keeper owns its journal. */
  readonly epoch: number;
  readonly counts: VerdictCounts;
  /** Sequences up to `through` without a verdict: how many, and the first 10,000. */
  readonly missing: { readonly count: number; readonly sequences: readonly number[] };
}

export interface ExplainedItem {
  readonly entry: LedgerEntry;
  /** For a repeat: the sequence that it repeats. */
  readonly repeatOf: number | null;
  readonly payload: Payload | null;
  /** Row in the newest manifest, and that manifest's number. */
  readonly row: ManifestRow | null;
  readonly manifest: number | null;
  readonly survivorId: string | null;
  /** Verified relations of its content, each with an id under which the other content is known. */
  readonly relatives: readonly { readonly edge: Edge; readonly id: string | null }[];
}

export interface ExplainAnswer {
  readonly items: readonly ExplainedItem[];
}

export interface DeriveAnswer {
  readonly digest: string;
}

export type KeeperAnswer = CutAnswer | SettledAnswer | ExplainAnswer | DeriveAnswer;

export type KeeperMessage =
  | { readonly type: 'batch'; readonly deliveries: readonly Delivery[] }
  | { readonly type: 'request'; readonly request: KeeperRequest; readonly reply: Reply<KeeperAnswer> };
