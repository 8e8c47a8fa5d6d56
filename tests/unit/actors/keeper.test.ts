import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { StorageFull } from '#runtime';
import { CrashPoint } from '#testkit';
import type { DeriveAnswer, ExplainAnswer, SettledAnswer } from '../../../actors/keeper/keeper-messages.ts';
import { ManifestStore } from '../../../actors/keeper/manifest-store.ts';
import type { OutcomeMessage } from '../../../actors/keeper/outcomes.ts';
import { RequestRefused } from '../../../actors/keeper/request-refused.ts';
import { blobKeys, type KeepMessage, type Payload } from '../../../actors/pipeline/messages.ts';
import { startKeeper, stopKeepers } from '../../support/keepers.ts';
import { contentOf, dead, edgeOf, judged, sha } from '../../support/ledger-messages.ts';
import {
  type MemoryDataset,
  memoryCodec,
  memoryDataset,
  sharpnessAlone,
} from '../../support/memory-ports.ts';

afterEach(stopKeepers);

const storeOf = ({ ports }: MemoryDataset) =>
  new ManifestStore({ dataset: ports.dataset, blobs: ports.manifests, heads: ports.heads });

/** Outcomes as `outcome id` by publication. */
function outcomes({ publisher }: MemoryDataset): string[] {
  return publisher.stored
    .filter(({ subject }) => subject.startsWith('outcome.'))
    .map(({ subject, data }) => {
      const message = JSON.parse(Buffer.from(data).toString()) as OutcomeMessage;
      expect(subject).toBe(`outcome.${message.outcome}`);
      return `${message.outcome} ${message.id}`;
    });
}

async function rowsById(dataset: MemoryDataset, number?: number) {
  const store = storeOf(dataset);
  const record = await store.record(number ?? (await store.head()) ?? 0);
  if (record === undefined) throw new Error('there is no manifest');
  const rows = await store.rowsByItem(await store.envelope(record));
  return new Map([...rows.values()].map((row) => [row.id, row]));
}

async function putPayload(
  dataset: MemoryDataset,
  item: string,
  change: Partial<Payload> & Pick<Payload, 'id'>,
): Promise<void> {
  const payload: Payload = {
    source: 'default',
    time: null,
    metadata: {},
    content: null,
    mediaType: null,
    location: 'blob:',
    ...change,
  };
  await dataset.blobs.put(blobKeys.payload(item), memoryCodec.encode(payload));
}

