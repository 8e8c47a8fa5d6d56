// Knows how far a run of `publish` is, so that the next one goes on from there. Items come in the same order each
// time, so one mark stands for all acknowledged ones before it; beside it only those in flight and the failed count.
import { z } from 'zod';
import { keyOf, type PublishSource } from './publish-source.ts';

/** Files changed so shortly before the first run are published again: clocks of file systems are not exact. */
const CLOCK_MARGIN_MS = 2_000;

export const savedRunSchema = z.strictObject({
  version: z.literal(1),
  /** The intake stream that was published to: its creation time. Another one has nothing of this. */
  incarnation: z.string(),
  /** When the first run began, ms since 1970. */
  startedMs: z.number(),
  /** Everything up to and including this item is published, but `failed`; null before the first. */
  mark: z.string().nullable(),
  /** Published ones after the mark. */
  beyond: z.array(z.string()),
  /** Unpublishable ones up to the mark or in `beyond`. */
  failed: z.array(z.string()),
  published: z.number(),
});

/** What is kept of a run. */
export type SavedRun = z.infer<typeof savedRunSchema>;

/** A run that has not begun. */
export function freshRun(incarnation: string, nowMs: number): SavedRun {
  return { version: 1, incarnation, startedMs: nowMs, mark: null, beyond: [], failed: [], published: 0 };
}

export class ResumableRun {
  readonly #startedMs: number;
  readonly #incarnation: string;
  readonly #beyond: ReadonlySet<string>;
  readonly #failed: Set<string>;
  /** Items after the mark in the order in which they came, and whether each is over. */
  readonly #ahead = new Map<string, boolean>();
  #mark: string | null;
  #published: number;
  #markMet: boolean;

  constructor(saved: SavedRun) {
    this.#startedMs = saved.startedMs;
    this.#incarnation = saved.incarnation;
    this.#beyond = new Set(saved.beyond);
    this.#failed = new Set(saved.failed);
    this.#mark = saved.mark;
    this.#published = saved.published;
    this.#markMet = saved.mark === null;
  }

  /** Items published in this run and those before it. */
  get published(): number {
    return this.#published;
  }

  get failures(): number {
    return this.#failed.size;
  }

  /** Whether the items that were given so far include the mark; if not at the end, they are other items. */
  get markMet(): boolean {
    return this.#markMet;
  }

  get mark(): string | null {
    return this.#mark;
  }

  /** Sorts out what is published already, all in the order of the first run. */
  async *remaining(items: AsyncIterable<PublishSource>): AsyncGenerator<PublishSource, void> {
    const mark = this.#mark;
    for await (const item of items) {
      const key = keyOf(item);
      const isBehind = !this.#markMet;
      if (key === mark) this.#markMet = true;
      const isOver = isBehind || this.#beyond.has(key);
      if (!isBehind) this.#ahead.set(key, isOver);
      if (!isOver || this.#failed.has(key) || this.#changedSince(item)) yield item;
      else if (!isBehind) this.#advance();
    }
  }

  /** The items of a stream: they begin after the mark, failed ones of before come first. */
  async *following(items: AsyncIterable<PublishSource>): AsyncGenerator<PublishSource, void> {
    this.#markMet = true;
    for await (const item of items) {
      const key = keyOf(item);
      if (this.#mark !== null && Number(key) <= Number(this.#mark)) {
        if (this.#failed.has(key)) yield item;
        continue;
      }
      const isOver = this.#beyond.has(key);
      this.#ahead.set(key, isOver);
      if (!isOver || this.#failed.has(key)) yield item;
      else this.#advance();
    }
  }

  acknowledged(item: PublishSource): void {
    this.#published += 1;
    this.#failed.delete(keyOf(item));
    this.#over(keyOf(item));
  }

  unpublishable(item: PublishSource): void {
    this.#failed.add(keyOf(item));
    this.#over(keyOf(item));
  }

  toJSON(): SavedRun {
    return {
      version: 1,
      incarnation: this.#incarnation,
      startedMs: this.#startedMs,
      mark: this.#mark,
      beyond: [...this.#ahead].filter(([, isOver]) => isOver).map(([key]) => key),
      failed: [...this.#failed],
      published: this.#published,
    };
  }

  #changedSince(item: PublishSource): boolean {
    return item.type === 'file' && (item.changedMs ?? 0) >= this.#startedMs - CLOCK_MARGIN_MS;
  }

  #over(key: string): void {
    if (!this.#ahead.has(key)) return;
    this.#ahead.set(key, true);
    this.#advance();
  }

  #advance(): void {
    for (const [key, isOver] of this.#ahead) {
      if (!isOver) return;
      this.#ahead.delete(key);
      this.#mark = key;
    }
  }
}
