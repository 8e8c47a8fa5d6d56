import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type ActorSpec, ActorSystem, type FaultPoints, type SystemEvent } from '#runtime';
import { CrashPoint } from '#testkit';
import type { ShardAnswer } from '../../../actors/dedup/index-exchange.ts';
import { type IndexShardMessage, indexShardActor } from '../../../actors/dedup/index-shard.ts';
import { shardOf } from '../../../actors/dedup/partition.ts';
import type { EraseAnswer, ErasingAnswer } from '../../../actors/keeper/erase-request.ts';
import { keeperActor } from '../../../actors/keeper/keeper.ts';
import type {
  CutAnswer,
  ExplainAnswer,
  KeeperAnswer,
  KeeperMessage,
  KeeperRequest,
} from '../../../actors/keeper/keeper-messages.ts';
import { ErasureGate, setErasureGuard } from '../../../actors/pipeline/erasure-guard.ts';
import { blobKeys, type JudgedMessage } from '../../../actors/pipeline/messages.ts';
import { vectorKey } from '../../../actors/pipeline/vector-store.ts';
import { judgingContext } from '../../../actors/rules/judging-context.ts';
import { contentOf, edgeOf, judged, sha } from '../../support/ledger-messages.ts';
import { type MemoryDataset, memoryCodec, memoryDataset, numberKind } from '../../support/memory-ports.ts';

const SHARDS = 2;
const systems: ActorSystem[] = [];
afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});

const PRESENT = [
  judged(1, 'a', 'p', { rank: [3] }),
  judged(2, 'b', 'q', { rank: [2], edges: [edgeOf('p', 'q')] }),
  judged(3, 'c', 'p', { rank: [1] }),
] as const;

/** A keeper and index shards that hold these items, their copies and payloads. */
async function startDataset(faults: FaultPoints = new CrashPoint()) {
  const dataset = memoryDataset({ config: { shards: SHARDS }, faults });
  const { ports, clock } = dataset;
  const judging = judgingContext(ports.config, numberKind, ports.model);
  const events: SystemEvent[] = [];
  const many = { maxRestarts: 50, withinMs: 60_000 };
  const supervisor = (id: string, children: readonly ActorSpec<never>[]) =>
    ({ type: 'supervisor', id, strategy: 'one_for_one', intensity: many, children }) as const;
  const shards = Array.from({ length: SHARDS }, (_, shard) => indexShardActor(ports, shard));
  const system = await ActorSystem.start({
    name: 'test',
    root: {
      ...supervisor('root', []),
      children: [
        { ...supervisor('photos', []), children: [{ ...supervisor('index', []), children: shards }] },
        keeperActor(ports, judging),
      ],
    },
    clock,
    checks: dataset.checks,
    random: { next: () => 0.5 },
    onEvent: (event) => void events.push(event),
  });
  systems.push(system);
  const keeper = system.ref<KeeperMessage>('keeper');
  const ask = <A extends KeeperAnswer>(request: KeeperRequest) =>
    keeper.ask<KeeperAnswer>((reply) => ({ type: 'request', request, reply }), {
      timeoutMs: 600_000,
    }) as Promise<A>;
  const keep = async (...given: readonly JudgedMessage[]) => {
    const messages = given.map((message) => ({ ...message, config: judging.configDigest }));
    for (const message of messages) {
      await store(dataset, message);
      await insert(system, message);
    }
    dataset.queue('keep').add(...messages.map((message) => ({ data: memoryCodec.encode(message) })));
    await clock.advance(1);
  };
  const erase = (...keys: readonly string[]) =>
    ask<EraseAnswer>({ op: 'erase', keys: [...keys], reason: 'asked', dryRun: false });
  const settle = async () => {
    for (let tries = 0; tries < 100; tries += 1) {
      const answer = await ask<ErasingAnswer>({ op: 'erasing' }).catch(() => undefined);
      if (answer?.pending === 0) return;
      await clock.advance(1_000);
    }
    throw new Error('the erasure does not end');
  };
  return { dataset, events, ask, keep, erase, settle };
}

