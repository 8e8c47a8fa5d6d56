// Sums up what each stage has handled and what each actor with state holds, for status and for accounts of where time
// and memory went.
import type { EmbedCounts, Stage, StageMeter } from '#actors';
import { addedCounts } from './added-counts.ts';

export interface StageTotal {
  readonly items: number;
  /** Time in which the stage's actors were busy, added over all of them, in ms. */
  readonly busyMs: number;
}

export class StageTotals implements Pick<StageMeter, 'handled' | 'embedded' | 'holds'> {
  #vectors: EmbedCounts = { stored: 0, shared: 0, flight: 0, inference: 0 };
  readonly #accountedBytes = new Map<string, number>();
  readonly #totals = new Map<Stage, StageTotal>();

  handled(stage: Stage, items: number, busyMs: number): void {
    const total = this.#totals.get(stage) ?? { items: 0, busyMs: 0 };
    this.#totals.set(stage, { items: total.items + items, busyMs: total.busyMs + busyMs });
  }

  embedded(counts: EmbedCounts): void {
    this.#vectors = addedCounts(this.#vectors, counts);
  }

  holds(actor: string, accountedBytes: number): void {
    this.#accountedBytes.set(actor, accountedBytes);
  }

  /** Items that were embedded, by where their vectors came from. */
  get vectors(): EmbedCounts {
    return this.#vectors;
  }

  /** Bytes by actor, as each accounts for its own state. */
  get accountedBytes(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#accountedBytes);
  }

  toJSON(): Readonly<Record<string, StageTotal>> {
    return Object.fromEntries(this.#totals);
  }
}
