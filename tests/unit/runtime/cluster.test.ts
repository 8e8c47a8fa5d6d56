// Nodes that own shards: crashes, freezes and lost writes between any two steps never give a shard two writers, and
// in the end every shard has exactly one owner, that lives.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecIncompatible, NodeLeaseLost, NodeNameTaken } from '#runtime';
import { SeededRandom } from '#testkit';
import { expectAllOwned, expectOneWriterEach } from '../../support/cluster-checks.ts';
import { DRAIN_MS, LEASE_MS, SimulatedCluster } from '../../support/cluster-simulation.ts';

const NAMES = ['a', 'b', 'c'] as const;
const SHARDS = 5;

type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'start' | 'kill' | 'freeze' | 'thaw' | 'drain'; readonly node: (typeof NAMES)[number] }
  | { readonly type: 'order'; readonly node: (typeof NAMES)[number]; readonly drained: boolean }
  | { readonly type: 'move'; readonly shard: number; readonly node: (typeof NAMES)[number] | null };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constantFrom(
          'start' as const,
          'kill' as const,
          'freeze' as const,
          'thaw' as const,
          'drain' as const,
        ),
        node: fc.constantFrom(...NAMES),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.record({
          type: fc.constant('order' as const),
          node: fc.constantFrom(...NAMES),
          drained: fc.boolean(),
        }),
        fc.record({
          type: fc.constant('move' as const),
          shard: fc.nat(SHARDS - 1),
          node: fc.constantFrom(...NAMES, null),
        }),
      ),
    },
  ),
  { maxLength: 40 },
);

async function carryOut(cluster: SimulatedCluster, step: Step): Promise<void> {
  if (step.type === 'wait') return cluster.clock.advance(step.ms);
  if (step.type === 'order') return cluster.orderDrain(step.node, step.drained);
  if (step.type === 'move') return cluster.orderMove(`photos.${step.shard}`, step.node);
  const node = cluster.nodes.get(step.node);
  switch (step.type) {
    case 'start':
      return cluster.start(step.node);
    case 'kill':
      return node?.kill();
    case 'freeze':
      return node?.freeze();
    case 'thaw':
      return node?.thaw();
    case 'drain':
      return node?.drain();
  }
}

/** What the last orders of a story are: who is drained, and where shards were moved. */
function ordersOf(story: readonly Step[]) {
  const drained = new Set<string>();
  const pins = new Map<string, string>();
  for (const step of story) {
    if (step.type === 'order' && step.drained) drained.add(step.node);
    if (step.type === 'order' && !step.drained) drained.delete(step.node);
    if (step.type === 'move' && step.node !== null) pins.set(`photos.${step.shard}`, step.node);
    if (step.type === 'move' && step.node === null) pins.delete(`photos.${step.shard}`);
  }
  return { drained, pins };
}

/** No drained node owns a shard while another one lives, and what was moved is where it was moved to if that lives. */
async function expectOrdersFollowed(cluster: SimulatedCluster, story: readonly Step[]): Promise<void> {
  const { drained, pins } = ordersOf(story);
  const living = cluster.living().map(({ name }) => name);
  const undrained = living.filter((name) => !drained.has(name));
  const takers = undrained.length > 0 ? undrained : living;
  for (const [shard, { owner }] of await cluster.owners()) {
    expect(takers, shard).toContain(owner);
    const pin = pins.get(shard);
    if (pin !== undefined && takers.includes(pin)) expect(owner, shard).toBe(pin);
  }
}

