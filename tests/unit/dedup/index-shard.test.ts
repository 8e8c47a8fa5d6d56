import { afterEach, describe, expect, it } from 'vitest';
import { type ActorRef, type ActorSystem, type Journal, StorageFull, type SystemEvent } from '#runtime';
import type { ShardAnswer } from '../../../actors/dedup/index-exchange.ts';
import { type IndexShardMessage, indexShardActor } from '../../../actors/dedup/index-shard.ts';
import type { ShardFinds, SlicedContent, SliceFind } from '../../../actors/dedup/index-spec.ts';
import type { Kind } from '../../../actors/kinds/kind.ts';
import type { DatasetPorts } from '../../../actors/pipeline/dataset-ports.ts';
import { storedVector, vectorKey } from '../../../actors/pipeline/vector-store.ts';
import { type MemoryDataset, memoryDataset, numberKind } from '../../support/memory-ports.ts';
import { startActors } from '../../support/start-actors.ts';

const systems: ActorSystem[] = [];
afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});

interface Shard {
  readonly ref: ActorRef<IndexShardMessage>;
  readonly system: ActorSystem;
  readonly events: SystemEvent[];
  insert(...contents: readonly SlicedContent[]): Promise<ShardAnswer<null>>;
  query(content: SlicedContent): Promise<readonly SliceFind[]>;
  size(): Promise<number>;
}

async function startShard(dataset: MemoryDataset, change: Partial<DatasetPorts> = {}): Promise<Shard> {
  const events: SystemEvent[] = [];
  const system = await startActors(dataset, [indexShardActor({ ...dataset.ports, ...change }, 0)], {
    onEvent: (event) => void events.push(event),
  });
  systems.push(system);
  const ref = system.ref<IndexShardMessage>('shard-0');
  const wait = { timeoutMs: 60_000 };
  return {
    ref,
    system,
    events,
    insert: (...contents) =>
      ref.ask<ShardAnswer<null>>(
        (reply) => ({ type: 'insert', part: { slices: contents, keys: [] }, reply }),
        wait,
      ),
    query: async (content) => {
      const query = { slices: [content], keys: [] };
      const answer = await ref.ask<ShardAnswer<ShardFinds>>(
        (reply) => ({ type: 'query', query, reply }),
        wait,
      );
      return [...(answer.value.slices[0] ?? [])].sort((a, b) => (a.content < b.content ? -1 : 1));
    },
    size: async () => {
      const answer = await ref.ask<ShardAnswer<{ readonly contents: number; readonly sequence: number }>>(
        (reply) => ({ type: 'describe', reply }),
        wait,
      );
      return answer.value.contents;
    },
  };
}

const hex = (value: bigint) => value.toString(16).padStart(16, '0');
/** Contents have names of one word, whose order is that of their digests. */
const named = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');
const content = (name: string, phash: bigint, dhash = phash): SlicedContent => ({
  content: named(name),
  hashes: { phash: hex(phash), dhash: hex(dhash) },
});

/** A journal whose appends wait until they are let through. */
function gatedJournal(inner: Journal): { journal: Journal; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const journal: Journal = {
    own: (epoch) => inner.own(epoch),
    standing: () => inner.standing(),
    replay: (after, through) => inner.replay(after, through),
    append: async (events) => {
      await promise;
      return inner.append(events);
    },
    recordSnapshot: (pointer) => inner.recordSnapshot(pointer),
    compactTo: (pointer) => inner.compactTo(pointer),
    discard: () => inner.discard(),
    usage: () => inner.usage(),
  };
  return { journal, open: resolve };
}

