// What nodes do about orders of people (drained nodes, moved shards) and about shards that do not start.
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#testkit';
import { expectAllOwned } from '../../support/cluster-checks.ts';
import { LEASE_MS, SimulatedCluster } from '../../support/cluster-simulation.ts';

const NAMES = ['a', 'b', 'c'] as const;

describe('the nodes of a cluster', () => {
  it('try a shard that fails to start again with growing delays, each time told, and neither slow nor stop others', async () => {
    const cluster = new SimulatedCluster({ shards: 3, random: new SeededRandom(41) });
    cluster.start('a');
    const node = cluster.node('a');
    node.failStarts('photos.1');
    await cluster.clock.advance(60 * LEASE_MS);
    expect([...node.running.keys()].sort()).toEqual(['photos.0', 'photos.2']);
    const failed = cluster.phases('failed');
    expect(new Set(failed.map(({ shard }) => shard))).toEqual(new Set(['photos.1']));
    const delays = failed.map(({ retryMs = -1 }) => retryMs);
    expect(delays[0]).toBe(0);
    delays.slice(1).forEach((delayMs, at) => {
      const middleMs = Math.min(30_000, 200 * 2 ** at);
      expect(delayMs).toBeGreaterThanOrEqual(Math.max(200, middleMs * 0.8));
      expect(delayMs).toBeLessThanOrEqual(Math.min(30_000, middleMs * 1.2));
    });
    expect(failed.length).toBeGreaterThan(6);
    expect(failed.length).toBeLessThan(12);
    failed.slice(1).forEach(({ atMs }, at) => {
      const before = failed[at];
      expect(atMs - (before?.atMs ?? 0)).toBeGreaterThanOrEqual(before?.retryMs ?? 0);
    });
    const [waiting] = node.failingShards;
    expect(waiting).toMatchObject({ shard: 'photos.1', failures: failed.length });
    expect(waiting?.lastFailure.message).toBe('a start that was made to fail');
    node.heal('photos.1');
    await cluster.clock.advance(40 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(node.failingShards).toEqual([]);
  });

  it('try to load an offered shard again with growing delays, and forget that once they own it', async () => {
    const cluster = new SimulatedCluster({ shards: 2, random: new SeededRandom(59) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b');
    cluster.node('b').failPreparing();
    await cluster.clock.advance(10 * LEASE_MS);
    const failures = () => cluster.phases('failed').length;
    expect(failures()).toBeGreaterThan(4);
    expect(failures()).toBeLessThan(9);
    expect(cluster.node('b').failingShards).toHaveLength(1);
    cluster.node('a').kill();
    await cluster.clock.advance(3 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(cluster.node('b').failingShards).toEqual([]);
  });

  it('try a shard at once again after healthy work, but not one that keeps ending as soon as it runs', async () => {
    const cluster = new SimulatedCluster({ shards: 1, random: new SeededRandom(43) });
    cluster.start('a');
    await cluster.clock.advance(20 * LEASE_MS);
    const node = cluster.node('a');
    const retries = () => cluster.phases('failed').map(({ retryMs = -1 }) => retryMs > 0);
    const end = async () => {
      node.endShard('photos.0');
      await cluster.clock.advance(2 * LEASE_MS);
      await expectAllOwned(cluster);
    };
    await end();
    await end();
    expect(retries()).toEqual([false, true]);
    await cluster.clock.advance(20 * LEASE_MS);
    await end();
    expect(retries()).toEqual([false, true, false]);
  });

  it('give all shards of a drained node away and take them back when that is undone; it lives on', async () => {
    const cluster = new SimulatedCluster({ shards: 6, random: new SeededRandom(47) });
    for (const name of NAMES) cluster.start(name);
    await cluster.clock.advance(10 * LEASE_MS);
    await cluster.orderDrain('b', true);
    await cluster.clock.advance(2 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(cluster.node('b').running.size).toBe(0);
    expect(cluster.node('b').holds).toBe(true);
    cluster.node('b').kill();
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b');
    await cluster.clock.advance(5 * LEASE_MS);
    expect(cluster.node('b').running.size).toBe(0);
    await cluster.orderDrain('b', false);
    await cluster.clock.advance(10 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(cluster.node('b').running.size).toBe(2);
  });

  it('keep a moved shard where it was moved, balance with others, and bring it back to its node after a crash', async () => {
    const cluster = new SimulatedCluster({ shards: 6, random: new SeededRandom(53) });
    for (const name of NAMES) cluster.start(name);
    await cluster.clock.advance(10 * LEASE_MS);
    const owner = async (shard: string) => (await cluster.owners()).get(shard)?.owner;
    const from = await owner('photos.0');
    const to = NAMES.find((name) => name !== from) ?? '';
    await cluster.orderMove('photos.0', to);
    await cluster.clock.advance(10 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(await owner('photos.0')).toBe(to);
    expect(cluster.living().map(({ running }) => running.size)).toEqual([2, 2, 2]);
    cluster.node(to).kill();
    await cluster.clock.advance(4 * LEASE_MS);
    await expectAllOwned(cluster);
    cluster.start(to);
    await cluster.clock.advance(10 * LEASE_MS);
    expect(await owner('photos.0')).toBe(to);
  });
});
