// The nats-server is killed with SIGKILL twice during a run. Its owner starts it again on the same store, port and
// token; the node and every client live through it.
import { describe, expect, it } from 'vitest';
import { PICTURES_CONFIG } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;

const calm = undisturbedPictures(COUNT);

describe.each(['stable', 'newest'] as const)('the %s nats-server killed twice', (version) => {
  it('comes back at its address; the node lives on and the digest is that of an undisturbed run', async () => {
    await using system = await TroupeSystem.up({ version, config: PICTURES_CONFIG });
    const { pid } = system;
    const { url } = await system.address();
    const publishing = system.publish(calm.pictures.items);
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
    expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
  });
});
