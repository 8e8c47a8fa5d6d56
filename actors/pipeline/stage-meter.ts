// What the actors of a dataset tell of their work: how many items, how long, how much memory, and what came out. Whoever
// composes a node counts it for status, for accounts and for metrics; no decision depends on it.
import type { PairRelation } from '../dedup/relation.ts';
import type { OutcomeCounts } from '../keeper/manifest.ts';
import type { Stage } from './dataset-ports.ts';
import type { EmbedCounts } from './embed-contents.ts';
import type { DeadReason } from './item-failure.ts';

/** Parts of the pipeline that are busy or not: every stage, and the threads that decode for the intake. */
export const WORKING_PARTS = [
  'intake',
  'held',
  'decode',
  'embed',
  'dedup',
  'replay',
  'score',
  'keep',
] as const;
export type WorkingPart = (typeof WORKING_PARTS)[number];

/** How a sequence can end when it is journaled. */
export const JOURNALED_VERDICTS = ['eligible', 'rejected', 'review', 'dead'] as const;
export type JournaledVerdict = (typeof JOURNALED_VERDICTS)[number];

export interface StageMeter {
  /** One worker of a part is busy until the returned function is called, waiting for its own effects included. */
  working(part: WorkingPart): () => void;
  /** `items` were handled in `busyMs` of this stage's time. */
  handled(stage: Stage, items: number, busyMs: number): void;
  /** A message left its queue for good, `ageMs` after it was stored there by the server's clock. */
  left(stage: Stage, ageMs: number): void;
  /** A dead letter was stored. */
  died(stage: Stage, reason: DeadReason): void;
  /** An item's content was read and analysed, unless it was known; `isNew`: no item had this content before. */
  examined(isNew: boolean): void;
  /** A batch was embedded: for how many of its items the vector came from where. */
  embedded(counts: EmbedCounts): void;
  /** A desk measured a pair that has this relation under the configuration in force. */
  related(relation: PairRelation): void;
  journaled(verdicts: readonly JournaledVerdict[]): void;
  /** The newest manifest of the dataset is this one. */
  published(manifest: { readonly number: number; readonly counts: OutcomeCounts }): void;
  /** An actor whose state grows with the dataset holds so many bytes of it in memory now; 0: it runs here no more. */
  holds(actor: string, accountedBytes: number): void;
}

const nothing = () => {};

/** Counts nothing. */
export const noMeter: StageMeter = {
  working: () => nothing,
  handled: nothing,
  left: nothing,
  died: nothing,
  examined: nothing,
  embedded: nothing,
  related: nothing,
  journaled: nothing,
  published: nothing,
  holds: nothing,
};

/** Tells every one of these meters what it wants to know. */
export function metersTogether(meters: readonly Partial<StageMeter>[]): StageMeter {
  const each = (tell: (meter: Partial<StageMeter>) => void) => {
    for (const meter of meters) tell(meter);
  };
  return {
    working: (part) => {
      const ends = meters.map((meter) => meter.working?.(part));
      return () => {
        for (const end of ends) end?.();
      };
    },
    handled: (stage, items, busyMs) => each((meter) => meter.handled?.(stage, items, busyMs)),
    left: (stage, ageMs) => each((meter) => meter.left?.(stage, ageMs)),
    died: (stage, reason) => each((meter) => meter.died?.(stage, reason)),
    examined: (isNew) => each((meter) => meter.examined?.(isNew)),
    embedded: (counts) => each((meter) => meter.embedded?.(counts)),
    related: (relation) => each((meter) => meter.related?.(relation)),
    journaled: (verdicts) => each((meter) => meter.journaled?.(verdicts)),
    published: (manifest) => each((meter) => meter.published?.(manifest)),
    holds: (actor, accountedBytes) => each((meter) => meter.holds?.(actor, accountedBytes)),
  };
}
