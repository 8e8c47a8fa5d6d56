// One of three nodes gets what Kubernetes sends to a pod that goes, while items flow: no hook, SIGTERM, and SIGKILL at the end
// of the grace period that the manifests name. It gives up its shards and leaves by itself before that, and what comes out is
// what one undisturbed node gives.
import { expect, it } from 'vitest';
import { readStatus } from '../../cli/node/system-status.ts';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { askProbes, endAsKubernetes } from '../support/chaos/kubelet.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { podEnd } from '../support/pod-end.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;
const BEFORE = 200;
const NODES = ['troupe-0', 'troupe-1', 'troupe-2'];
const LEAVER = 'troupe-1';
/** The keeper and the four index shards of one dataset. */
const SHARDS = 5;
const SPREAD_MS = 60_000;

const calm = undisturbedPictures(COUNT);
const pod = podEnd();

/** Shards by owner, of those that answer. */
async function owners(system: ChaosSystem): Promise<ReadonlyMap<string, number>> {
  const { cluster } = await readStatus(await system.client.connect());
  const active = cluster.shards.flatMap(({ owner, phase }) =>
    phase === 'active' && owner !== undefined && owner !== null ? [owner] : [],
  );
  return new Map(NODES.map((name) => [name, active.filter((owner) => owner === name).length]));
}

const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

it('a pod that Kubernetes ends under load is unready and alive while it hands over, leaves in time, and costs no item', async () => {
  expect(pod.hooks, 'this test ends a node as a pod without hooks is ended').toBeUndefined();
  const config = { ...PICTURES_CONFIG, node: { drainMs: pod.drainMs, http: { port: 0 } } };
  await using system = await ChaosSystem.create({ config, nodes: NODES });
  await system.startAll();
  await system.waitFor(
    async () => {
      const counts = await owners(system);
      return total(counts) === SHARDS && [...counts.values()].every((count) => count > 0);
    },
    { deadlineMs: SPREAD_MS, what: 'every node owns a shard' },
  );
  const leaver = system.node(LEAVER);
  expect(await askProbes(leaver, pod)).toMatchObject({ live: 200, ready: 200 });

  const { items } = calm.pictures;
  const first = await system.client.publish(items.slice(0, BEFORE));
  await system.client.waitSettled(first, { atLeast: 1 });
  expect(await system.client.settled(first), 'items flow when it is told to stop').toBeLessThan(first);
  const [through, { end, tookMs, answers }] = await Promise.all([
    system.client.publish(items.slice(BEFORE)),
    endAsKubernetes(leaver, pod),
  ]);

  expect(end).toEqual({ code: 0, signal: null });
  expect(tookMs).toBeLessThan(pod.graceMs);
  // By the nodes' own hand-over: nobody has waited for a lease.
  const after = await owners(system);
  expect(after.get(LEAVER)).toBe(0);
  expect(total(after)).toBe(SHARDS);
  const unready = answers.findIndex(({ ready }) => ready === 503);
  expect(unready, 'it was asked while it drained').toBeGreaterThanOrEqual(0);
  expect(answers[unready]?.reason).toBe('the node is draining');
  expect(answers.slice(unready).map(({ ready }) => ready)).not.toContain(200);
  expect(new Set(answers.map(({ live }) => live))).toEqual(new Set([200]));

  await system.client.waitSettled(through);
  expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
});
