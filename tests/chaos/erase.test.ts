// The node kills itself at each step of an erasure, and a client erases while nodes are killed; started again it finishes
// what was recorded: nothing is left of the erased, and everything else is as in a run without it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { chosenRows, tracesOf } from '../support/erasure-case.ts';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { leftOver } from '../support/left-over.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const COUNT = 80;

/** The point with the time at which it kills, and what has happened by then. */
const POINTS = [
  ['erase.journaled:1', 'it is recorded, nothing is deleted'],
  ['erase.awaited:1', 'no item can bring a content back, the index has them all'],
  ['index.removed:1', 'a shard has journaled the removal, its former events are there'],
  ['compact.stored:1', 'a shard has stored a snapshot without them, the journal does not know it'],
  ['compact.recorded:2', 'a journal begins with that snapshot, former snapshots are there'],
  ['erase.unindexed:1', 'the index has forgotten them, their copies are there'],
  ['erase.deleted:1', 'everything is deleted, nobody knows it'],
  ['erase.done:1', 'that is journaled, what the ledger knew of them is still in its journal'],
] as const;

let pictures: TestPictures;
let digest: string;
let ids: readonly string[];

beforeAll(async () => {
  pictures = await testPictures(COUNT);
  await using system = await TroupeSystem.up({ config: PICTURES_CONFIG });
  await system.waitSettled(await system.publish(pictures.items));
  await system.cut();
  ids = chosenRows(await system.manifestRows()).map(({ id }) => id);
  await using calm = await TroupeSystem.up({ config: PICTURES_CONFIG });
  await calm.waitSettled(await calm.publish(pictures.items.filter(({ id }) => !ids.includes(id))));
  digest = await calm.manifestDigest();
});

afterAll(() => pictures?.[Symbol.asyncDispose]());

describe('a node that kills itself once during an erasure', () => {
  const cases = POINTS.map(
    ([fault, state], index) => [fault, state, index % 2 === 0 ? 'stable' : 'newest'] as const,
  );

  it.concurrent.each(cases)('at %s (%s) finishes it afterwards', async (fault, _state, version) => {
    await using system = await TroupeSystem.create({ version, config: PICTURES_CONFIG });
    await system.start();
    const through = await system.publish(pictures.items);
    await system.waitSettled(through);
    await system.cut();
    const rows = await system.manifestRows();
    const client = await system.connect();
    const { entries } = await client.keeper('photos').items(rows.map(({ item }) => item));
    await system.stop();
    await system.start({ fault });
    const broken = system.command('erase', 'photos', ...ids, '--reason', 'asked');
    expect(await system.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    await system.start();
    await broken;
    // What is recorded goes on by itself; asking again changes nothing and waits for the end.
    const { code, stdout } = await system.command('erase', 'photos', ...ids, '--json');
    expect(code, stdout).toBe(0);
    await system.waitSettled(through);
    expect(await system.manifestDigest()).toBe(digest);
    expect(await system.audit()).toMatchObject({ balanced: true, verdicts: { erased: ids.length } });
    const traces = await tracesOf(pictures, ids, entries);
    expect(await leftOver(await system.connect(), 'photos', traces)).toEqual([]);
    const outcomes = (await system.outcomes()).filter(({ outcome }) => outcome === 'erased');
    expect(outcomes.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });
});

describe('an erasure over the shards of several nodes', () => {
  it('is finished by the others when the node that owns the keeper is killed during it', async () => {
    const config = { ...PICTURES_CONFIG, node: { leaseMs: 3_000 } };
    await using system = await ChaosSystem.create({ config, nodes: ['a', 'b', 'c'] });
    await system.startAll();
    const owners = async () => {
      const { stdout } = await system.command('shards', 'list', 'photos', '--json');
      return JSON.parse(stdout) as readonly { readonly shard: string; readonly owner: string }[];
    };
    const all = async () => new Set((await owners()).map(({ owner }) => owner)).size === 3;
    await system.waitFor(all, { deadlineMs: 30_000, what: 'all own shards' });
    const through = await system.client.publish(pictures.items);
    await system.client.waitSettled(through);
    await system.client.cut();
    const rows = await system.client.manifestRows();
    const client = await system.client.connect();
    const { entries } = await client.keeper('photos').items(rows.map(({ item }) => item));
    const keeper = (await owners()).find(({ shard }) => shard === 'photos.keeper')?.owner ?? '';
    await client.keeper('photos').erase({ keys: [...ids], reason: null, dryRun: false });
    await system.kill(keeper);
    await system.waitFor(async () => (await system.command('erase', 'photos', ...ids)).code === 0, {
      deadlineMs: 120_000,
      what: 'another node has finished the erasure',
    });
    expect(await system.client.manifestDigest()).toBe(digest);
    expect(await system.client.audit()).toMatchObject({ balanced: true, verdicts: { erased: ids.length } });
    const traces = await tracesOf(pictures, ids, entries);
    expect(await leftOver(client, 'photos', traces)).toEqual([]);
  });
});
