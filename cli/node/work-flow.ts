// How busy each part of a dataset's pipeline is on this node, and how many items pass it: in all, and over the last 15
// seconds. Busy is a worker with something in hand, also while it waits for what it needs or for room behind it.
import { type Stage, type StageMeter, WORKING_PARTS, type WorkingPart } from '#actors';
import type { Clock } from '#runtime';

/** What one part did in a span of time. */
export interface PartWork {
  readonly items: number;
  /** Added over all workers. */
  readonly busyMs: number;
  readonly workers: number;
}

/** What every part did in the last `windowMs`. */
export interface RecentWork {
  readonly windowMs: number;
  readonly parts: Readonly<Record<WorkingPart, PartWork>>;
}

/** Long enough for a few of the largest batches, short enough to follow a change. */
const WINDOW_MS = 15_000;
const SLOT_MS = 1_000;

export class WorkFlow implements Pick<StageMeter, 'working' | 'handled'> {
  readonly #clock: Clock;
  readonly #parts: Readonly<Record<WorkingPart, PartFlow>>;
  readonly #beganMs: number;

  constructor(options: { readonly clock: Clock; readonly workers: Readonly<Record<WorkingPart, number>> }) {
    this.#clock = options.clock;
    this.#beganMs = options.clock.monotonicMs();
    this.#parts = perPart((part) => new PartFlow(options.workers[part], this.#beganMs));
  }

  working(part: WorkingPart): () => void {
    this.#parts[part].enter(this.#clock.monotonicMs(), 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#parts[part].enter(this.#clock.monotonicMs(), -1);
    };
  }

  handled(stage: Stage, items: number): void {
    this.#parts[stage].add(this.#clock.monotonicMs(), items);
  }

  /** Since it began. */
  totals(): Readonly<Record<WorkingPart, PartWork>> {
    const nowMs = this.#clock.monotonicMs();
    return perPart((part) => {
      const flow = this.#parts[part];
      flow.advance(nowMs);
      const { items, busyMs, workers } = flow;
      return { items, busyMs, workers };
    });
  }

  /** Of the last 15 seconds, or since it began; whole seconds, so the span may be one longer. */
  recent(): RecentWork {
    const nowMs = this.#clock.monotonicMs();
    const fromMs = Math.max(this.#beganMs, Math.floor((nowMs - WINDOW_MS) / SLOT_MS) * SLOT_MS);
    const parts = perPart((part) => {
      this.#parts[part].advance(nowMs);
      return this.#parts[part].since(fromMs);
    });
    return { windowMs: nowMs - fromMs, parts };
  }
}

/** What happened in one slot of time. */
interface Slot {
  readonly fromMs: number;
  items: number;
  busyMs: number;
}

class PartFlow {
  readonly workers: number;
  items = 0;
  busyMs = 0;
  /** Oldest first; those before the window are forgotten. */
  readonly #slots: Slot[] = [];
  #atMs: number;
  #inHand = 0;

  constructor(workers: number, nowMs: number) {
    this.workers = workers;
    this.#atMs = nowMs;
  }

  enter(nowMs: number, change: 1 | -1): void {
    this.advance(nowMs);
    this.#inHand += change;
  }

  add(nowMs: number, items: number): void {
    this.advance(nowMs);
    this.items += items;
    this.#slot(nowMs).items += items;
  }

  /** Accounts for the time up to now. */
  advance(nowMs: number): void {
    // More in hand than there are workers is a line before them.
    const busy = Math.min(this.#inHand, this.workers);
    this.busyMs += (nowMs - this.#atMs) * busy;
    let fromMs = Math.max(this.#atMs, nowMs - WINDOW_MS);
    while (busy > 0 && fromMs < nowMs) {
      const slot = this.#slot(fromMs);
      const untilMs = Math.min(nowMs, slot.fromMs + SLOT_MS);
      slot.busyMs += (untilMs - fromMs) * busy;
      fromMs = untilMs;
    }
    this.#atMs = nowMs;
  }

  since(fromMs: number): PartWork {
    const { workers } = this;
    const recent = this.#slots.filter((slot) => slot.fromMs + SLOT_MS > fromMs);
    const sum = (field: 'items' | 'busyMs') => recent.reduce((all, slot) => all + slot[field], 0);
    return { items: sum('items'), busyMs: sum('busyMs'), workers };
  }

  #slot(atMs: number): Slot {
    const fromMs = Math.floor(atMs / SLOT_MS) * SLOT_MS;
    const last = this.#slots.at(-1);
    if (last?.fromMs === fromMs) return last;
    const slot = { fromMs, items: 0, busyMs: 0 };
    this.#slots.push(slot);
    while ((this.#slots[0]?.fromMs ?? fromMs) < fromMs - WINDOW_MS) this.#slots.shift();
    return slot;
  }
}

function perPart<T>(of: (part: WorkingPart) => T): Readonly<Record<WorkingPart, T>> {
  return Object.fromEntries(WORKING_PARTS.map((part) => [part, of(part)])) as Record<WorkingPart, T>;
}
