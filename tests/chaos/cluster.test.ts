// Several nodes work on one dataset, and some of them are killed, frozen or cut off meanwhile; what comes out is what one
// undisturbed node gives.
import { describe, expect, it } from 'vitest';
import type { SystemStatus } from '../../cli/node/system-status.ts';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;
const CONFIG = { ...PICTURES_CONFIG, node: { leaseMs: 3_000 } };

const calm = undisturbedPictures(COUNT);

async function owners(system: ChaosSystem): Promise<ReadonlySet<string>> {
  const { stdout } = await system.command('shards', 'list', 'photos', '--json');
  return new Set((JSON.parse(stdout) as { readonly owner: string }[]).map(({ owner }) => owner));
}

/** A record of a node that was gone for long is removed. */
async function stateOf(system: ChaosSystem, node: string): Promise<string> {
  const { stdout } = await system.command('status', '--json');
  const { members } = (JSON.parse(stdout) as SystemStatus).cluster;
  return members.find(({ name }) => name === node)?.state ?? 'gone';
}

describe('several nodes', () => {
  it('decide what one node decides, with shards on each of them', async () => {
    await using system = await ChaosSystem.create({ config: CONFIG, nodes: ['a', 'b', 'c'] });
    await system.startAll();
    const all = async () => (await owners(system)).size === 3;
    await system.waitFor(all, { deadlineMs: 30_000, what: 'all own shards' });
    const through = await system.client.publish(calm.pictures.items);
    await system.client.waitSettled(through);
    expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
  });

  it.each(['stable', 'newest'] as const)(
    'decide it also when one joins, one is killed and one is frozen, on the %s nats-server',
    async (version) => {
      await using system = await ChaosSystem.create({ version, config: CONFIG, nodes: ['a', 'b', 'c'] });
      await system.start('a');
      await system.start('b');
      const through = await system.client.publish(calm.pictures.items);
      await system.client.waitSettled(through, { atLeast: 30 });
      await system.start('c');
      await system.client.waitSettled(through, { atLeast: 90 });
      await system.kill('b');
      await system.client.waitSettled(through, { atLeast: 150 });
      system.freeze('c');
      await system.client.waitSettled(through);
      const isGone = async () => (await stateOf(system, 'c')) === 'gone';
      await system.waitFor(isGone, { deadlineMs: 90_000, what: 'the lease of c is over' });
      system.thaw('c');
      // It finds its lease over and ends by itself, having written nothing more.
      expect(await system.waitForEnd('c')).toMatchObject({ code: 1 });
      expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
    },
  );

  it('decide it also when one is cut off from the server, which then stops itself', async () => {
    await using system = await ChaosSystem.create({ config: CONFIG, nodes: ['a', 'b'] });
    await system.startAll();
    const through = await system.client.publish(calm.pictures.items);
    await system.client.waitSettled(through, { atLeast: 60 });
    system.cut('b');
    expect(await system.waitForEnd('b')).toMatchObject({ code: 1 });
    await system.client.waitSettled(through);
    expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
  });
});
