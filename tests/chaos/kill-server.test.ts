// The nats-server is killed with SIGKILL twice during a run. Its owner starts it again on the same store, port and
// token; the node and every client live through it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { type RunResult, resultOf, undisturbedRun } from '../support/undisturbed-run.ts';

const COUNT = 200;

let pictures: TestPictures;
let undisturbed: RunResult;

beforeAll(async () => {
  pictures = await testPictures(COUNT);
  undisturbed = await undisturbedRun(pictures);
});

afterAll(() => pictures[Symbol.asyncDispose]());

describe.each(['stable', 'newest'] as const)('the %s nats-server killed twice', (version) => {
  it('comes back at its address; the node lives on and the digest is that of an undisturbed run', async () => {
    await using system = await TroupeSystem.up({ version, config: PICTURES_CONFIG });
    const { pid } = system;
    const { url } = await system.address();
    const publishing = system.publish(pictures.items);
    await system.waitSettled(COUNT, { atLeast: 1 });
    await system.killServer();
    const through = await publishing;
    expect(through).toBe(COUNT);
    const settled = await system.waitSettled(through, { atLeast: COUNT / 2 });
    expect(settled).toBeLessThan(COUNT);
    await system.killServer();
    await system.waitSettled(through);
    expect(system.isUp).toBe(true);
    expect(system.pid).toBe(pid);
    expect((await system.address()).url).toBe(url);
    expect(await resultOf(system, pictures)).toEqual(undisturbed);
  });
});
