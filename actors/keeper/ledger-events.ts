// What the ledger's journal holds: how each sequence ended, and the events by which the ledger changes.
import type { ContentFacts, Edge } from '../kinds/kind.ts';
import type { Judgement, VerdictMessage } from '../pipeline/messages.ts';
import type { DeadResolution } from './dead-fate.ts';
import type { ComparedContent } from './edge-generations.ts';
import type { DerivedNames, ErasedEntry, ToDelete } from './erasures.ts';
import type { ManifestRecord } from './manifest.ts';

/** A judged item as the ledger holds it. */
export interface JudgedEntry {
  readonly type: 'judged';
  readonly sequence: number;
  readonly item: string;
  readonly id: string;
  readonly time: string | null;
  readonly facts: ContentFacts | null;
  readonly vector: string | null;
  readonly judgement: Judgement;
  readonly config: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** A sequence that ended as a dead letter. */
export interface DeadEntry {
  readonly type: 'dead';
  readonly sequence: number;
  readonly id: string | null;
  readonly stage: string;
  readonly reason: string;
  readonly attempts: number;
}

export type LedgerEntry = JudgedEntry | DeadEntry | ErasedEntry;

/** The events that enter verdicts: one for each generation in which items were claimed, usually the same for all. */
export function entryEvents(verdicts: readonly VerdictMessage[]): readonly LedgerEvent[] {
  const byGeneration = Map.groupBy(verdicts, (each) => (each.type === 'judged' ? each.generation : 1));
  return [...byGeneration].map(([generation, of]) => ({
    type: 'entries',
    entries: of.map(toEntry),
    edges: of.flatMap((verdict) => (verdict.type === 'judged' ? verdict.edges : [])),
    ...(generation > 1 && { generation }),
  }));
}

function toEntry(verdict: VerdictMessage): LedgerEntry {
  if (verdict.type === 'dead') return verdict;
  const { edges: _, generation: __, ...entry } = verdict;
  return entry;
}

export type LedgerEvent =
  | {
      readonly type: 'entries';
      readonly entries: readonly LedgerEntry[];
      readonly edges: readonly Edge[];
      /** In which all of them were claimed; absent for the first. */
      readonly generation?: number;
    }
  /** Dead sequences were retried or purged. */
  | { readonly type: 'resolved'; readonly resolutions: readonly (readonly [number, DeadResolution])[] }
  /** Outcomes of entries up to this number of journaled entries are published. */
  | { readonly type: 'announced'; readonly through: number }
  /** Contents are compared anew, in a generation of the index that is made beside the present one. */
  | {
      readonly type: 'replay_begun';
      readonly generation: number;
      /** Digest of the deciding configuration. */
      readonly config: string;
      readonly at: string;
    }
  | {
      readonly type: 'compared';
      readonly generation: number;
      readonly contents: readonly ComparedContent[];
      readonly edges: readonly Edge[];
    }
  /** The generation that was being made counts from now on. */
  | { readonly type: 'switched'; readonly generation: number; readonly at: string }
  | { readonly type: 'replay_cancelled'; readonly generation: number }
  /** Items, and sequences that had died, are erased: of their entries only the names stay. */
  | {
      readonly type: 'erased';
      readonly at: string;
      readonly reason: string | null;
      readonly items: readonly { readonly item: string; readonly survivorOf: readonly string[] }[];
      readonly sequences: readonly number[];
    }
  /** What was left of erased items is deleted; contents that others have stayed. */
  | { readonly type: 'erasure_done'; readonly deleted: ToDelete }
  /** Nothing of it is in this journal any more. */
  | { readonly type: 'erasure_closed' }
  /** From now on copies are made of contents under these names, too. */
  | { readonly type: 'derives'; readonly names: DerivedNames }
  | { readonly type: 'cut'; readonly manifest: ManifestRecord }
  | { readonly type: 'cut_announced'; readonly number: number };