describe('the keeper', () => {
  it('keeps a batch in hand while its journal has no room, answers meanwhile, and journals it once there is', async () => {
    const dataset = memoryDataset();
    const handle = dataset.journal('keeper', 0).rival();
    const keeper = await startKeeper({ ...dataset, ports: { ...dataset.ports, journal: () => handle } });
    await keeper.keep(dead(3));
    for (let second = 0; second < 30; second++) {
      handle.failNext(new StorageFull('no room'));
      if (second === 0) await keeper.keep(judged(1, 'a', 'p'), dead(2));
      else await dataset.clock.advance(1_000);
    }
    const missing = async () =>
      (await keeper.ask<SettledAnswer>({ op: 'settled', through: 3 })).missing.count;
    expect(await missing()).toBe(2);
    expect(dataset.queue('keep').inState('acked')).toHaveLength(1);
    handle.failNext(new StorageFull('no room'));
    const purge = keeper.ask({ op: 'resolve', resolutions: [{ sequence: 3, state: 'purged', by: 'me' }] });
    await expect(purge).rejects.toThrow(StorageFull);
    await dataset.clock.advance(2_000);
    expect(await missing()).toBe(0);
    expect(dataset.queue('keep').inState('acked')).toHaveLength(3);
    expect(keeper.events.filter(({ type }) => type === 'restarted')).toEqual([]);
  });

  it('acknowledges a batch only after its journal holds it, in one frame', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset, { faults: new CrashPoint('keep.appended') });
    const before = dataset.journal('keeper', 0).frames.length;
    await keeper.keep(judged(1, 'a', 'p'), dead(2), judged(3, 'b', 'q', { edges: [edgeOf('p', 'q')] }));
    await dataset.clock.advance(1_000);
    const written = dataset
      .journal('keeper', 0)
      .frames.slice(before)
      .filter(({ events }) => events.length > 0);
    expect(written).toHaveLength(1);
    // It crashed between the append and the ack: nothing was acknowledged then, and the next one goes on.
    expect(keeper.events.filter(({ type }) => type === 'crashed')).toHaveLength(1);
    expect(dataset.trace.filter((line) => line.startsWith('ack'))).toEqual([]);
    const { counts } = await keeper.ask<SettledAnswer>({ op: 'settled', through: 3 });
    expect(counts).toEqual({
      eligible: 2,
      rejected: 0,
      review: 0,
      dead: 1,
      repeats: 0,
      retried: 0,
      purged: 0,
      erased: 0,
    });
  });

  it('acknowledges nothing when the append is refused', async () => {
    const dataset = memoryDataset();
    const handle = dataset.journal('keeper', 0).rival();
    const keeper = await startKeeper({
      ...dataset,
      ports: { ...dataset.ports, journal: () => handle },
    });
    handle.failNext(new Error('refused'));
    await keeper.keep(judged(1, 'a', 'p', { verdict: 'rejected' }));
    await dataset.clock.advance(1_000);
    expect(dataset.trace).toEqual([]);
    expect(await keeper.ask({ op: 'settled', through: 1 })).toMatchObject({
      missing: { count: 1, sequences: [1] },
    });
  });

  it('changes nothing for messages that come again', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    const batch = [judged(1, 'a', 'p', { edges: [edgeOf('p', 'q')] }), dead(2), judged(3, 'c', 'r')];
    await keeper.keep(...batch);
    const frames = dataset.journal('keeper', 0).frames.length;
    const answers = await Promise.all([
      keeper.ask({ op: 'settled', through: 9 }),
      keeper.ask({ op: 'explain', key: 'a' }),
    ]);
    await keeper.keep(...batch, ...batch);
    expect(dataset.journal('keeper', 0).frames).toHaveLength(frames);
    expect(dataset.queue('keep').inState('acked')).toHaveLength(9);
    expect(outcomes(dataset)).toEqual(['dead dead 2']);
    expect(
      await Promise.all([keeper.ask({ op: 'settled', through: 9 }), keeper.ask({ op: 'explain', key: 'a' })]),
    ).toEqual(answers);
  });

  it.each([
    ['dead before judged', [dead(1), judged(1, 'a', 'p')]],
    ['judged before dead', [judged(1, 'a', 'p'), dead(1)]],
  ])('lets the judged verdict stand when a batch brings both: %s', async (_order, batch) => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    await keeper.keep(...batch);
    const { counts } = await keeper.ask<SettledAnswer>({ op: 'settled', through: 1 });
    expect(counts).toMatchObject({ eligible: 1, dead: 0 });
    expect((await keeper.cut()).manifest.rows).toBe(1);
  });

  it('that another owner has fenced stands down: nothing is acknowledged or answered any more', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    await dataset.journal('keeper', 0).rival().own();
    const frames = dataset.journal('keeper', 0).frames.length;
    await keeper.keep(judged(1, 'a', 'p', { verdict: 'rejected' }));
    let answered = false;
    const asked = keeper.ask({ op: 'settled', through: 1 }).then(
      () => {
        answered = true;
      },
      () => {},
    );
    await dataset.clock.advance(60_000);
    expect(dataset.fencedBy.map(({ name }) => name)).toEqual(['JournalFenced']);
    expect(dataset.trace).toEqual([]);
    expect(answered).toBe(false);
    await keeper.system.stop();
    await asked;
    expect(answered).toBe(false);
    expect(dataset.journal('keeper', 0).frames).toHaveLength(frames);
  });
});

