// What the actors of one dataset tell, as metrics. How busy workers are and what actors hold is kept elsewhere
// (`WorkFlow`, `StageTotals`) and looked up when somebody reads.
import {
  type DeadReason,
  EMBED_CAUSES,
  type EmbedCounts,
  type JournaledVerdict,
  type OutcomeCounts,
  type Stage,
  type StageMeter,
} from '#actors';
import { CLASS_OF_REASON } from './dead-class.ts';
import type { Instruments } from './instruments.ts';

export class DatasetCounters implements Omit<StageMeter, 'working' | 'holds'> {
  readonly #instruments: Instruments;
  readonly #dataset: string;
  /** The newest one that a keeper on this node has told of. */
  manifest: { readonly number: number; readonly counts: OutcomeCounts } | undefined;

  constructor(instruments: Instruments, dataset: string) {
    this.#instruments = instruments;
    this.#dataset = dataset;
  }

  handled(stage: Stage, items: number, busyMs: number): void {
    const labels = { dataset: this.#dataset, stage };
    this.#instruments.count('troupe_stage_items_total', labels, items);
    this.#instruments.observe('troupe_stage_batch_seconds', labels, busyMs / 1_000);
  }

  left(stage: Stage, ageMs: number): void {
    // Two clocks that differ a little would give ages below 0.
    const seconds = Math.max(0, ageMs) / 1_000;
    this.#instruments.observe('troupe_stage_hop_seconds', { dataset: this.#dataset, stage }, seconds);
  }

  died(stage: Stage, reason: DeadReason): void {
    this.#count('troupe_dead_letters_total', { stage, class: CLASS_OF_REASON[reason] });
  }

  examined(isNew: boolean): void {
    this.#count('troupe_contents_total', { content: isNew ? 'new' : 'known' });
  }

  embedded(counts: EmbedCounts): void {
    for (const cause of EMBED_CAUSES) this.#count('troupe_vectors_total', { cause }, counts[cause]);
  }

  related(relation: Parameters<StageMeter['related']>[0]): void {
    this.#count('troupe_pairs_total', { relation });
  }

  journaled(verdicts: readonly JournaledVerdict[]): void {
    for (const verdict of verdicts) this.#count('troupe_verdicts_total', { verdict });
  }

  published({ number, counts }: { readonly number: number; readonly counts: OutcomeCounts }): void {
    this.manifest = { number, counts };
  }

  #count(
    name: Parameters<Instruments['count']>[0],
    labels: Readonly<Record<string, string>>,
    by?: number,
  ): void {
    this.#instruments.count(name, { dataset: this.#dataset, ...labels }, by);
  }
}
