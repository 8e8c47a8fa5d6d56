import { afterEach, describe, expect, it } from 'vitest';
import { type ActorRef, type ActorSpec, MailboxFull } from '#runtime';
import type { IndexShardMessage } from '../../../actors/dedup/index-shard.ts';
import type { ShardFinds, ShardQuery } from '../../../actors/dedup/index-spec.ts';
import type { Edge } from '../../../actors/kinds/kind.ts';
import { deskActor } from '../../../actors/pipeline/desk.ts';
import { blobKeys } from '../../../actors/pipeline/messages.ts';
import type { StageMessage } from '../../../actors/pipeline/stage.ts';
import { type Ask, claimOf, DeskArena, EAST, SHARDS, WEST } from '../../support/desk-arena.ts';
import { contentOf } from '../../support/ledger-messages.ts';
import { memoryCodec, memoryDataset } from '../../support/memory-ports.ts';
import { startActors } from '../../support/start-actors.ts';

let arena: DeskArena | undefined;
afterEach(async () => {
  await arena?.stop();
  arena = undefined;
});

const nearEdge = (): Edge => {
  const [a = '', b = ''] = [contentOf(EAST), contentOf(WEST)].sort();
  return {
    a,
    b,
    hashes: { phash: 2 },
    distance: 0,
    algorithm: 'number@1',
    similarity: null,
  };
};

/** Every order of `first` steps of desk 0 and `second` steps of desk 1. */
function interleavings(first: number, second: number): readonly (readonly (0 | 1)[])[] {
  if (first === 0 && second === 0) return [[]];
  const orders: (readonly (0 | 1)[])[] = [];
  if (first > 0) for (const rest of interleavings(first - 1, second)) orders.push([0, ...rest]);
  if (second > 0) for (const rest of interleavings(first, second - 1)) orders.push([1, ...rest]);
  return orders;
}

/** One insert and a query of each shard. */
const STEPS = 1 + SHARDS;

interface Run {
  readonly order: readonly (0 | 1)[];
  /** Whether a desk's queries arrive in reverse. */
  readonly reversed: readonly [boolean, boolean];
  /** After so many of its own steps this desk's process dies and begins again. */
  readonly crash?: { readonly desk: 0 | 1; readonly after: number };
}

async function claimBoth(run: Run): Promise<DeskArena> {
  const ring = await new DeskArena().start();
  await ring.claim(0, claimOf(1, EAST));
  await ring.claim(1, claimOf(2, WEST));
  const taken = [0, 0];
  for (const desk of run.order) {
    if (run.crash?.desk === desk && taken[desk] === run.crash.after) await ring.crash(desk);
    await ring.step(desk, run.reversed[desk]);
    taken[desk] = (taken[desk] ?? 0) + 1;
  }
  return ring;
}

function expectTheEdge(ring: DeskArena, run: Run): void {
  const what = JSON.stringify(run);
  expect(new Set(ring.scored().map(({ sequence }) => sequence)), what).toEqual(new Set([1, 2]));
  expect(ring.edges().length, what).toBeGreaterThan(0);
  for (const edge of ring.edges()) expect(edge, what).toEqual(nearEdge());
}

describe('two claims of near contents in two shards', () => {
  const directions = [false, true].flatMap((one) => [false, true].map((other) => [one, other] as const));

  it('report their edge at least once and the same from both sides, in every interleaving', async () => {
    let runs = 0;
    let both = 0;
    for (const reversed of directions) {
      for (const order of interleavings(STEPS, STEPS)) {
        const ring = await claimBoth({ order, reversed });
        expectTheEdge(ring, { order, reversed });
        if (ring.edges().length === 2) both += 1;
        await ring.stop();
        runs += 1;
      }
    }
    expect(runs).toBe(80);
    expect(both).toBeGreaterThan(0);
    expect(both).toBeLessThan(runs);
  });

  it.each([[0], [1]] as const)(
    'report it also when the process of desk %i dies between any two steps and claims again',
    async (desk) => {
      let runs = 0;
      for (const after of [0, 1, 2]) {
        const lengths = desk === 0 ? ([after + STEPS, STEPS] as const) : ([STEPS, after + STEPS] as const);
        for (const order of interleavings(...lengths)) {
          const run: Run = { order, reversed: [false, false], crash: { desk, after } };
          const ring = await claimBoth(run);
          expectTheEdge(ring, run);
          await ring.stop();
          runs += 1;
        }
      }
      expect(runs).toBe(20 + 35 + 56);
    },
  );

  it('report it also when a desk dies after it has published and before it has acknowledged', async () => {
    for (const desk of [0, 1] as const) {
      for (const order of interleavings(STEPS, STEPS)) {
        const ring = new DeskArena();
        const { promise, resolve } = Promise.withResolvers<void>();
        await ring.start();
        // The stream stores the message, but its answer does not reach the desk.
        const publish = ring.dataset.publisher.publish.bind(ring.dataset.publisher);
        let lost = false;
        ring.dataset.publisher.publish = async (message, signal) => {
          const receipt = await publish(message, signal);
          if (!lost && message.id === `photos.inc.score.${desk + 1}.0.0`) {
            lost = true;
            await Promise.race([promise, new Promise((_, fail) => signal?.addEventListener('abort', fail))]);
          }
          return receipt;
        };
        await ring.claim(0, claimOf(1, EAST));
        await ring.claim(1, claimOf(2, WEST));
        for (const next of order) await ring.step(next);
        await ring.crash(desk);
        for (let at = 0; at < STEPS; at++) await ring.step(desk);
        expectTheEdge(ring, { order, reversed: [false, false], crash: { desk, after: STEPS } });
        expect(ring.dataset.publisher.stored).toHaveLength(2);
        expect(ring.queues[desk].inState('acked')).toEqual([1]);
        resolve();
        await ring.stop();
      }
    }
  });
});

