// Whose each index shard of a dataset is, by what this node knows as a member of its system.
import type { ShardDirectory } from '#actors';
import { type ClusterNode, shardKey } from '#runtime';

/** The directory of one dataset. */
export function shardDirectory(node: string, cluster: ClusterNode, dataset: string): ShardDirectory {
  const { view } = cluster;
  const keyOf = (shard: number) => shardKey({ dataset, shard });
  const epochOf = (key: string) => view.shard(key).record?.epoch;
  return {
    node,
    route(shard) {
      const { record } = view.shard(keyOf(shard));
      if (record === undefined) return undefined;
      return { node: record.phase === 'released' ? undefined : record.owner, epoch: record.epoch };
    },
    holds: () => cluster.holds(),
    refresh: () => view.refreshShards(),
    moved(shards, signal) {
      const epochs = new Map(shards.map((shard) => [keyOf(shard), epochOf(keyOf(shard))]));
      return new Promise((resolve) => {
        const end = () => {
          stop();
          signal.removeEventListener('abort', end);
          resolve();
        };
        const stop = view.onShard((key) => {
          if (epochs.has(key) && epochs.get(key) !== epochOf(key)) end();
        });
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
      });
    },
  };
}
