// The node is killed with SIGKILL again and again during a run; what comes out is what an undisturbed run gives.
import { describe, expect, it } from 'vitest';
import { PICTURES_CONFIG } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;
/** Shares of the settled count at which the node is killed. */
const KILLS = [0.05, 0.28, 0.5, 0.72, 0.95];

const calm = undisturbedPictures(COUNT);

describe.each(['stable', 'newest'] as const)('a node killed five times, on the %s nats-server', (version) => {
  it('finishes with nothing lost, nothing doubled and the digest of an undisturbed run', async () => {
    await using system = await TroupeSystem.up({ version, config: PICTURES_CONFIG });
    const through = await system.publish(calm.pictures.items);
    expect(through).toBe(COUNT);
    for (const share of KILLS) {
      const settled = await system.waitSettled(through, { atLeast: Math.ceil(share * COUNT) });
      await system.kill();
      expect(settled).toBeLessThan(COUNT);
      expect(await system.serverIsUp()).toBe(true);
      await system.start();
    }
    await system.waitSettled(through);
    expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
  });
});
