// The server's storage, or one stream, is full in the middle of a run: nothing is lost and nobody dies of it, status
// says what is full and what to do, and once there is room the run goes on by itself to the digest of a calm one.
import { describe, expect, it } from 'vitest';
import { ensureStream, type NatsLink, namesOf, recordStream } from '#nats';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 160;
const HALF = COUNT / 2;
const MIB = 1024 * 1024;
const LIMITS = {
  intake: 32 * MIB,
  work: 8 * MIB,
  journal: 16 * MIB,
  dead: 8 * MIB,
  outcome: 8 * MIB,
  events: MIB,
  cache: MIB,
};
const CONFIG = { ...PICTURES_CONFIG, node: { leaseMs: 12_000 }, storage: { limits: LIMITS } };
const { streams, records } = namesOf('troupe');
const DEADLINE_MS = 60_000;

const calm = undisturbedPictures(COUNT);

describe.each(['stable', 'newest'] as const)('on the %s nats-server', (version) => {
  it('a server whose storage is full pauses everything: no node dies, status says so, and it goes on once there is room', async () => {
    await using system = await ChaosSystem.create({ version, config: CONFIG, maxStoreBytes: 264 * MIB });
    await system.start('a');
    const { pid } = system.node('a');
    await system.client.publish(calm.pictures.items.slice(0, HALF));
    await system.client.waitSettled(HALF);
    const { link } = await system.client.connect();
    // Frozen, for less than a lease, so that what is published meanwhile is still to be done when there is no room.
    system.freeze('a');
    const most = COUNT - 10;
    await system.client.publish(calm.pictures.items.slice(HALF, most));
    const filler = await fill(link);
    system.thaw('a');
    const publishing = system.client.publish(calm.pictures.items.slice(most));
    const status = await system.waitForStatus(1, /node a has waited .*free disk space on the NATS server/);
    expect(status).toContain('it goes on by itself');
    // Longer than a lease: it is renewed nowhere, and is not lost either.
    await pausedFor(system, 1.5 * CONFIG.node.leaseMs);
    expect(system.node('a').isUp).toBe(true);
    await filler.empty();
    expect(await publishing).toBe(COUNT);
    await system.client.waitSettled(COUNT);
    await system.waitForStatus(0);
    expect(system.node('a').pid).toBe(pid);
    expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
  });
});

describe('one stream that is full', () => {
  it.each([
    ['the bucket of contents, payloads and proxies', recordStream(records.details('photos')), HALF],
    ['the bucket of vectors', recordStream(records.vectors('photos')), HALF],
    ['the dead letters', streams.dead('photos'), HALF],
    // All at once, so that much is on its way behind the gate of intake when they fill up.
    ['the journals', streams.journal('photos'), COUNT],
  ])('%s: is waited for', async (_what, stream, before) => {
    await using system = await ChaosSystem.create({ config: CONFIG });
    await system.start('a');
    const { pid } = system.node('a');
    const { link } = await system.client.connect();
    await system.client.publish(calm.pictures.items.slice(0, before));
    await system.client.waitSettled(before, { atLeast: HALF });
    const { state, config } = await link.manager.streams.info(stream);
    await link.manager.streams.update(stream, { max_bytes: state.bytes + 1 });
    if (before < COUNT) await system.client.publish(calm.pictures.items.slice(before));
    await system.waitForStatus(1, new RegExp(`% full \\(stream ${stream}\\)`));
    await pausedFor(system, CONFIG.node.leaseMs);
    expect(system.node('a').isUp).toBe(true);
    await link.manager.streams.update(stream, { max_bytes: config.max_bytes });
    await system.client.waitSettled(COUNT);
    await system.waitForStatus(0);
    expect(system.node('a').pid).toBe(pid);
    expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
  });
});

/** Fills what the server has left with a stream of nobody's. */
async function fill(link: NatsLink): Promise<{ empty(): Promise<void> }> {
  await ensureStream(link, { name: 'FILLER', subjects: ['filler'], keep: 'all', maxBytes: MIB });
  await link.manager.streams.update('FILLER', { max_bytes: -1 });
  const data = new Uint8Array(64 * 1024);
  for (;;) {
    const full = await link.publisher.publishWith({ subject: 'filler', data }, { whenFull: 'fail' }).then(
      () => false,
      (error: unknown) => (error as Error).name === 'StreamFull',
    );
    if (full) break;
  }
  return { empty: async () => void (await link.manager.streams.purge('FILLER')) };
}

/** Watches that nothing more is settled for a while after the last one was. */
async function pausedFor(system: ChaosSystem, quietMs: number): Promise<void> {
  let settled = -1;
  let since = performance.now();
  await system.waitFor(
    async () => {
      const now = await system.client.settled(COUNT);
      if (now !== undefined && now !== settled) {
        settled = now;
        since = performance.now();
      }
      return performance.now() - since >= quietMs;
    },
    { deadlineMs: DEADLINE_MS, what: 'nothing more is settled' },
  );
  expect(settled).toBeLessThan(COUNT);
}
