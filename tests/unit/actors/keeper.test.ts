import { afterEach, describe, expect, it } from 'vitest';
import { StorageFull } from '#runtime';
import { CrashPoint } from '#testkit';
import type { ExplainAnswer, SettledAnswer } from '../../../actors/keeper/keeper-messages.ts';
import { outcomes, putPayload, startKeeper, stopKeepers } from '../../support/keepers.ts';
import { contentOf, dead, edgeOf, judged, sha } from '../../support/ledger-messages.ts';
import { memoryDataset } from '../../support/memory-ports.ts';

afterEach(stopKeepers);

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