describe('outcomes', () => {
  it('of rejected, review and dead go out when journaled; kept and duplicate at the cut; then changes only', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    await keeper.keep(
      judged(1, 'poor', 'a', { verdict: 'rejected' }),
      judged(2, 'unclear', 'b', { verdict: 'review' }),
      dead(3),
      judged(4, 'first', 'c', { rank: [1] }),
      judged(5, 'copy', 'c', { rank: [0] }),
      judged(6, 'steady', 'e'),
    );
    let seen = 0;
    const since = () => {
      const all = outcomes(dataset);
      const fresh = all.slice(seen).sort();
      seen = all.length;
      return fresh;
    };
    expect(since()).toEqual(['dead dead 3', 'rejected poor', 'review unclear']);
    await keeper.cut();
    expect(since()).toEqual(['duplicate copy', 'kept first', 'kept steady']);
    await keeper.keep(judged(7, 'better', 'c', { rank: [2] }), judged(8, 'other', 'd'));
    expect(since()).toEqual([]);
    await keeper.cut();
    // The copy's survivor is another one now, which is a change as well.
    expect(since()).toEqual(['duplicate copy', 'kept better', 'kept other', 'superseded first']);
    const superseded = dataset.publisher.on('outcome.superseded')[0];
    expect(JSON.parse(Buffer.from(superseded?.data ?? []).toString())).toMatchObject({
      sequence: 4,
      manifest: 2,
      survivor: { id: 'better', item: sha('item better c'), relation: 'exact' },
    });
  });
});

