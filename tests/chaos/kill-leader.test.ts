// The leader of a stream in a cluster of three nats-servers is killed with SIGKILL in the middle of a run, and is
// started again later; what comes out is what an undisturbed run on one server gives.
import { describe, expect, it } from 'vitest';
import { namesOf } from '#nats';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { memberName } from '../support/chaos/nats-cluster.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 300;
const CONFIG = { ...PICTURES_CONFIG, storage: { replicas: 3 } };
const { streams } = namesOf('troupe');

const calm = undisturbedPictures(COUNT);

describe.each(['stable', 'newest'] as const)(
  'three %s nats-servers with three replicas of everything',
  (version) => {
    it('lose the leader of intake, then that of the journals: the run finishes with the digest of an undisturbed one', async () => {
      await using system = await ChaosSystem.create({ servers: 3, version, config: CONFIG });
      await system.start('a');
      const { pid } = system.node('a');
      const half = COUNT / 2;
      const publishing = system.client.publish(calm.pictures.items.slice(0, half));
      await system.client.waitSettled(half, { atLeast: 0.1 * half });
      const first = await system.killLeader(streams.intake('photos'));
      expect(await system.client.settled(half)).not.toBe(half);
      expect(await publishing).toBe(half);
      await system.client.waitSettled(half);
      const degraded = await system.command('status');
      expect(degraded.code).toBe(1);
      expect(degraded.stdout).toMatch(
        new RegExp(`NATS server ${memberName(first)} is (offline|behind) for `),
      );
      await system.restartServer(first);
      await system.waitForCopies();
      const whole = await system.command('status');
      expect(whole.stdout).toContain('durability: 3 replicas of everything');
      expect(whole.code).toBe(0);
      expect(await system.client.publish(calm.pictures.items.slice(half))).toBe(COUNT);
      await system.client.waitSettled(COUNT, { atLeast: 1.2 * half });
      const second = await system.killLeader(streams.journal('photos'));
      expect(await system.client.settled(COUNT)).not.toBe(COUNT);
      await system.client.waitSettled(COUNT);
      await system.restartServer(second);
      await system.waitForCopies();
      expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
      expect(system.node('a').isUp).toBe(true);
      expect(system.node('a').pid).toBe(pid);
    });
  },
);