describe('an index shard', () => {
  it('answers an insert only after its journal holds it, and a query that came later only after that', async () => {
    const dataset = memoryDataset();
    const { journal, open } = gatedJournal(dataset.journal('index', 0));
    const shard = await startShard(dataset, { journal: () => journal });
    const answers: string[] = [];
    const inserted = shard.insert(content('a', 0n)).then(() => answers.push('insert'));
    const queried = shard.query(content('b', 1n)).then((found) => answers.push(`query ${found.length}`));
    await dataset.clock.advance(30_000);
    expect(answers).toEqual([]);
    open();
    await Promise.all([inserted, queried]);
    expect(answers).toEqual(['insert', 'query 1']);
    const journaled = dataset.journal('index', 0).frames.flatMap(({ events }) => events);
    expect(journaled).toEqual([{ type: 'inserted', contents: [content('a', 0n)] }]);
  });

  it('does not know a content whose append was refused, before and after its restart', async () => {
    const dataset = memoryDataset();
    const handle = dataset.journal('index', 0).rival();
    const shard = await startShard(dataset, { journal: () => handle });
    handle.failNext(new Error('the stream refused'));
    await expect(shard.insert(content('a', 0n))).rejects.toMatchObject({ name: 'ActorEnded' });
    await dataset.clock.advance(1_000);
    expect(await shard.size()).toBe(0);
    await shard.insert(content('a', 0n));
    expect(await shard.size()).toBe(1);
  });

  it('without room refuses the insert and goes on as it was: the same insert is taken once there is room', async () => {
    const dataset = memoryDataset();
    const handle = dataset.journal('index', 0).rival();
    const shard = await startShard(dataset, { journal: () => handle });
    await shard.insert(content('a', 0n));
    for (let tries = 0; tries < 20; tries++) {
      handle.failNext(new StorageFull('no room'));
      await expect(shard.insert(content('b', 1n))).rejects.toMatchObject({ failureClass: 'recoverable' });
    }
    expect(await shard.size()).toBe(1);
    await shard.insert(content('b', 1n));
    expect(await shard.size()).toBe(2);
    expect(shard.events.filter(({ type }) => type === 'restarted')).toEqual([]);
  });

  it('journals a content once, however often it is inserted', async () => {
    const dataset = memoryDataset();
    const shard = await startShard(dataset);
    await shard.insert(content('a', 0n), content('b', 1n));
    await shard.insert(content('a', 0n));
    await shard.insert(content('b', 1n), content('c', 2n));
    expect(await shard.size()).toBe(3);
    const events = dataset.journal('index', 0).frames.flatMap((frame) => frame.events);
    expect(events).toEqual([
      { type: 'inserted', contents: [content('a', 0n), content('b', 1n)] },
      { type: 'inserted', contents: [content('c', 2n)] },
    ]);
  });

  it('finds others within reach of any family, with the distance in each family in reach, and never itself', async () => {
    const radius = 2;
    const kind: Kind = {
      ...numberKind,
      indexes: () => ({ hashes: { phash: { radius }, dhash: { radius } } }),
    };
    const shard = await startShard(memoryDataset({ kind }));
    await shard.insert(
      content('self', 0n),
      content('both', 0b1n),
      content('one family', 0b11n, 0xffff_ffffn),
      content('far', 0xffff_ffffn),
    );
    expect(await shard.query(content('self', 0n))).toEqual([
      { content: named('both'), distances: { phash: 1, dhash: 1 }, similarity: null },
      { content: named('one family'), distances: { phash: 2 }, similarity: null },
    ]);
  });

  it('answers the same after a restart from its journal, and after one from a snapshot', async () => {
    const dataset = memoryDataset({ config: { dedup: { phashRadius: 8 } } });
    const first = await startShard(dataset);
    const probe = content('probe', 0n);
    await first.insert(content('a', 0b1n), content('b', 0b111n), content('c', 0xffffn));
    const before = await first.query(probe);
    expect(before.map((found) => found.content)).toEqual(['a', 'b'].map(named));
    await first.system.stop();
    const second = await startShard(dataset);
    expect(await second.query(probe)).toEqual(before);
    expect(dataset.snapshots.keys()).toEqual([]);
    // Enough single inserts for a snapshot; their hashes are far from the probe.
    for (let at = 0; at < 1_100; at++) await second.insert(content(`far ${at}`, (1n << 63n) | 0xffff_ffffn));
    await dataset.clock.settle();
    expect(dataset.snapshots.keys()).toHaveLength(1);
    await second.insert(content('d', 0b11n));
    await second.system.stop();
    const handle = dataset.journal('index', 0).rival();
    const replay = handle.replay.bind(handle);
    let replayedAfter = 0;
    handle.replay = (after, through) => {
      replayedAfter = after;
      return replay(after, through);
    };
    const third = await startShard(dataset, { journal: () => handle });
    expect(replayedAfter).toBeGreaterThan(1_000);
    expect(await third.size()).toBe(1_104);
    expect((await third.query(probe)).map((found) => found.content)).toEqual(['a', 'b', 'd'].map(named));
  });

  it('journals no vector, and after a restart reads them from where they are stored, those of a snapshot from it', async () => {
    const kind: Kind = {
      ...numberKind,
      indexes: (_, dimension) => ({ vectors: { dimension, threshold: 0.9 } }),
    };
    const dataset = memoryDataset({ kind });
    const { ports } = dataset;
    const model = { ...ports.model, dimension: 2 };
    const put = async (name: string, vector: Float32Array) => {
      await ports.vectors.put(vectorKey({ kind, model }, named(name)), new Uint8Array(vector.buffer));
      return { content: named(name), vector };
    };
    const like = await put('like', Float32Array.of(1, 0));
    const other = await put('other', Float32Array.of(0, 1));
    const probe = { content: named('probe'), vector: Float32Array.of(0.6, 0.8) };
    const turned = { content: named('probe'), vector: Float32Array.of(1, 0) };
    const first = await startShard(dataset, { model });
    await first.insert(like, other);
    expect(await first.query(probe)).toEqual([]);
    const found = [{ content: named('like'), distances: {}, similarity: 1 }];
    expect(await first.query(turned)).toEqual(found);
    const journaled = dataset.journal('index', 0).frames.flatMap((frame) => frame.events);
    expect(journaled).toEqual([
      { type: 'inserted', contents: [{ content: named('like') }, { content: named('other') }] },
    ]);
    await first.system.stop();
    const second = await startShard(dataset, { model });
    expect(await second.query(turned)).toEqual(found);
    for (let at = 0; at < 1_100; at++) await second.insert({ content: named(`bare ${at}`) });
    await dataset.clock.settle();
    await second.system.stop();
    expect(dataset.snapshots.keys()).toHaveLength(1);
    await ports.vectors.delete(vectorKey({ kind, model }, named('like')));
    expect(await storedVector({ ...ports, model }, named('like'))).toBeUndefined();
    const third = await startShard(dataset, { model });
    expect(await third.query(turned)).toEqual(found);
    await third.system.stop();
    const retrained = await startShard(dataset, { model: { ...model, digest: 'f'.repeat(64) } });
    expect(await retrained.query(turned)).toEqual([]);
  });

  it('that another owner has fenced stands down: it says so, appends nothing and answers nothing more', async () => {
    const dataset = memoryDataset();
    const shard = await startShard(dataset);
    await shard.insert(content('a', 0n));
    const rival = dataset.journal('index', 0).rival();
    await rival.own();
    const frames = dataset.journal('index', 0).frames.length;
    const outcomes: string[] = [];
    const note = (what: string, answer: Promise<unknown>) =>
      answer.then(
        () => outcomes.push(`${what} answered`),
        (error: Error) => outcomes.push(`${what} ${error.name}`),
      );
    const insert = note('insert', shard.insert(content('b', 1n)));
    const query = note('query', shard.query(content('b', 1n)));
    await dataset.clock.advance(30_000);
    expect(dataset.fencedBy.map(({ name }) => name)).toEqual(['JournalFenced']);
    expect(outcomes).toEqual([]);
    expect(shard.events.filter(({ type }) => type === 'restarting')).toEqual([]);
    await shard.system.stop();
    await Promise.all([insert, query]);
    expect(outcomes.sort()).toEqual(['insert ActorEnded', 'query ActorEnded']);
    expect(dataset.journal('index', 0).frames).toHaveLength(frames);
  });

  it('answers under a higher epoch after each start', async () => {
    const dataset = memoryDataset();
    const first = await startShard(dataset);
    const { epoch } = await first.insert(content('a', 0n));
    await first.system.stop();
    const second = await startShard(dataset);
    expect((await second.insert(content('a', 0n))).epoch).toBeGreaterThan(epoch);
  });

  it('that removes a content has nothing of it in journal and snapshots when it answers, and compacts once for all who ask', async () => {
    const dataset = memoryDataset();
    const shard = await startShard(dataset);
    const remove = (...names: readonly string[]) =>
      shard.ref.ask<ShardAnswer<'removed'>>(
        (reply) => ({ type: 'remove', contents: names.map(named), reply }),
        { timeoutMs: 60_000 },
      );
    const places = async () => {
      const snapshots = await Promise.all(dataset.snapshots.keys().map((key) => dataset.snapshots.get(key)));
      const bytes = snapshots.map((each) => Buffer.from(each ?? []).toString('hex'));
      return JSON.stringify([dataset.journal('index', 0).frames, bytes]);
    };
    await shard.insert(content('a', 1n), content('b', 3n), content('c', 7n));
    expect(await places()).toContain(named('b'));
    expect((await remove('b')).value).toBe('removed');
    expect(await places()).not.toContain(named('b'));
    expect((await shard.query(content('x', 3n))).map((find) => find.content)).toEqual([
      named('a'),
      named('c'),
    ]);
    const frames = dataset.journal('index', 0).frames.length;
    await remove('b');
    expect(dataset.journal('index', 0).frames).toHaveLength(frames);
    await shard.insert(content('b', 3n));
    expect(await shard.query(content('x', 3n))).toHaveLength(3);
    await remove('b');
    expect(await places()).not.toContain(named('b'));
    const { system } = shard;
    await system.stop();
    const next = await startShard(dataset);
    expect(await next.size()).toBe(2);
  });
});
