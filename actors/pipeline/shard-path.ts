// Where the parts of a dataset that have one owner stand in its tree.
import type { ShardName } from '#runtime';

/** An index shard by its number, or the keeper. */
export type DatasetShard = ShardName['shard'];

/** Supervisors in the dataset's tree whose children come and go with ownership. */
export const KEEPER_PARENT = 'ledger';
export const INDEX_PARENT = 'index';

/** Path of a shard's actor below the dataset's supervisor. */
export function shardPath(shard: DatasetShard): string {
  return `${shard === 'keeper' ? KEEPER_PARENT : INDEX_PARENT}/${idOf(shard)}`;
}

/** Name of a shard's actor among its siblings. */
export function idOf(shard: DatasetShard): string {
  return shard === 'keeper' ? 'keeper' : `shard-${shard}`;
}
