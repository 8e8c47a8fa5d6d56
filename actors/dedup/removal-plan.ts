// Which shards hold anything of contents that are to be removed.
import { shardOf } from './partition.ts';

/**
 * What each shard is told to forget.
 * @param isKeyed Whether contents stand under keys, which may be in any shard.
 */
export function planRemovals(
  contents: readonly string[],
  shards: number,
  isKeyed: boolean,
): ReadonlyMap<number, readonly string[]> {
  if (!isKeyed) return Map.groupBy(contents, (content) => shardOf(content, shards));
  return new Map(Array.from({ length: shards }, (_, shard) => [shard, contents]));
}
