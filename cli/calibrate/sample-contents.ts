// A random sample of the contents of a manifest, the same for a seed in whatever order its rows come, and in memory that
// does not grow with them: every content has a rank, a hash of it under the seed, and those of the lowest ranks stay.
import { createHash } from 'node:crypto';
import type { ManifestRow } from '#actors';

/** A content, and an item that has it. */
export interface SampledContent {
  readonly content: string;
  readonly item: string;
}

export interface ContentSample {
  /** Ordered by rank, which is a random order. */
  readonly contents: readonly SampledContent[];
  /** Rows that could have been drawn. */
  readonly population: number;
  /** Rows of proved copies of others, which were left out. */
  readonly copies: number;
  /** Rows that rules rejected. */
  readonly rejected: number;
}

/** Draws at most `size` contents from rows in any order. */
export async function sampleContents(
  rows: AsyncIterable<ManifestRow> | Iterable<ManifestRow>,
  { size, seed, signal }: { readonly size: number; readonly seed: number; readonly signal?: AbortSignal },
): Promise<ContentSample> {
  const kept = new LowestRanks(size, seed);
  let [population, copies, rejected] = [0, 0, 0];
  for await (const row of rows) {
    signal?.throwIfAborted();
    if (row.content === null || row.outcome === 'rejected') rejected += 1;
    else if (isProvedCopy(row)) copies += 1;
    else {
      population += 1;
      kept.offer({ content: row.content, item: row.item });
    }
  }
  return { contents: kept.ordered(), population, copies, rejected };
}

/**
 * Whether bytes or pixels prove the row a copy of another one. What vectors alone say is no proof here: a threshold
 * that is too loose would hide its own false pairs.
 */
export function isProvedCopy({ relation, survivor, evidence }: ManifestRow): boolean {
  if (survivor === null) return false;
  switch (relation) {
    case 'exact':
    case 'transformed':
      return true;
    case 'near':
      return evidence === null || evidence.distance <= evidence.threshold.distance;
    default:
      return false;
  }
}

class LowestRanks {
  readonly #size: number;
  readonly #seed: number;
  #ranked = new Map<string, { readonly rank: string; readonly sampled: SampledContent }>();

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  offer(sampled: SampledContent): void {
    const known = this.#ranked.get(sampled.content);
    if (known !== undefined && known.sampled.item <= sampled.item) return;
    const rank = createHash('sha256').update(`${this.#seed}/${sampled.content}`).digest('hex');
    this.#ranked.set(sampled.content, { rank, sampled });
    if (this.#ranked.size >= 2 * this.#size) this.#cut();
  }

  ordered(): readonly SampledContent[] {
    this.#cut();
    return [...this.#ranked.values()].map(({ sampled }) => sampled);
  }

  #cut(): void {
    const ordered = [...this.#ranked].sort(([, a], [, b]) => (a.rank < b.rank ? -1 : 1));
    this.#ranked = new Map(ordered.slice(0, this.#size));
  }
}