/** Runs a desk to its end: whatever it asks arrives at once. */
async function runOut(ring: DeskArena, desk: 0 | 1): Promise<readonly Ask[]> {
  const asked: Ask[] = [];
  while (ring.held[desk].length > 0) {
    asked.push(...ring.held[desk].map(({ message }) => message));
    const count = ring.held[desk].length;
    for (let at = 0; at < count; at++) await ring.step(desk);
  }
  return asked;
}

describe('a desk', () => {
  it('makes no edge of a candidate that the comparison does not confirm', async () => {
    arena = await new DeskArena().start();
    await arena.claim(0, claimOf(1, EAST));
    await runOut(arena, 0);
    await arena.claim(1, claimOf(2, WEST));
    // As far apart as proxies can be, though their hashes are near.
    await arena.dataset.blobs.put(blobKeys.proxy(contentOf(WEST)), Uint8Array.of(255));
    await arena.dataset.blobs.put(blobKeys.proxy(contentOf(EAST)), Uint8Array.of(0));
    const asked = await runOut(arena, 1);
    expect(asked.filter(({ type }) => type === 'query')).toHaveLength(SHARDS);
    expect(arena.scored().map(({ sequence, edges }) => [sequence, edges])).toEqual([
      [1, []],
      [2, []],
    ]);
  });

  it('records a pair as it was measured, also where the thresholds in force do not relate it', async () => {
    arena = await new DeskArena().start();
    await arena.claim(0, claimOf(1, EAST));
    await runOut(arena, 0);
    await arena.claim(1, claimOf(2, WEST));
    await arena.dataset.blobs.put(blobKeys.proxy(contentOf(WEST)), Uint8Array.of(50));
    await arena.dataset.blobs.put(blobKeys.proxy(contentOf(EAST)), Uint8Array.of(0));
    await runOut(arena, 1);
    expect(arena.edges()).toEqual([{ ...nearEdge(), distance: 0.196078 }]);
  });

  it('neither inserts nor queries a content of low information', async () => {
    arena = await new DeskArena().start();
    await arena.claim(0, claimOf(1, EAST, { lowInformation: true }));
    expect(arena.held[0]).toEqual([]);
    expect(arena.scored()).toMatchObject([{ sequence: 1, edges: [] }]);
    await arena.claim(1, claimOf(2, WEST), claimOf(3, EAST, { lowInformation: true }));
    const asked = await runOut(arena, 1);
    const named = asked.flatMap((ask) => (ask.type === 'insert' ? ask.part : ask.query).slices);
    expect(new Set(named.map(({ content }) => content))).toEqual(new Set([contentOf(WEST)]));
    expect(arena.scored()).toHaveLength(3);
    expect(arena.edges()).toEqual([]);
  });

  it('claims a content once in a batch and journals it once, however often it is claimed', async () => {
    arena = await new DeskArena().start();
    await arena.claim(0, claimOf(1, EAST));
    await runOut(arena, 0);
    await arena.claim(1, claimOf(2, EAST), claimOf(3, EAST));
    await runOut(arena, 1);
    expect(arena.scored().map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(arena.edges()).toEqual([]);
    const events = [0, 1].flatMap((shard) => arena?.dataset.journal('index', shard).frames ?? []);
    expect(events.flatMap((frame) => frame.events)).toHaveLength(1);
  });

  it('queries only after every insert of its batch is acknowledged', async () => {
    arena = await new DeskArena().start();
    await arena.claim(1, claimOf(1, EAST), claimOf(2, WEST));
    expect(arena.held[1].map(({ message }) => message.type)).toEqual(['insert', 'insert']);
    await arena.step(1);
    expect(arena.held[1].map(({ message }) => message.type)).toEqual(['insert']);
    await arena.step(1);
    expect(arena.held[1].map(({ message }) => message.type)).toEqual(['query', 'query']);
  });

  it('tries again in place when a proxy is missing, and finds it', async () => {
    arena = await new DeskArena().start();
    await arena.claim(0, claimOf(1, EAST));
    await runOut(arena, 0);
    await arena.claim(1, claimOf(2, WEST));
    await arena.dataset.blobs.delete(blobKeys.proxy(contentOf(WEST)));
    await runOut(arena, 1);
    expect(arena.scored()).toHaveLength(1);
    await arena.dataset.blobs.put(blobKeys.proxy(contentOf(WEST)), Uint8Array.of(100));
    await arena.dataset.clock.advance(500);
    await runOut(arena, 1);
    expect(arena.edges()).toEqual([nearEdge()]);
    expect(arena.queues[1].deliveryCounts).toEqual([1]);
  });
});

/** Of a shard that finds nobody. */
const nobody = ({ slices, keys }: ShardQuery): ShardFinds => ({
  slices: slices.map(() => []),
  buckets: keys.map(() => []),
});

describe('a busy shard', () => {
  const busyShard = (opened: Promise<void>, handled: string[]): ActorSpec<IndexShardMessage> => ({
    type: 'actor',
    id: 'shard-0',
    mailbox: { capacity: 1, overflow: 'backpressure' },
    start: () => ({
      receive: async (message) => {
        await opened;
        handled.push(message.type);
        if (message.type === 'query') {
          message.reply.ok({ epoch: 1, value: nobody(message.query) });
        } else if (message.type === 'insert') message.reply.ok({ epoch: 1, value: null });
      },
    }),
  });

  it('is waited for, however long, without burning an attempt', async () => {
    const dataset = memoryDataset();
    const { promise, resolve } = Promise.withResolvers<void>();
    const handled: string[] = [];
    const desk: ActorSpec<StageMessage> = deskActor(dataset.ports, {
      id: 'desk',
      shards: ['shard-0'],
      askTimeoutMs: 20_000,
    });
    const system = await startActors(dataset, [busyShard(promise, handled), desk]);
    const shard: ActorRef<IndexShardMessage> = system.ref('shard-0');
    const describeShard = () =>
      shard.ask((reply) => ({ type: 'describe', reply }), { timeoutMs: 3_600_000 }).catch((error) => error);
    // One in hand, one in the mailbox: the shard is full.
    const unanswered: Promise<unknown>[] = [];
    for (const _ of [0, 1]) {
      unanswered.push(describeShard());
      await dataset.clock.settle();
    }
    expect(await describeShard()).toBeInstanceOf(MailboxFull);
    dataset.queue('dedup').add({ data: memoryCodec.encode(claimOf(1, EAST)) });
    await dataset.clock.advance(600_000);
    expect(dataset.trace).toEqual([]);
    resolve();
    await dataset.clock.settle();
    expect(handled).toEqual(['describe', 'describe', 'insert', 'query']);
    expect(dataset.trace).toEqual(['publish work.score', 'ack dedup 1']);
    await system.stop();
    await Promise.all(unanswered);
  });

  it('that refuses at the last moment is asked again', async () => {
    const dataset = memoryDataset();
    let refusals = 2;
    const shard: ActorSpec<IndexShardMessage> = {
      type: 'actor',
      id: 'shard-0',
      start: () => ({
        receive: (message) => {
          if (refusals-- > 0) message.reply.fail(new MailboxFull('shard-0'));
          else if (message.type === 'query') {
            message.reply.ok({ epoch: 1, value: nobody(message.query) });
          } else if (message.type === 'insert') message.reply.ok({ epoch: 1, value: null });
        },
      }),
    };
    const system = await startActors(dataset, [
      shard,
      deskActor(dataset.ports, { id: 'desk', shards: ['shard-0'], askTimeoutMs: 1_000 }),
    ]);
    dataset.queue('dedup').add({ data: memoryCodec.encode(claimOf(1, EAST)) });
    await dataset.clock.settle();
    expect(dataset.trace).toEqual(['publish work.score', 'ack dedup 1']);
    await system.stop();
  });
});
