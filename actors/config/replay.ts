// Which changes of a dataset's configuration its index does not survive: the contents must be found and measured anew,
// in a generation of the index of its own. Every other change takes effect at the next cut.
import type { DatasetConfig } from './index.ts';

/** A generation of a dataset's index: a set of shards of its own. Numbers of shards are never used again. */
export interface IndexGeneration {
  /** 1 for the first. */
  readonly number: number;
  /** Number of its first shard; the others follow. */
  readonly base: number;
}

/** The index of a dataset that was never replayed. */
export const FIRST_GENERATION: IndexGeneration = { number: 1, base: 0 };

/** Numbers of a generation's shards. */
export function shardNumbers({ base }: IndexGeneration, { shards }: Pick<DatasetConfig, 'shards'>): number[] {
  return Array.from({ length: shards }, (_, at) => base + at);
}

/** Whether contents have to be compared anew when `from` becomes `to`. */
export function needsReplay(from: DatasetConfig, to: DatasetConfig): boolean {
  const [before, after] = [from.dedup, to.dedup];
  return (
    from.shards !== to.shards ||
    from.model !== to.model ||
    before.phashRadius !== after.phashRadius ||
    before.dhashRadius !== after.dhashRadius ||
    before.transformedRadius !== after.transformedRadius ||
    before.vectors.semantic !== after.vectors.semantic ||
    String(before.against ?? []) !== String(after.against ?? []) ||
    leastCosine(after) < leastCosine(before)
  );
}

/** The smallest cosine that relates two contents; above 1 where vectors are not compared. */
function leastCosine({ vectors: { near, review, semantic } }: DatasetConfig['dedup']): number {
  const thresholds = [near, review, semantic].filter((each) => each !== null);
  return Math.min(2, ...thresholds);
}
