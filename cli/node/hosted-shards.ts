// The shards of all datasets of this node, as the ownership loop starts and stops them: each by the key of its record.
import { parseShardKey, type ShardHost, shardKey, shardKeysOf } from '#runtime';
import { recordedShards } from './dataset-registry.ts';
import type { RunningDataset } from './running-dataset.ts';

/** The host of a node; `datasets` is looked at anew for each call. */
export function hostedShards(datasets: ReadonlyMap<string, RunningDataset>): ShardHost {
  const find = (key: string) => {
    const { dataset, shard } = parseShardKey(key);
    return { running: datasets.get(dataset), shard };
  };
  const existing = (key: string) => {
    const { running, shard } = find(key);
    if (running === undefined) throw new RangeError(`the dataset of shard ${key} does not run here`);
    return { running, shard };
  };
  return {
    async lastEpoch(key) {
      const { running, shard } = existing(key);
      return running.lastEpoch(shard);
    },
    async prepare(key) {
      const { running, shard } = existing(key);
      await running.prepareShard(shard);
    },
    async start(key, epoch) {
      const { running, shard } = existing(key);
      await running.startShard(shard, epoch);
    },
    async stop(key) {
      const { running, shard } = find(key);
      await running?.stopShard(shard);
    },
    running: () =>
      new Set(
        [...datasets].flatMap(([dataset, running]) =>
          running.runningShards().map((shard) => shardKey({ dataset, shard })),
        ),
      ),
  };
}

/** Keys of all shards of these datasets. */
export function allShardKeys(datasets: ReadonlyMap<string, RunningDataset>): readonly string[] {
  return [...datasets].flatMap(([dataset, { record }]) => shardKeysOf(dataset, recordedShards(record)));
}
