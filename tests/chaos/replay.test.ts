// The node is killed while the contents of a dataset are compared anew, at each point of it once; started again it ends
// where a fresh run with the new setting ends.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PICTURES_CONFIG } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 120;

const FORMER_CONFIG = {
  ...PICTURES_CONFIG,
  datasets: {
    photos: {
      ...PICTURES_CONFIG.datasets.photos,
      shards: 3,
      dedup: { phashRadius: 0, dhashRadius: 0, transformedRadius: 0 },
    },
  },
};

/** The point with the time at which it kills, and what has happened by then. */
const POINTS = [
  ['persist.after-append:1', 'that contents are to be compared is journaled, none is handed out'],
  ['index.appended:2', 'a new shard has journaled contents and not answered'],
  ['dedup.inserted:2', 'contents are inserted in every new shard and not queried'],
  ['keep.appended:2', 'what was compared is journaled and not acknowledged'],
  [
    'replay.switched:1',
    'the new generation is journaled as the present one, the record of the dataset says otherwise',
  ],
] as const;

const calm = undisturbedPictures(COUNT);

describe('a node that kills itself while contents are compared anew', () => {
  it.concurrent.each(POINTS)('at %s (%s) gives the digest of a fresh run afterwards', async (fault) => {
    await using system = await TroupeSystem.create({ config: FORMER_CONFIG });
    await system.start();
    const through = await system.publish(calm.pictures.items);
    await system.waitSettled(through);
    await system.stop();
    await writeFile(join(system.folder, 'troupe.yaml'), JSON.stringify(PICTURES_CONFIG));
    await system.start({ fault });
    expect(await system.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    await system.start();
    await system.waitSettled(through);
    await system.waitCompared(2);
    expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
  });
});
