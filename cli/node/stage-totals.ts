// Sums up what each stage has handled, for status and for the demo's account of where time went.
import type { Stage, StageMeter } from '#actors';

export interface StageTotal {
  readonly items: number;
  /** Time in which the stage's actors were busy, added over all of them, in ms. */
  readonly busyMs: number;
}

export class StageTotals implements StageMeter {
  readonly #totals = new Map<Stage, StageTotal>();

  handled(stage: Stage, items: number, busyMs: number): void {
    const total = this.#totals.get(stage) ?? { items: 0, busyMs: 0 };
    this.#totals.set(stage, { items: total.items + items, busyMs: total.busyMs + busyMs });
  }

  toJSON(): Readonly<Record<string, StageTotal>> {
    return Object.fromEntries(this.#totals);
  }
}
