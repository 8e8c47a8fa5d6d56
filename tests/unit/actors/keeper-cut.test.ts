// Cuts: what makes one, what it publishes, and that it gives the same manifest whatever happened before.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CrashPoint } from '#testkit';
import type { DeriveAnswer } from '../../../actors/keeper/keeper-messages.ts';
import { RequestRefused } from '../../../actors/keeper/request-refused.ts';
import type { KeepMessage } from '../../../actors/pipeline/messages.ts';
import { manifestsOf, outcomes, putPayload, startKeeper, stopKeepers } from '../../support/keepers.ts';
import { dead, edgeOf, judged, sha } from '../../support/ledger-messages.ts';
import { type MemoryDataset, memoryDataset, sharpnessAlone } from '../../support/memory-ports.ts';

afterEach(stopKeepers);

async function rowsById(dataset: MemoryDataset, number?: number) {
  const store = manifestsOf(dataset);
  const record = await store.record(number ?? (await store.head()) ?? 0);
  if (record === undefined) throw new Error('there is no manifest');
  const rows = await store.rowsByItem(await store.envelope(record));
  return new Map([...rows.values()].map((row) => [row.id, row]));
}

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
    expect(await manifestsOf(dataset).list()).toEqual([first.manifest]);
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
    expect(await manifestsOf(dataset).check(manifest)).toEqual({ ok: true, problems: [] });
  });

  it('that crashed between its append and its announcement is finished by the next incarnation', async () => {
    const dataset = memoryDataset();
    const keeper = await startKeeper(dataset, { faults: new CrashPoint('keep.cut') });
    await keeper.keep(judged(1, 'a', 'p'), judged(2, 'b', 'p', { rank: [0] }));
    await expect(keeper.cut()).rejects.toMatchObject({ name: 'ActorEnded' });
    await dataset.clock.advance(1_000);
    expect(await manifestsOf(dataset).head()).toBe(1);
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
      expect(await manifestsOf(dataset).head()).toBe(1);
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
          expect(await manifestsOf(dataset).check(manifest)).toEqual({ ok: true, problems: [] });
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
      return (await manifestsOf(dataset).envelope(manifest)).findings;
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