describe('the nodes of a cluster', () => {
  it('give each shard one writer an epoch and a living owner in the end, whatever happens to them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), steps, async (seed, story) => {
        const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(seed) });
        for (const name of NAMES) cluster.start(name);
        for (const step of story) await carryOut(cluster, step);
        for (const node of cluster.nodes.values()) node.thaw();
        await cluster.clock.advance(2 * LEASE_MS);
        cluster.start('b');
        await cluster.clock.advance(8 * LEASE_MS);
        expectOneWriterEach(cluster);
        await expectAllOwned(cluster);
        await expectOrdersFollowed(cluster, story);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('keep one writer an epoch by the journals alone, when no node heeds its lease', async () => {
    let fenced = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const cluster = new SimulatedCluster({ shards: 2, random: new SeededRandom(seed), lease: 'ignored' });
        cluster.start('a');
        await cluster.clock.advance(LEASE_MS);
        cluster.nodes.get('a')?.freeze();
        cluster.start('b');
        await cluster.clock.advance(3 * LEASE_MS);
        cluster.nodes.get('a')?.thaw();
        const before = cluster.nodes.get('a')?.running.size ?? 0;
        await cluster.clock.advance(LEASE_MS);
        fenced += before - (cluster.nodes.get('a')?.running.size ?? 0);
        expectOneWriterEach(cluster);
        expect(cluster.node('a').hosted.size).toBe(0);
        for (const shard of cluster.shards) {
          expect(cluster.journal(shard).frames.at(-1)?.events).toEqual(['b']);
        }
      }),
      { numRuns: 10 },
    );
    expect(fenced).toBeGreaterThan(0);
  }, 60_000);

  it('hand over as few shards as the weights allow when a node joins, one phase after the other', async () => {
    const cluster = new SimulatedCluster({ shards: 12, random: new SeededRandom(7) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b');
    cluster.start('c');
    await cluster.clock.advance(20 * LEASE_MS);
    await expectAllOwned(cluster);
    expect(cluster.living().map(({ running }) => running.size)).toEqual([4, 4, 4]);
    expect(cluster.phases('offered')).toHaveLength(8);
    const [first] = cluster.phases('offered');
    const phases = cluster.handOffs(first?.shard).filter(({ epoch }) => epoch <= 2);
    expect(phases.map(({ phase, node, epoch }) => `${phase} ${node} ${epoch}`)).toEqual([
      'taken a 1',
      'answering a 1',
      'offered a 1',
      `prepared ${first?.target} 1`,
      'stopped a 1',
      'released a 1',
      `taken ${first?.target} 2`,
      `answering ${first?.target} 2`,
    ]);
  });

  it('make no more than the voluntary moves of a round at a time', async () => {
    const cluster = new SimulatedCluster({ shards: 30, random: new SeededRandom(3) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b');
    let underWay = 0;
    for (let look = 0; look < 300; look += 1) {
      await cluster.clock.advance(20);
      const moving = cluster.shards.filter(
        (shard) => !/"active"/.test(cluster.shardRecords.text(shard) ?? ''),
      );
      underWay = Math.max(underWay, moving.length);
    }
    expect(underWay).toBe(3);
    await expectAllOwned(cluster);
  });

  it('take the shards of a frozen node after its lease; thawed, it does nothing more and says why', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(11) });
    cluster.start('a');
    cluster.start('b');
    await cluster.clock.advance(6 * LEASE_MS);
    const frozen = cluster.node('a');
    expect(frozen.running.size).toBeGreaterThan(0);
    frozen.freeze();
    await cluster.clock.advance(3 * LEASE_MS);
    expect(cluster.node('b').running.size).toBe(SHARDS);
    expect(frozen.holds).toBe(false);
    const before = cluster.events.length;
    frozen.thaw();
    await cluster.clock.advance(2 * LEASE_MS);
    expect(frozen.lost).toBeInstanceOf(NodeLeaseLost);
    expect(frozen.lost?.message).toContain('node a has not renewed its lease');
    const done = cluster.events.slice(before);
    expect(done.filter((event) => event.type === 'handoff' && event.node === 'a')).toEqual([]);
  });

  it('give way to a later process of their name, which takes their shards under new epochs at once', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(14) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    const former = cluster.node('a');
    cluster.startAgain('a');
    await cluster.clock.advance(LEASE_MS);
    expect(former.lost).toBeInstanceOf(NodeNameTaken);
    const owners = await cluster.owners();
    expect([...owners.values()]).toEqual(cluster.shards.map(() => ({ owner: 'a', epoch: 2 })));
    await expectAllOwned(cluster);
  });

  it('take again, under a new epoch, what they could not start', async () => {
    const cluster = new SimulatedCluster({ shards: 1, random: new SeededRandom(37) });
    cluster.start('a');
    cluster.node('a').failNextStart();
    await cluster.clock.advance(LEASE_MS);
    await expectAllOwned(cluster);
    expect([...(await cluster.owners()).values()]).toEqual([{ owner: 'a', epoch: 2 }]);
  });

  it('hand everything over when they drain, and leave without a lease to wait for', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(13) });
    cluster.start('a');
    cluster.start('b');
    await cluster.clock.advance(6 * LEASE_MS);
    cluster.node('a').drain();
    await cluster.clock.advance(LEASE_MS);
    expect(cluster.node('a').isOver).toBe(true);
    await expectAllOwned(cluster);
    cluster.node('b').drain();
    await cluster.clock.advance(LEASE_MS / 2);
    expect(cluster.node('b').isOver).toBe(true);
    cluster.start('c');
    await cluster.clock.advance(LEASE_MS / 2);
    await expectAllOwned(cluster);
  });

  it('take shards, hand them over and leave although whoever hears of it throws', async () => {
    const cluster = new SimulatedCluster({
      shards: SHARDS,
      random: new SeededRandom(17),
      onEvent: () => {
        throw new Error('a listener that was made to fail');
      },
    });
    cluster.start('a');
    cluster.start('b');
    await cluster.clock.advance(6 * LEASE_MS);
    await expectAllOwned(cluster);
    cluster.node('a').drain();
    await cluster.clock.advance(LEASE_MS);
    expect(cluster.node('a').isOver).toBe(true);
    await expectAllOwned(cluster);
  });

  it('leave at the deadline of a drain, although the next owner never gets ready', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(19) });
    cluster.start('a');
    cluster.start('b');
    await cluster.clock.advance(6 * LEASE_MS);
    cluster.node('b').blockPreparing();
    cluster.node('a').drain();
    await cluster.clock.advance(DRAIN_MS - 100);
    expect(cluster.node('a').isOver).toBe(false);
    await cluster.clock.advance(LEASE_MS);
    expect(cluster.node('a').isOver).toBe(true);
    await expectAllOwned(cluster);
  });

  it('go on without a coordinator: another node plans once its holder is gone', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(23) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b');
    await cluster.clock.advance(6 * LEASE_MS);
    cluster.node('a').kill();
    await cluster.clock.advance(3 * LEASE_MS);
    await expectAllOwned(cluster);
    cluster.start('c');
    await cluster.clock.advance(6 * LEASE_MS);
    const coordinators = cluster.events.flatMap((event) =>
      event.type === 'coordinator' ? [event.node] : [],
    );
    expect(coordinators).toEqual(['a', 'b']);
    expect(
      cluster
        .living()
        .map(({ running }) => running.size)
        .sort(),
    ).toEqual([2, 3]);
  });

  it('do not join a system whose messages they cannot read and write, also when those who wrote them are gone', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(29) });
    cluster.start('a');
    await cluster.clock.advance(LEASE_MS);
    cluster.start('b', { lowest: 2, highest: 3 });
    await cluster.clock.advance(LEASE_MS);
    expect(cluster.node('b').lost).toBeInstanceOf(CodecIncompatible);
    expect(cluster.node('b').lost?.message).toContain('reads message versions 1 to 1, this program 2 to 3');
    expect(await cluster.nodeRecords.keys()).not.toContain('node.b');
    cluster.node('a').kill();
    cluster.start('c', { lowest: 2, highest: 3 });
    await cluster.clock.advance(3 * LEASE_MS);
    expect(cluster.node('c').lost?.message).toContain('reads message versions 1 to 1, this program 2 to 3');
  });

  it('write a newer version of the format only once every living node reads it, and then let no older program in', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(43) });
    cluster.start('a', { lowest: 1, highest: 1 });
    cluster.start('b', { lowest: 1, highest: 2 });
    cluster.start('c', { lowest: 1, highest: 2 });
    await cluster.clock.advance(4 * LEASE_MS);
    expect(['a', 'b', 'c'].map((name) => cluster.node(name).writes)).toEqual([1, 1, 1]);
    cluster.node('a').drain();
    await cluster.clock.advance(4 * LEASE_MS);
    expect(['b', 'c'].map((name) => cluster.node(name).writes)).toEqual([2, 2]);
    cluster.start('a', { lowest: 1, highest: 1 });
    await cluster.clock.advance(2 * LEASE_MS);
    expect(cluster.node('a').lost).toBeInstanceOf(CodecIncompatible);
    expect(cluster.node('a').lost?.message).toContain('write message version 2, this program reads 1 to 1');
    await expectAllOwned(cluster);
  });

  it('never write what a node that joins at that moment cannot read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ max: 600, min: 0 }),
        async (seed, atMs) => {
          const cluster = new SimulatedCluster({ shards: 1, random: new SeededRandom(seed) });
          cluster.start('b', { lowest: 1, highest: 2 });
          cluster.start('c', { lowest: 1, highest: 2 });
          await cluster.clock.advance(atMs);
          cluster.start('a', { lowest: 1, highest: 1 });
          await cluster.clock.advance(4 * LEASE_MS);
          const a = cluster.node('a');
          const written = Math.max(cluster.node('b').writes, cluster.node('c').writes);
          // It is in and everybody writes what it reads, or it is out and they went on.
          expect(written).toBe(a.lost === undefined ? 1 : 2);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('forget the record of a node that has long been gone', async () => {
    const cluster = new SimulatedCluster({ shards: SHARDS, random: new SeededRandom(31) });
    cluster.start('a');
    cluster.start('b');
    await cluster.clock.advance(2 * LEASE_MS);
    cluster.node('a').kill();
    await cluster.clock.advance(5 * LEASE_MS);
    expect(await cluster.nodeRecords.keys()).toContain('node.a');
    await cluster.clock.advance(5 * LEASE_MS);
    expect(await cluster.nodeRecords.keys()).not.toContain('node.a');
  });
});
