// What the manifest keeper is asked, and what it answers. The same requests travel from the command line over
// NATS, so they are schemas here.
import { z } from 'zod';
import type { Delivery, Reply } from '#runtime';
import type { PairRelation } from '../dedup/relation.ts';
import type { Edge } from '../kinds/kind.ts';
import type { Payload } from '../pipeline/messages.ts';
import { type DeadResolution, resolutionRequestSchema, type SequenceFate } from './dead-fate.ts';
import type { GenerationRecord } from './edge-generations.ts';
import { type EraseAnswer, type ErasingAnswer, eraseRequestSchema } from './erase-request.ts';
import type { Erasure, ToDelete } from './erasures.ts';
import type { JudgedEntry, LedgerEntry } from './ledger-events.ts';
import type { ManifestRecord, ManifestRow } from './manifest.ts';
import { MAX_ASKED } from './max-asked.ts';
import type { OutsideSummary } from './outside.ts';
import type { VerdictCounts } from './verdict-counts.ts';

export const keeperRequestSchema = z.discriminatedUnion('op', [
  /** Cuts a manifest from what is settled. */
  z.object({ op: z.literal('cut') }),
  /** Verdict counts, and which sequences up to `through` have none. */
  z.object({ op: z.literal('settled'), through: z.number().int().nonnegative() }),
  /** Everything about the items which match an id, an item digest, a content digest or a sequence. */
  z.object({ op: z.literal('explain'), key: z.string() }),
  /** Derives a manifest's digest again from the ledger. */
  z.object({ op: z.literal('derive'), number: z.number().int().positive() }),
  /** How sequences stand. */
  z.object({ op: z.literal('fates'), sequences: z.array(z.number().int()).max(MAX_ASKED) }),
  /** Records that dead sequences were retried, or that they are purged; answers how they stand then. */
  z.object({ op: z.literal('resolve'), resolutions: z.array(resolutionRequestSchema).max(MAX_ASKED) }),
  /**
   * What is in no manifest: dead sequences by reason, repeats; at most `limit` of each by name. And how many items of
   * `manifest` were erased since.
   */
  z.object({
    op: z.literal('outside'),
    limit: z.number().int().nonnegative().max(10_000),
    manifest: z.number().int().positive(),
  }),
  /** The judged entries of items, by item digest. */
  z.object({ op: z.literal('items'), items: z.array(z.string()).max(MAX_ASKED) }),
  eraseRequestSchema,
  /** What is still to be deleted of erased items. */
  z.object({ op: z.literal('erasing') }),
]);
export type KeeperRequest = z.infer<typeof keeperRequestSchema>;

export interface CutAnswer {
  readonly manifest: ManifestRecord;
  /** True when nothing had changed, so that the newest manifest stands. */
  readonly unchanged: boolean;
}

/** How the contents stand that are compared anew. */
export interface Comparing {
  /** The generation of the index whose pairs count, and the one that is being made. */
  readonly generation: number;
  readonly next: number | null;
  /** Contents still to be compared. */
  readonly pending: number;
  /** Contents that could not be: how many, and the first of them with the reason. */
  readonly failed: number;
  readonly failures: readonly { readonly content: string; readonly failure: string }[];
  readonly history: readonly GenerationRecord[];
}

/** The answer to a cut while contents of the present generation are being compared: ask again. */
export interface ComparingAnswer {
  readonly comparing: Comparing;
}

export interface SettledAnswer {
  /** Epoch under which the keeper owns its journal. */
  readonly epoch: number;
  readonly counts: VerdictCounts;
  /** Bytes of memory that the ledger holds, by its own account. */
  readonly accountedBytes: number;
  /** Sequences up to `through` without a verdict: how many, and the first 10,000. */
  readonly missing: { readonly count: number; readonly sequences: readonly number[] };
  readonly comparing: Comparing;
}

export interface ExplainedItem {
  readonly entry: LedgerEntry;
  /** For a repeat: the sequence that it repeats. */
  readonly repeatOf: number | null;
  /** For a sequence that died: what was done about it. */
  readonly resolution: DeadResolution | null;
  /** The dead sequence that was retried as this one. */
  readonly retryOf: number | null;
  readonly payload: Payload | null;
  /** Row in the newest manifest, and that manifest's number. */
  readonly row: ManifestRow | null;
  readonly manifest: number | null;
  readonly survivorId: string | null;
  /** Measured neighbours of its content, closest first, each with an id under which the other content is known. */
  readonly relatives: readonly {
    readonly edge: Edge;
    /** What the pair means under the configuration in force; null: the two are different. */
    readonly relation: 'exact' | PairRelation | null;
    readonly id: string | null;
  }[];
  /** Generations of the index in which its content was compared anew, the oldest first. */
  readonly generations: readonly GenerationRecord[];
  /** Erased items whose duplicate or companion it was in the newest manifest then, the last erased first. */
  readonly survivorsErased: readonly ({ readonly item: string; readonly id: string | null } & Erasure)[];
  /** Why that was not possible in the newest one; null where it was. */
  readonly incomparable: string | null;
}

export interface ExplainAnswer {
  readonly items: readonly ExplainedItem[];
}

export interface DeriveAnswer {
  /** Null where items of the manifest were erased since, so that the ledger cannot give it any more. */
  readonly digest: string | null;
  /** How many. */
  readonly erased: number;
}

/** How the sequences asked about stand, in the order of the request. */
export interface FatesAnswer {
  readonly fates: readonly { readonly sequence: number; readonly fate: SequenceFate }[];
}

export interface OutsideAnswer {
  readonly outside: OutsideSummary;
}

export interface ItemsAnswer {
  /** Those of the items that the ledger knows. */
  readonly entries: readonly JudgedEntry[];
}

export type KeeperAnswer =
  | CutAnswer
  | ComparingAnswer
  | SettledAnswer
  | ExplainAnswer
  | DeriveAnswer
  | FatesAnswer
  | OutsideAnswer
  | ItemsAnswer
  | EraseAnswer
  | ErasingAnswer;

export type KeeperMessage =
  | { readonly type: 'batch'; readonly deliveries: readonly Delivery[] }
  /** The dataset was quiet for as long as the cut policy says. */
  | { readonly type: 'quiet' }
  /** What was left of erased items is deleted, but contents that others had. */
  | { readonly type: 'deleted'; readonly deleted: ToDelete; readonly spared: readonly string[] }
  | { readonly type: 'request'; readonly request: KeeperRequest; readonly reply: Reply<KeeperAnswer> };