describe('a cut', () => {
  it('without any change gives the manifest that stands, and publishes nothing', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    await keeper.keep(judged(1, 'a', 'p'), judged(2, 'b', 'p', { rank: [0] }));
    const first = await keeper.cut();
    const published = dataset.publisher.attempts.length;
    const second = await keeper.cut();
    expect(first).toMatchObject({ unchanged: false, manifest: { number: 1, rows: 2 } });
    expect(second).toEqual({ unchanged: true, manifest: first.manifest });
    expect(dataset.publisher.attempts).toHaveLength(published);
    // Repeats and dead letters are outside the rows.
    await keeper.keep(judged(3, 'a', 'p'), dead(4));
    expect(await keeper.cut()).toEqual(second);
    expect(await storeOf(dataset).list()).toEqual([first.manifest]);
  });

  it('tells subscribers of what only it sends to review or rejects, and of nothing twice', async () => {
    const dataset = memoryDataset({ config: { dedup: { pixels: { near: 0.005, review: 0.02 } } } });
    const keeper = await startKeeper(dataset);
    await keeper.keep(
      judged(1, 'a', 'p', { edges: [edgeOf('p', 'q')] }),
      judged(2, 'b', 'q', { rank: [0] }),
      judged(3, 'c', 'r', { verdict: 'review' }),
    );
    const said = outcomes(dataset);
    expect(said).toEqual(['review c']);
    expect((await keeper.cut()).manifest.counts).toMatchObject({ kept: 1, review: 2 });
    expect(outcomes(dataset).slice(said.length).sort()).toEqual(['kept a', 'review b']);
    await keeper.keep(judged(4, 'd', 's'));
    await keeper.cut();
    expect(outcomes(dataset).slice(said.length + 2)).toEqual(['kept d']);
  });

  it('of nothing is an empty manifest', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    const { manifest } = await keeper.cut();
    expect(manifest).toMatchObject({ number: 1, rows: 0 });
    expect(await storeOf(dataset).check(manifest)).toEqual({ ok: true, problems: [] });
  });

  it('that crashed between its append and its announcement is finished by the next incarnation', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset, { faults: new CrashPoint('keep.cut') });
    await keeper.keep(judged(1, 'a', 'p'), judged(2, 'b', 'p', { rank: [0] }));
    await expect(keeper.cut()).rejects.toMatchObject({ name: 'ActorEnded' });
    await dataset.clock.advance(1_000);
    expect(await storeOf(dataset).head()).toBe(1);
    expect(outcomes(dataset).sort()).toEqual(['duplicate b', 'kept a']);
    const attempts = dataset.publisher.attempts.length;
    expect(await keeper.cut()).toMatchObject({ unchanged: true, manifest: { number: 1 } });
    await keeper.system.stop();
    await startKeeper(dataset);
    expect(dataset.publisher.attempts).toHaveLength(attempts);
  });

  it('whose announcement breaks off anywhere publishes each outcome once by its id in the end', async () => {
    const messages = [
      judged(1, 'a', 'p'),
      judged(2, 'b', 'p', { rank: [0] }),
      judged(3, 'c', 'q', { verdict: 'review' }),
      judged(4, 'd', 'r'),
      dead(5),
    ];
    for (let failAt = 1; failAt <= 6; failAt++) {
      const dataset = memoryDataset();
      let publishes = 0;
      dataset.publisher.intercept = () => {
        publishes += 1;
        return publishes === failAt ? new Error('the stream refused') : undefined;
      };
      const keeper = await startKeeper(dataset);
      await keeper.keep(...messages);
      await dataset.clock.advance(1_000);
      await keeper.cut().catch(() => undefined);
      await dataset.clock.advance(10_000);
      await keeper.cut();
      expect(outcomes(dataset).sort(), `failing publish ${failAt}`).toEqual([
        'dead dead 5',
        'duplicate b',
        'kept a',
        'kept d',
        'review c',
      ]);
      expect(await storeOf(dataset).head()).toBe(1);
      expect(keeper.events.filter(({ type }) => type === 'crashed')).toHaveLength(failAt <= 5 ? 1 : 0);
      await keeper.system.stop();
    }
  });

  it('gives the same manifest however the keeper was fed and wherever it crashed', async () => {
    const messages = [
      judged(1, 'a', 'p', { rank: [1] }),
      judged(2, 'b', 'q', { rank: [2], edges: [edgeOf('p', 'q')] }),
      judged(3, 'c', 'r', { rank: [3], edges: [edgeOf('q', 'r')] }),
      judged(4, 'a', 'p', { rank: [1] }),
      judged(5, 'e', 'r', { rank: [0] }),
      judged(6, 'f', 's', { verdict: 'rejected' }),
    ];
    const undisturbed = memoryDataset();
    const calm = await startKeeper(undisturbed);
    await calm.keep(...messages);
    const expected = (await calm.cut()).manifest;
    expect(expected.counts).toEqual({ kept: 2, duplicate: 2, rejected: 1, review: 0 });
    const places = [
      'persist.before-append',
      'persist.after-append',
      'keep.appended',
      'keep.acked',
      'keep.cut',
    ] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...messages, ...messages], { minLength: 12 }),
        fc.array(fc.constantFrom(...places), { maxLength: 4 }),
        fc.integer({ min: 1, max: 12 }),
        async (order, crashes, size) => {
          const dataset = memoryDataset();
          const keeper = await startKeeper(dataset, { faults: new CrashPoint(...crashes) });
          for (let at = 0; at < order.length; at += size) {
            await keeper.keep(...order.slice(at, at + size));
            await dataset.clock.advance(60_000);
          }
          // What a crashed keeper held comes again when its successor owns the queue.
          await keeper.keep(...order);
          for (let tries = 0; tries <= crashes.length; tries++) {
            await keeper.cut().catch(() => undefined);
            await dataset.clock.advance(60_000);
          }
          await keeper.keep(...order);
          const { manifest } = await keeper.cut();
          expect([manifest.digest, manifest.rows]).toEqual([expected.digest, expected.rows]);
          expect(await keeper.ask({ op: 'settled', through: 6 })).toMatchObject({
            counts: { eligible: 4, rejected: 1, repeats: 1, dead: 0, review: 0 },
            missing: { count: 0 },
          });
          expect(await storeOf(dataset).check(manifest)).toEqual({ ok: true, problems: [] });
          await keeper.system.stop();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('judges again what was judged under another configuration, from what is stored', async () => {
    const dataset = memoryDataset();
    const lenient = await startKeeper(dataset);
    const sharp = judged(1, 'sharp', 'p', { facts: { signals: { sharpness: 0.95, area: 1 } } });
    const soft = judged(2, 'soft', 'q', { facts: { signals: { sharpness: 0.6, area: 1 } } });
    const erased = judged(3, 'erased', 'r', { facts: { signals: { sharpness: 0.1, area: 1 } } });
    await putPayload(dataset, sharp.item, { id: 'sharp' });
    await putPayload(dataset, soft.item, { id: 'soft' });
    await lenient.keep(sharp, soft, erased);
    const first = await lenient.cut();
    expect(first.manifest.counts).toMatchObject({ kept: 3 });
    await lenient.system.stop();
    const { ports } = memoryDataset({
      config: {
        rules: { weights: sharpnessAlone, keepAt: 0.9, rejectBelow: 0.7 },
      },
    });
    const strict = await startKeeper(dataset, { config: ports.config });
    const second = await strict.cut();
    expect(second).toMatchObject({ unchanged: false, manifest: { number: 2 } });
    const rows = await rowsById(dataset);
    expect(rows.get('sharp')).toMatchObject({ outcome: 'kept', score: 0.95 });
    expect(rows.get('soft')).toMatchObject({ outcome: 'rejected', score: 0.6 });
    // Without its payload nothing new can be said of an item: its judgement stands.
    expect(rows.get('erased')).toMatchObject({ outcome: 'kept', score: 0.9 });
    await expect(strict.ask({ op: 'derive', number: 1 })).rejects.toThrow(/another|configuration/);
    expect(await strict.ask<DeriveAnswer>({ op: 'derive', number: 2 })).toMatchObject({
      digest: second.manifest.digest,
    });
  });

  it('can be derived again after later entries, edges and cuts', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    await keeper.keep(judged(5, 'a', 'p', { rank: [1] }), judged(6, 'b', 'q', { rank: [2] }));
    const first = await keeper.cut();
    await keeper.keep(judged(7, 'c', 'q', { rank: [3], edges: [edgeOf('p', 'q')] }), judged(1, 'a', 'p'));
    const second = await keeper.cut();
    expect(second.manifest.digest).not.toBe(first.manifest.digest);
    for (const { manifest } of [first, second]) {
      expect(await keeper.ask<DeriveAnswer>({ op: 'derive', number: manifest.number })).toMatchObject({
        digest: manifest.digest,
      });
    }
    await expect(keeper.ask({ op: 'derive', number: 3 })).rejects.toBeInstanceOf(RequestRefused);
    expect(keeper.events.filter(({ type }) => type === 'crashed')).toEqual([]);
  });

  it('names ids under which more than one content stands, with all their items in one order', async () => {
    const findings = async (order: readonly KeepMessage[]) => {
      const dataset = memoryDataset();
      const keeper = await startKeeper(dataset);
      await keeper.keep(...order);
      const { manifest } = await keeper.cut();
      return (await storeOf(dataset).envelope(manifest)).findings;
    };
    const one = judged(1, 'x', 'p');
    const same = { ...judged(2, 'x', 'p'), item: sha('x p from another source') };
    const other = judged(3, 'x', 'q');
    const unrelated = judged(4, 'y', 'p');
    const expected = [{ code: 'id.two_contents', id: 'x', items: [one.item, same.item, other.item].sort() }];
    expect(await findings([one, same, other, unrelated])).toEqual(expected);
    expect(await findings([other, same, unrelated, one])).toEqual(expected);
    expect(await findings([one, same, unrelated])).toEqual([]);
  });
});

