// Several nodes work on one dataset, and some of them are killed or frozen meanwhile; what comes out is what one
// undisturbed node gives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { type RunResult, resultOf, undisturbedRun } from '../support/undisturbed-run.ts';

const COUNT = 300;
const CONFIG = { ...PICTURES_CONFIG, node: { leaseMs: 3_000 } };

let pictures: TestPictures;
let undisturbed: RunResult;

beforeAll(async () => {
  pictures = await testPictures(COUNT);
  undisturbed = await undisturbedRun(pictures);
});

afterAll(() => pictures[Symbol.asyncDispose]());

async function owners(system: TroupeSystem): Promise<ReadonlySet<string>> {
  const { stdout } = await system.command('shards', 'list', 'photos', '--json');
  return new Set((JSON.parse(stdout) as { readonly owner: string }[]).map(({ owner }) => owner));
}

describe.each(['stable', 'newest'] as const)('three nodes on the %s nats-server', (version) => {
  it('decide what one node decides, with shards on each of them', async () => {
    await using system = await TroupeSystem.up({ version, config: CONFIG });
    await system.startAnother();
    await system.startAnother();
    const deadlineMs = 30_000;
    await system.waitFor(async () => (await owners(system)).size === 3, {
      deadlineMs,
      what: 'all own shards',
    });
    const through = await system.publish(pictures.items);
    await system.waitSettled(through);
    expect(await resultOf(system, pictures)).toEqual(undisturbed);
  });

  it('decide it also when one joins, one is killed and one is frozen while items flow', async () => {
    await using system = await TroupeSystem.up({ version, config: CONFIG });
    const second = await system.startAnother();
    const through = await system.publish(pictures.items);
    await system.waitSettled(through, { atLeast: 30 });
    const third = await system.startAnother();
    await system.waitSettled(through, { atLeast: 90 });
    second.signal('SIGKILL');
    await system.waitSettled(through, { atLeast: 150 });
    third.signal('SIGSTOP');
    await system.waitSettled(through);
    third.signal('SIGCONT');
    // It finds its lease over and ends by itself, having written nothing more.
    expect(await third.ended).toMatchObject({ code: 1 });
    expect(await resultOf(system, pictures)).toEqual(undisturbed);
  });
});
