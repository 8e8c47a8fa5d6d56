// What planning for 1,000 shards costs the node that does it, beside the other node of the same system, while nothing
// happens: CPU time of both processes over the same seconds.
import { clusterStatus, readCluster } from '../../cli/node/cluster-status.ts';
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import type { BenchOptions, Metrics } from '../contract.ts';
import { watchProcesses } from '../cpu-time.ts';

const DEADLINE_MS = 240_000;

export async function coordinatorCost({ quick, note }: BenchOptions): Promise<Metrics> {
  const shards = quick ? 100 : 1_000;
  const seconds = quick ? 10 : 30;
  await using system = await ChaosSystem.create({
    config: { version: 1, datasets: { photos: { shards } } },
    nodes: ['a', 'b'],
  });
  await system.startAll();
  const client = await system.client.connect();
  const isBalanced = async () => {
    const { shards: all } = clusterStatus(await readCluster(client));
    const [one = 0, other = 0] = ['a', 'b'].map((node) => all.filter(({ owner }) => owner === node).length);
    return (
      one + other === shards + 1 && Math.abs(one - other) <= 1 && all.every(({ phase }) => phase === 'active')
    );
  };
  await system.waitFor(isBalanced, { deadlineMs: DEADLINE_MS, what: 'the shards are shared' });
  const { members } = clusterStatus(await readCluster(client));
  const planner = members.find(({ isCoordinator }) => isCoordinator)?.name;
  const [idle, plans] = await Promise.all(
    [
      system.nodes.find(({ name }) => name !== planner),
      system.nodes.find(({ name }) => name === planner),
    ].map((node) => watchProcesses(node === undefined ? [] : [node.pid])),
  );
  await new Promise<void>((resolve) => {
    client.link.clock.schedule(seconds * 1_000, resolve);
  });
  const [plannerMs = 0, otherMs = 0] = [await plans?.(), await idle?.()];
  note(`over ${seconds} s: planner ${plannerMs} ms, the other ${otherMs} ms of CPU`);
  const share = (ms: number) => Number(((ms / seconds / 1_000) * 100).toPrecision(3));
  return {
    'cluster.coordinator_cpu': {
      value: share(plannerMs),
      unit: '% of a core',
      reference: `the other node of the system: ${share(otherMs)} %; ${shards} shards`,
    },
  };
}