describe('explain', () => {
  it('finds items by id, item, content and sequence, with row, survivor, payload and what they repeat', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset);
    const best = judged(10, 'best', 'p', { rank: [2] });
    const near = judged(11, 'near', 'q', { rank: [1], edges: [edgeOf('p', 'q')] });
    await putPayload(dataset, best.item, { id: 'best', source: 'crawl' });
    await keeper.keep(best, near, judged(12, 'best', 'p', { rank: [2] }), dead(13));
    const explain = async (key: string) =>
      (await keeper.ask<ExplainAnswer>({ op: 'explain', key })).items.map((item) => item);
    expect(await explain('near')).toMatchObject([{ entry: { sequence: 11 }, row: null, manifest: null }]);
    await keeper.cut();
    for (const key of ['near', near.item, contentOf('q'), '11']) {
      expect(await explain(key), key).toMatchObject([
        {
          entry: { sequence: 11, id: 'near' },
          repeatOf: null,
          payload: null,
          row: { outcome: 'duplicate', relation: 'near', survivor: best.item },
          manifest: 1,
          survivorId: 'best',
        },
      ]);
    }
    expect(await explain('best')).toMatchObject([
      { entry: { sequence: 10 }, repeatOf: null, payload: { source: 'crawl' }, row: { outcome: 'kept' } },
      { entry: { sequence: 12 }, repeatOf: 10, row: { outcome: 'kept' } },
    ]);
    expect(await explain('13')).toMatchObject([{ entry: { type: 'dead', reason: 'not_found' }, row: null }]);
    expect(await explain('nobody')).toEqual([]);
    expect(await explain('99')).toEqual([]);
  });

  it('takes a number for an id first, and for a sequence where no id is called that', async () => {
    const keeper = await startKeeper(memoryDataset());
    await keeper.keep(judged(1, '2', 'p'), judged(2, 'b', 'q'));
    const { items } = await keeper.ask<ExplainAnswer>({ op: 'explain', key: '2' });
    expect(items.map(({ entry }) => entry.sequence)).toEqual([1]);
  });
});
