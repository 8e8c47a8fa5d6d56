// 256 shards on three nodes, then four, then two, then one that is left when the other is killed, all of it while more
// than a thousand accepted items wait: how long a shard is answered by nobody, and whether anything was lost.
import { type ClusterStatus, clusterStatus, readCluster } from '../../cli/node/cluster-status.ts';
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import type { BenchOptions, Metrics } from '../contract.ts';
import { HandOffs, quantile } from './hand-offs.ts';
import { MESSAGE_BOUND, pictures, publish } from './load.ts';
import { calmDigest, configOf, DATASET, metric, SETTLE_MS, underLoad } from './under-load.ts';
import { verify } from './verify.ts';

const DEADLINE_MS = 180_000;

export async function rebalance({ quick, note }: BenchOptions): Promise<Metrics> {
  const count = quick ? 2_500 : 8_000;
  const shards = quick ? 64 : 256;
  const contents = await pictures(MESSAGE_BOUND, count);
  const calm = await calmDigest(contents);
  const config = configOf(shards);
  await using system = await ChaosSystem.create({ config, nodes: ['a', 'b', 'c', 'd'] });
  for (const node of ['a', 'b', 'c']) await system.start(node);
  const client = await system.client.connect();
  using handOffs = new HandOffs(client);
  await balanced(system, 3);
  await publish(client, DATASET, contents);

  await underLoad(system, count);
  const joinedMs = performance.now();
  const before = await takings(system);
  await system.start('d');
  await balanced(system, 4);
  const joinMoves = (await takings(system)) - before;
  const joinLeast = Math.floor((shards + 1) / 4);
  note(`a fourth node: ${joinMoves} moves (at least ${joinLeast})`);

  await underLoad(system, count);
  let leaveLeast = 0;
  for (const node of ['c', 'd']) {
    leaveLeast += await owned(system, node);
    const { code } = await system.stop(node);
    if (code !== 0) throw new Error(`node ${node} ended with ${code} when it was to leave`);
  }
  await balanced(system, 2);
  const leaveMoves = (await takings(system)) - before - joinMoves;
  note(`two nodes leave: ${leaveMoves} moves (at least ${leaveLeast})`);
  const pauses = handOffs.pauses(joinedMs);

  await underLoad(system, count);
  const killedMs = performance.now();
  await system.kill('b');
  await balanced(system, 1);
  const failoverMs = handOffs.lastMs(killedMs) - killedMs;

  await system.client.waitSettled(count, { deadlineMs: SETTLE_MS });
  const { digest, lost, duplicated } = await verify(system.client, count);
  return {
    'cluster.handoff_p50_ms': metric(quantile(pauses, 0.5), 'ms', `${pauses.length} hand-offs under load`),
    'cluster.handoff_p99_ms': metric(quantile(pauses, 0.99), 'ms', 'aim: under 1,000'),
    'cluster.handoff_max_ms': metric(Math.max(...pauses), 'ms'),
    'cluster.failover_s': metric(failoverMs / 1_000, 's', 'kill -9 to the last shard answering; lease 10 s'),
    'cluster.extra_moves': metric(joinMoves + leaveMoves - joinLeast - leaveLeast, 'moves', 'the fewest'),
    'cluster.lost': metric(lost, 'items', `${count} published`),
    'cluster.duplicated': metric(duplicated, 'outcomes', `${count} items`),
    'cluster.digest_equal': metric(digest === calm ? 1 : 0, '', 'one node, undisturbed'),
  };
}

/** Waits until so many nodes have all shards, as equally as can be, and none of them moves. */
async function balanced(system: ChaosSystem, nodes: number): Promise<void> {
  let seen = '';
  const isBalanced = async () => {
    const status = await clusterOf(system);
    const owners = Map.groupBy(status.shards, ({ phase, owner }) => (phase === 'active' ? owner : ''));
    const sizes = [...owners.values()].map(({ length }) => length);
    seen = [...owners].map(([owner, { length }]) => `${owner || 'moving'} ${length}`).join(', ');
    const living = new Set(status.members.filter(({ state }) => state === 'active').map(({ name }) => name));
    return (
      owners.size === nodes &&
      [...owners.keys()].every((owner) => living.has(owner ?? '')) &&
      Math.max(...sizes) - Math.min(...sizes) <= 1
    );
  };
  await system.waitFor(isBalanced, { deadlineMs: DEADLINE_MS, what: () => `${nodes} nodes share: ${seen}` });
}

/** How often shards were taken so far, by their epochs. */
async function takings(system: ChaosSystem): Promise<number> {
  return (await clusterOf(system)).shards.reduce((sum, { epoch }) => sum + epoch, 0);
}

async function owned(system: ChaosSystem, node: string): Promise<number> {
  return (await clusterOf(system)).shards.filter(({ owner }) => owner === node).length;
}

async function clusterOf(system: ChaosSystem): Promise<ClusterStatus> {
  return clusterStatus(await readCluster(await system.client.connect()));
}
