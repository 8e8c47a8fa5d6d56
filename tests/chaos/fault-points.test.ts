// The node kills itself at a named point between append, publish and ack, in each stage once; started again without
// the fault it ends where an undisturbed run ends. The points alternate between the nats-server versions.
import { describe, expect, it } from 'vitest';
import { PICTURES_CONFIG } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 120;

/** The point with the time at which it kills, and what has happened by then. */
const POINTS = [
  ['intake.stored:20', 'the content is stored, the next message is not published'],
  ['intake.published:30', 'the next message is published, the intake message not acknowledged'],
  ['intake.dead-lettered:1', 'the dead letter is published, its verdict is not'],
  ['embed.stored:2', 'vectors are stored, nothing is published'],
  ['embed.published:10', 'one of a batch is published, none is acknowledged'],
  ['index.appended:5', 'a shard has journaled contents and not answered'],
  ['dedup.inserted:3', 'a batch is inserted in every shard and not queried'],
  ['score.published:5', 'the judgement is published, its message not acknowledged'],
  ['persist.before-append:9', 'a shard or the keeper is about to append'],
  ['persist.after-append:9', 'a frame is in a journal, its events are not applied'],
  ['keep.appended:3', 'verdicts are journaled, their outcomes not published'],
  ['keep.acked:3', 'verdicts are journaled, announced and just acknowledged'],
] as const;

const calm = undisturbedPictures(COUNT);

describe('a node that kills itself once', () => {
  const cases = POINTS.map(
    ([fault, state], index) => [fault, state, index % 2 === 0 ? 'stable' : 'newest'] as const,
  );

  it.concurrent.each(cases)('at %s (%s) gives the same digest afterwards', async (fault, _state, version) => {
    await using system = await TroupeSystem.create({ version, config: PICTURES_CONFIG });
    await system.start({ fault });
    const through = await system.publish(calm.pictures.items);
    expect(await system.ended()).toEqual({ code: null, signal: 'SIGKILL' });
    await system.start();
    await system.waitSettled(through);
    expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
  });

  it.concurrent.each(['stable', 'newest'] as const)(
    'at keep.cut:1 (the cut is journaled, nobody knows it), on the %s nats-server, announces that cut',
    async (version) => {
      await using system = await TroupeSystem.create({ version, config: PICTURES_CONFIG });
      await system.start({ fault: 'keep.cut:1' });
      const through = await system.publish(calm.pictures.items);
      await system.waitSettled(through);
      await expect(system.cut()).rejects.toThrow('the node ended during the cut');
      await system.start();
      await system.waitSettled(through);
      expect(await system.cut()).toMatchObject({ unchanged: true, manifest: { number: 1 } });
      expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
    },
  );
});
