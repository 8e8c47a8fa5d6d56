// A short soak by a fixed seed: faults on nodes and on servers of a cluster, one after the other and at the same time,
// under a backlog of more than a thousand items. `npm run bench -- chaos` does it for longer and by any seed.
import { expect, it } from 'vitest';
import { MESSAGE_BOUND, pictures, publish } from '../../bench/cluster/load.ts';
import { verify } from '../../bench/cluster/verify.ts';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { soak } from '../support/chaos/soak.ts';

const LEASE_MS = 15_000;
const CONFIG = { version: 1, node: { leaseMs: LEASE_MS, decodeThreads: 1 } };
/** Every picture comes several times, under ids of its own. */
const DISTINCT = 400;

it('half a minute of faults by seed 3 loses, doubles and changes nothing', async () => {
  const contents = await pictures(MESSAGE_BOUND, DISTINCT);
  const part = (first: number, count: number) =>
    Array.from({ length: count }, (_, at) => contents[(first + at) % DISTINCT] ?? new Uint8Array());
  const notes: string[] = [];
  const disturbed = await (async () => {
    const config = { ...CONFIG, storage: { replicas: 3 } };
    await using system = await ChaosSystem.create({ servers: 3, config, nodes: ['a', 'b', 'c'] });
    await system.startAll();
    const client = await system.client.connect();
    const result = await soak({
      system,
      seed: 3,
      durationMs: 30_000,
      leaseMs: LEASE_MS,
      feed: (first, count) => publish(client, 'photos', part(first, count), first),
      note: (line) => notes.push(line),
    });
    return { ...result, ...(await verify(system.client, result.items)) };
  })();
  expect(disturbed.faults.size, notes.join('\n')).toBeGreaterThan(1);
  expect(disturbed.leastBacklog).toBeGreaterThanOrEqual(1_000);
  await using calm = await ChaosSystem.create({ config: CONFIG });
  await calm.startAll();
  await publish(await calm.client.connect(), 'photos', part(0, disturbed.items));
  await calm.client.waitSettled(disturbed.items, { deadlineMs: 300_000 });
  const { digest } = await verify(calm.client, disturbed.items);
  const { lost, duplicated } = disturbed;
  expect({ lost, duplicated, digest: disturbed.digest }, notes.join('\n')).toEqual({
    lost: 0,
    duplicated: 0,
    digest,
  });
});