async function store({ ports, blobs }: MemoryDataset, { item, id, facts }: JudgedMessage): Promise<void> {
  const content = facts?.content ?? '';
  const payload = {
    id,
    source: 's',
    time: null,
    metadata: {},
    content,
    mediaType: null,
    location: `blob:${content}`,
  };
  await blobs.put(blobKeys.payload(item), memoryCodec.encode(payload));
  await blobs.put(blobKeys.content(content), Buffer.from(`bytes of ${content}`));
  await blobs.put(blobKeys.proxy(content), new Uint8Array([1]));
  await ports.vectors.put(vectorKey(ports, content), new Uint8Array(4));
}

async function insert(system: ActorSystem, { facts }: JudgedMessage): Promise<void> {
  if (facts === null) return;
  const { content, hashes } = facts;
  const shard = system.ref<IndexShardMessage>(`photos/index/shard-${shardOf(content, SHARDS)}`);
  await shard.ask<ShardAnswer<null>>(
    (reply) => ({ type: 'insert', part: { slices: [{ content, hashes }], keys: [] }, reply }),
    { timeoutMs: 600_000 },
  );
}

/** Everything that is stored anywhere, as text. */
async function stored({ ports, blobs, snapshots, journal }: MemoryDataset): Promise<string> {
  const places: unknown[] = [];
  for (const [shard, actor] of [
    [0, 'keeper'],
    [0, 'index'],
    [1, 'index'],
  ] as const) {
    places.push(journal(actor, shard).frames);
  }
  for (const key of snapshots.keys()) places.push(hexOf((await snapshots.get(key)) ?? new Uint8Array()));
  places.push(blobs.keys(), await (ports.vectors as typeof blobs).keys());
  return JSON.stringify(places);
}

/** Bytes so that both text and digests in them can be found. */
const hexOf = (bytes: Uint8Array) => [
  Buffer.from(bytes).toString('latin1'),
  Buffer.from(bytes).toString('hex'),
];

