// Two of three nats-servers are killed with SIGKILL while items are published and nodes work on them, for longer than a
// lease and for less; and one server is frozen while it leads. What comes out is what an undisturbed run on one server
// gives, and who waits meanwhile is told what for.
import { describe, expect, it } from 'vitest';
import { namesOf, streamState } from '#nats';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 60;
const PER_SECOND = 5;
const SHORT_LEASE_MS = 4_000;
/** What nodes have by default where there are three copies. */
const LEASE_MS = 20_000;
const CONFIG = { ...PICTURES_CONFIG, storage: { replicas: 3 } };
const DEADLINE_MS = 60_000;
/** In which `troupe status` has to answer, whatever is wrong. */
const STATUS_DEADLINE_MS = 30_000;
const NODES = ['a', 'b'];
const { streams } = namesOf('troupe');

const calm = undisturbedPictures(COUNT);

/** Three servers and two nodes at work, while most of one source's items are still to be published by a command. */
async function atWork(system: ChaosSystem) {
  await system.startAll();
  const bySource = [...Map.groupBy(calm.pictures.items, ({ source }) => source).values()];
  const [most = [], ...others] = bySource.sort((one, other) => other.length - one.length);
  const before = await system.client.publish(others.flat());
  const command = await system.publishing(most, PER_SECOND);
  const { link, names } = await system.client.connect();
  const intake = names.streams.intake('photos');
  await system.waitFor(async () => (await streamState(link, intake)).lastSequence > before + 2, {
    deadlineMs: DEADLINE_MS,
    what: () => `the command publishes; it said ${command.stderr}`,
  });
  expect(command.isOver).toBe(false);
  return command;
}

/** The leader of the journals, and one more, in the order of their addresses. */
async function mostServers(system: ChaosSystem): Promise<readonly number[]> {
  const leader = await system.waitForLeader(streams.journal('photos'));
  return [leader, (leader + 1) % 3].sort();
}

/** What the command published, and what came of it all. */
async function expectUndisturbed(
  system: ChaosSystem,
  command: Awaited<ReturnType<typeof atWork>>,
): Promise<void> {
  expect(await command.ended, command.stderr).toMatchObject({ code: 0 });
  const report = JSON.parse(command.stdout) as { readonly published: number; readonly failed: number };
  expect(report.failed).toBe(0);
  await system.client.waitSettled(COUNT);
  expect(await resultOf(system.client, calm.pictures)).toEqual(calm.result);
}

/** Waits by the clock, as nothing is to happen meanwhile. */
function untilPassed(system: ChaosSystem, sinceMs: number, forMs: number): Promise<void> {
  return system.waitFor(() => performance.now() - sinceMs > forMs, {
    deadlineMs: DEADLINE_MS,
    what: `${forMs} ms have passed`,
  });
}

function pidsOf(system: ChaosSystem): readonly number[] {
  return system.nodes.map(({ pid }) => pid);
}

/** The last words of a node that found its lease over. */
const LEASE_OVER = /the node ended \(lease\): node [ab] has not renewed its lease/;

// They wait for most of their time, so they do it side by side.
describe.concurrent('a cluster of three nats-servers', () => {
  it('that loses two for longer than a lease ends the nodes, tells who asks what is wrong, and goes on with all it had', async () => {
    await using system = await ChaosSystem.create({
      servers: 3,
      config: { ...CONFIG, node: { leaseMs: SHORT_LEASE_MS } },
      nodes: NODES,
    });
    const command = await atWork(system);
    const lost = await mostServers(system);
    await system.killServers(lost);
    for (const node of NODES) {
      expect(await system.waitForEnd(node)).toMatchObject({ code: 1 });
      expect(system.node(node).log).toMatch(LEASE_OVER);
    }
    const askedMs = performance.now();
    const status = await system.command('status');
    expect(performance.now() - askedMs).toBeLessThan(STATUS_DEADLINE_MS);
    expect(status.code).toBe(3);
    expect(status.stderr).toContain('no_quorum: the NATS cluster at');
    const silent = lost.map((index) => new URL(system.nats.server(index).url).host);
    expect(status.stderr).toContain(`of those servers ${silent.join(' and ')} do not answer`);
    expect(command.isOver, command.stderr).toBe(false);
    const isTold = () =>
      /published \d+ items; nothing was stored for \d+ s: no leader takes it/.test(command.stderr);
    await system.waitFor(isTold, {
      deadlineMs: DEADLINE_MS,
      what: () => `the publisher is told; it was told ${command.stderr}`,
    });
    // Whoever starts nodes does it also while they cannot come up yet.
    const starting = Promise.all(NODES.map((node) => system.start(node)));
    await system.restartServers(lost);
    await starting;
    await expectUndisturbed(system, command);
    await system.waitForCopies();
    await system.waitForStatus(0);
  });

  it('that loses two for less than a lease ends no node', async () => {
    await using system = await ChaosSystem.create({ servers: 3, config: CONFIG, nodes: NODES });
    const command = await atWork(system);
    const pids = pidsOf(system);
    const lost = await mostServers(system);
    const sinceMs = performance.now();
    await system.killServers(lost);
    await untilPassed(system, sinceMs, LEASE_MS / 10);
    await system.restartServers(lost);
    await expectUndisturbed(system, command);
    expect(pidsOf(system)).toEqual(pids);
    expect(system.nodes.every(({ isUp }) => isUp)).toBe(true);
  });

  it('of which one that leads hangs for longer than a lease ends no node, and what it does when it wakes up changes nothing', async () => {
    await using system = await ChaosSystem.create({ servers: 3, config: CONFIG, nodes: NODES });
    const command = await atWork(system);
    const pids = pidsOf(system);
    const leader = await system.waitForLeader(streams.journal('photos'));
    const sinceMs = performance.now();
    await system.freezeServer(leader);
    expect(await system.waitForLeader(streams.journal('photos'))).not.toBe(leader);
    await untilPassed(system, sinceMs, 1.1 * LEASE_MS);
    system.thawServer(leader);
    await expectUndisturbed(system, command);
    expect(pidsOf(system)).toEqual(pids);
    expect(system.nodes.every(({ isUp }) => isUp)).toBe(true);
  });
});
