// Random faults by a seed on a system under load: three nodes over a cluster of three nats-servers with three replicas,
// each killed, frozen or cut off again and again. Afterwards every item must have been decided once, as on one node that
// nobody disturbed.
import { ChaosSystem } from '../tests/support/chaos/chaos-system.ts';
import { soak } from '../tests/support/chaos/soak.ts';
import { kills } from './chaos/kills.ts';
import { MESSAGE_BOUND, pictures, publish } from './cluster/load.ts';
import { verify } from './cluster/verify.ts';
import type { Bench, BenchOptions, Metrics } from './contract.ts';

const DATASET = 'photos';
const LEASE_MS = 15_000;
const SETTLE_MS = 1_800_000;
/** Pictures that differ; item n has picture n of them, or, where there are more items, one that came before. */
const DISTINCT = 6_000;
const QUICK_DISTINCT = 600;

export const chaosBench: Bench = {
  parts: ['faults', 'kills'],
  async run(options: BenchOptions): Promise<Metrics> {
    if (options.only === 'kills') return kills(options);
    const { note, seed = 1 } = options;
    const minutes = options.minutes ?? (options.quick ? 0.5 : 2);
    const contents = await pictures(MESSAGE_BOUND, options.quick ? QUICK_DISTINCT : DISTINCT);
    const part = (first: number, count: number) =>
      Array.from({ length: count }, (_, at) => contents[(first + at) % contents.length] ?? new Uint8Array());
    note(`${minutes} minutes with seed ${seed}`);
    const disturbed = await underFaults();
    note(
      `${disturbed.items} items, ${[...disturbed.faults].map(([kind, times]) => `${kind}: ${times}`).join(', ')}`,
    );
    const calm = await undisturbed(disturbed.items);
    const faults = [...disturbed.faults.values()].reduce((sum, times) => sum + times, 0);
    const reference = `${disturbed.items} items, ${minutes} minutes, seed ${seed}`;
    return {
      'chaos.lost': { value: disturbed.lost, unit: 'items', reference },
      'chaos.duplicated': { value: disturbed.duplicated, unit: 'outcomes', reference },
      'chaos.faults': { value: faults, unit: 'faults', reference },
      'chaos.digest_equal': {
        value: disturbed.digest === calm ? 1 : 0,
        unit: '',
        reference: 'one node, undisturbed',
      },
      'chaos.least_backlog': {
        value: disturbed.leastBacklog,
        unit: 'items',
        reference: 'at least 1,000 at each fault',
      },
      'chaos.ended_by_themselves': {
        value: disturbed.ended.length,
        unit: 'nodes',
        reference: 'without a fault of their own',
      },
    };

    async function underFaults() {
      const config = { ...configOf(), storage: { replicas: 3 } };
      await using system = await ChaosSystem.create({ servers: 3, config, nodes: ['a', 'b', 'c'] });
      await system.startAll();
      const client = await system.client.connect();
      const result = await soak({
        system,
        seed,
        durationMs: minutes * 60_000,
        leaseMs: LEASE_MS,
        feed: (first, count) => publish(client, DATASET, part(first, count), first),
        note,
      });
      return { ...result, ...(await verify(system.client, result.items)) };
    }

    async function undisturbed(items: number): Promise<string> {
      note(`the same ${items} items on one node`);
      await using system = await ChaosSystem.create({ config: configOf() });
      await system.startAll();
      await publish(await system.client.connect(), DATASET, part(0, items));
      await system.client.waitSettled(items, { deadlineMs: SETTLE_MS });
      return (await verify(system.client, items)).digest;
    }
  },
};

function configOf() {
  return { version: 1, node: { leaseMs: LEASE_MS, decodeThreads: 1 } };
}
