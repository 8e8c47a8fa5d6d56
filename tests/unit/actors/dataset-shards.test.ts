// The shards of a dataset on one node: started under the epoch that their records say, loaded before they come, and
// handed from one node's tree to another's with all that they hold.
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { DatasetShards, judgingContext, shardPath } from '#actors';
import { ActorSystem, StartFailed } from '#runtime';
import type { ShardAnswer } from '../../../actors/dedup/index-exchange.ts';
import type { IndexShardMessage } from '../../../actors/dedup/index-shard.ts';
import { type MemoryDataset, memoryDataset, numberKind } from '../../support/memory-ports.ts';

const systems: ActorSystem[] = [];

afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});

/** A node that may own shards of the dataset. */
async function node(dataset: MemoryDataset) {
  const { ports, clock } = dataset;
  const parent = (id: string) => ({ type: 'supervisor', id, strategy: 'one_for_one', children: [] }) as const;
  const tree = { ...parent('photos'), children: [parent('ledger'), parent('index')] };
  const system = await ActorSystem.start({
    name: 'test',
    root: { ...parent('root'), children: [tree] },
    clock,
  });
  systems.push(system);
  const judging = judgingContext(ports.config, numberKind, ports.model);
  const shards = new DatasetShards({ ports, judging, supervisor: (path) => system.supervisor(path) });
  const ref = system.ref<IndexShardMessage>(`photos/${shardPath(0)}`);
  const options = { timeoutMs: 1_000 };
  const insert = (content: string) =>
    ref.ask<ShardAnswer<null>>(
      (reply) => ({
        type: 'insert',
        part: {
          slices: [{ content: createHash('sha256').update(content).digest('hex'), hashes: {} }],
          keys: [],
        },
        reply,
      }),
      options,
    );
  const describe = () =>
    ref.ask<ShardAnswer<{ readonly contents: number }>>((reply) => ({ type: 'describe', reply }), options);
  return { shards, insert, describe };
}

describe('the shards of a dataset', () => {
  it('run from start to stop, under the epoch of their record, and again after', async () => {
    const { shards, describe } = await node(memoryDataset());
    expect([await shards.lastEpoch(0), shards.running()]).toEqual([0, []]);
    await shards.start('keeper', 1);
    await shards.start(0, 5);
    expect(shards.running()).toEqual(['keeper', 0]);
    expect([await shards.lastEpoch(0), (await describe()).epoch]).toEqual([5, 5]);
    await shards.stop(0);
    await shards.stop(0);
    expect(shards.running()).toEqual(['keeper']);
    await shards.start(0, 6);
    expect((await describe()).epoch).toBe(6);
  });

  it('go over to another node with everything that was acknowledged, also what came after that had prepared', async () => {
    const dataset = memoryDataset();
    const [one, other] = [await node(dataset), await node(dataset)];
    await one.shards.start(0, 1);
    await one.insert('a');
    await other.shards.prepare(0);
    await other.shards.prepare('keeper');
    await one.insert('b');
    await one.shards.stop(0);
    await other.shards.start(0, 2);
    expect((await other.describe()).value.contents).toBe(2);
    await other.shards.start('keeper', 1);
    expect(other.shards.running()).toEqual(['keeper', 0]);
  });

  it('do not start under an epoch that another owner has passed', async () => {
    const dataset = memoryDataset();
    const [one, other] = [await node(dataset), await node(dataset)];
    await one.shards.start(0, 3);
    await expect(other.shards.start(0, 2)).rejects.toThrow(StartFailed);
    expect(other.shards.running()).toEqual([]);
    await one.insert('a');
    expect((await one.describe()).value.contents).toBe(1);
  });
});