describe('an erasure', () => {
  it('leaves nothing of a content with its last item, and all of one that another item has', async () => {
    const { dataset, keep, erase, settle, ask } = await startDataset();
    await keep(...PRESENT);
    expect(await stored(dataset)).toContain(contentOf('q'));
    await erase('a', 'b');
    await settle();
    const text = await stored(dataset);
    expect(text).not.toContain(contentOf('q'));
    expect(text).toContain(contentOf('p'));
    const live = PRESENT.map(({ item }) => dataset.blobs.keys().includes(blobKeys.payload(item)));
    expect(live).toEqual([false, false, true]);
    const { manifest } = await ask<CutAnswer>({ op: 'cut' });
    expect(manifest.counts).toEqual({ kept: 1, duplicate: 0, rejected: 0, review: 0 });
    await erase('c');
    await settle();
    expect(await stored(dataset)).not.toContain(contentOf('p'));
  });

  it('is finished by the next keeper and shards, wherever they crashed', async () => {
    const places = [
      'persist.before-append',
      'persist.after-append',
      'erase.journaled',
      'erase.awaited',
      'index.removed',
      'compact.stored',
      'compact.recorded',
      'erase.unindexed',
      'erase.deleted',
      'erase.done',
    ] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...places), { minLength: 1, maxLength: 4 }),
        async (crashes) => {
          let faults: FaultPoints = new CrashPoint();
          const { dataset, keep, erase, settle, ask } = await startDataset({
            reach: (at) => faults.reach(at),
          });
          await keep(...PRESENT);
          faults = new CrashPoint(...crashes);
          for (let tries = 0; tries <= crashes.length; tries += 1) {
            const asked = erase('a', 'b').then(
              () => true,
              () => false,
            );
            await dataset.clock.advance(60_000);
            if (await asked) break;
          }
          await settle();
          const text = await stored(dataset);
          expect(text).not.toContain(contentOf('q'));
          expect(text).toContain(contentOf('p'));
          expect(await ask({ op: 'settled', through: 3 })).toMatchObject({
            counts: { eligible: 1, erased: 2 },
            missing: { count: 0 },
          });
          const announced = dataset.publisher.stored.filter(({ subject }) => subject === 'outcome.erased');
          expect(announced).toHaveLength(2);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('deletes again what an erased item leaves when it comes again, under the verdict `erased`', async () => {
    const { dataset, keep, erase, settle, ask } = await startDataset();
    await keep(PRESENT[0], PRESENT[1]);
    await erase('b');
    await settle();
    await keep({ ...PRESENT[1], sequence: 9 });
    await settle();
    expect(await stored(dataset)).not.toContain(contentOf('q'));
    expect(await ask({ op: 'settled', through: 0 })).toMatchObject({ counts: { eligible: 1, erased: 2 } });
    expect(await ask<EraseAnswer>({ op: 'erase', keys: ['b'], reason: null, dryRun: false })).toMatchObject({
      results: [{ items: [{ sequences: [2, 9], before: { reason: 'asked' } }] }],
    });
  });

  it('waits for items that were published before, and has later ones with the same content wait for it', async () => {
    const { dataset, keep, erase, settle, ask } = await startDataset();
    const { ports, clock } = dataset;
    await keep(PRESENT[1]);
    dataset.queue('intake').add({ data: new Uint8Array() });
    const pending = async () => (await ask<ErasingAnswer>({ op: 'erasing' })).waitingFor;
    await erase('b');
    await clock.advance(5_000);
    expect(await pending()).toBe('what is on its way in intake');
    const content = contentOf('q');
    const { signal } = new AbortController();
    const gate = new ErasureGate(ports);
    await gate.pass({ content, sequence: 1 }, signal);
    await gate.pass({ content: contentOf('other'), sequence: 2 }, signal);
    let hasPassed = false;
    const passed = gate.pass({ content, sequence: 2 }, signal).then(() => {
      hasPassed = true;
    });
    await clock.advance(5_000);
    expect([hasPassed, dataset.blobs.keys().includes(blobKeys.content(content))]).toEqual([false, true]);
    const intake = await dataset.queue('intake').subscribe({
      maxBatch: 1,
      prefetch: 1,
      deliver: ([delivery]) => delivery?.ack(),
      failed: () => {},
    });
    intake.demand();
    await settle();
    await clock.advance(1_000);
    await passed;
    expect(dataset.blobs.keys().includes(blobKeys.content(content))).toBe(false);
  });

  it('is left to a keeper of a later epoch, whose guard an older one cannot overwrite', async () => {
    const { ports } = memoryDataset();
    await setErasureGuard(ports, 2, { contents: ['x'], through: 1 });
    await expect(setErasureGuard(ports, 1, { contents: [], through: 0 })).rejects.toThrow('epoch 2');
    await setErasureGuard(ports, 2, { contents: [], through: 0 });
  });

  it('only tells what it would come to, when asked so', async () => {
    const { dataset, keep, ask, events } = await startDataset();
    await keep(...PRESENT);
    await ask({ op: 'cut' });
    const before = await stored(dataset);
    const answer = await ask<EraseAnswer>({ op: 'erase', keys: ['a', '2', 'x'], reason: null, dryRun: true });
    expect(answer.results).toMatchObject([
      { items: [{ id: 'a', outcome: 'kept', survivorOf: 2, before: null }] },
      { items: [{ id: 'b', outcome: 'duplicate', survivorOf: 0 }] },
      { items: [] },
    ]);
    expect(await stored(dataset)).toBe(before);
    expect(events.filter(({ type }) => type === 'crashed')).toEqual([]);
  });

  it('of a best copy is told by the items that it was the best of, and by older manifests', async () => {
    const { keep, erase, settle, ask } = await startDataset();
    await keep(...PRESENT);
    await ask({ op: 'cut' });
    await erase('a');
    await settle();
    expect(await ask({ op: 'derive', number: 1 })).toEqual({ digest: null, erased: 1 });
    const { manifest } = await ask<CutAnswer>({ op: 'cut' });
    expect(manifest.counts).toMatchObject({ kept: 1, duplicate: 1 });
    expect(await ask({ op: 'derive', number: 2 })).toEqual({ digest: manifest.digest, erased: 0 });
    const { items } = await ask<ExplainAnswer>({ op: 'explain', key: 'c' });
    expect(items).toMatchObject([{ survivorsErased: [{ id: 'a', reason: 'asked', manifest: 1 }] }]);
    expect(await ask<ExplainAnswer>({ op: 'explain', key: 'a' })).toMatchObject({
      items: [{ entry: { type: 'erased', item: sha('item a p') }, payload: null }],
    });
  });
});
