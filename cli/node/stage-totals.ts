// Sums up what each stage has handled and what each actor with state holds, for status and for accounts of where time
// and memory went.
import type { Stage, StageMeter } from '#actors';

export interface StageTotal {
  readonly items: number;
  /** Time in which the stage's actors were busy, added over all of them, in ms. */
  readonly busyMs: number;
}

export class StageTotals implements Pick<StageMeter, 'handled' | 'holds'> {
  readonly #accountedBytes = new Map<string, number>();
  readonly #totals = new Map<Stage, StageTotal>();

  handled(stage: Stage, items: number, busyMs: number): void {
    const total = this.#totals.get(stage) ?? { items: 0, busyMs: 0 };
    this.#totals.set(stage, { items: total.items + items, busyMs: total.busyMs + busyMs });
  }

  holds(actor: string, accountedBytes: number): void {
    this.#accountedBytes.set(actor, accountedBytes);
  }

  /** Bytes by actor, as each accounts for its own state. */
  get accountedBytes(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#accountedBytes);
  }

  toJSON(): Readonly<Record<string, StageTotal>> {
    return Object.fromEntries(this.#totals);
  }
}
