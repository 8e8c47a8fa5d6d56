// Which contents and pairs are drawn: the same for a seed in any order, each as likely as any other, no proved copies.
import { describe, expect, it } from 'vitest';
import { sampleContents } from '../../../cli/calibrate/sample-contents.ts';
import { contentsWanted, type Pair, samplePairs } from '../../../cli/calibrate/sample-pairs.ts';
import { SeededRandom } from '../../../cli/corpus/seeded-random.ts';
import { sha } from '../../support/ledger-messages.ts';
import { manifestRow } from '../../support/manifest-rows.ts';

const rows = Array.from({ length: 300 }, (_, at) => manifestRow(`picture ${at}`));
const evidence = (distance: number) => ({
  hashes: { phash: 2 },
  distance,
  similarity: 0.97,
  threshold: { distance: 0.07, similarity: 0.95 },
  algorithm: 'pixels64@1',
});
const contentsOf = async (...[given, options]: Parameters<typeof sampleContents>) =>
  (await sampleContents(given, options)).contents.map(({ content }) => content);

describe('a sample of contents', () => {
  it('is the same for a seed, in whatever order rows come', async () => {
    const options = { size: 20, seed: 5 };
    const drawn = await contentsOf(rows, options);
    expect(drawn).toHaveLength(20);
    expect(new Set(drawn).size).toBe(20);
    expect(await contentsOf([...rows].reverse(), options)).toEqual(drawn);
    expect(await contentsOf(rows, { size: 20, seed: 6 })).not.toEqual(drawn);
  });

  it('of a smaller size is the beginning of a larger one', async () => {
    const large = await contentsOf(rows, { size: 50, seed: 5 });
    expect(await contentsOf(rows, { size: 8, seed: 5 })).toEqual(large.slice(0, 8));
  });

  it('draws each content as often as any other', async () => {
    const times = new Map<string, number>();
    for (let seed = 0; seed < 600; seed++) {
      for (const content of await contentsOf(rows.slice(0, 30), { size: 10, seed }))
        times.set(content, (times.get(content) ?? 0) + 1);
    }
    // 200 each, with a standard deviation of 11.5.
    expect(times.size).toBe(30);
    for (const count of times.values()) expect(Math.abs(count - 200)).toBeLessThan(50);
  });

  it('has a content of several items once, as the same one', async () => {
    const twice = [manifestRow('a', { content: sha('x') }), manifestRow('b', { content: sha('x') })];
    const [first, second] = [
      await sampleContents(twice, { size: 5, seed: 1 }),
      await sampleContents([...twice].reverse(), { size: 5, seed: 1 }),
    ];
    expect(first.contents).toHaveLength(1);
    expect(second.contents).toEqual(first.contents);
  });

  it('leaves out what bytes or pixels prove a copy, and what is rejected; not what vectors alone say', async () => {
    const survivor = sha('survivor');
    const given = [
      manifestRow('kept'),
      manifestRow('exact', { outcome: 'duplicate', relation: 'exact', survivor }),
      manifestRow('by pixels', {
        outcome: 'duplicate',
        relation: 'near',
        survivor,
        evidence: evidence(0.03),
      }),
      manifestRow('turned', { relation: 'transformed', survivor, evidence: evidence(0.6) }),
      manifestRow('by vectors', {
        outcome: 'duplicate',
        relation: 'near',
        survivor,
        evidence: evidence(0.3),
      }),
      manifestRow('grouped', { relation: 'semantic', survivor, evidence: evidence(0.3) }),
      manifestRow('unsure', {
        outcome: 'review',
        relation: 'uncertain',
        survivor,
        evidence: evidence(0.075),
      }),
      manifestRow('rejected', { outcome: 'rejected' }),
      manifestRow('refused', { outcome: 'rejected', content: null }),
    ];
    const sample = await sampleContents(given, { size: 100, seed: 1 });
    const names = new Map(given.map(({ content, id }) => [content, id]));
    expect(sample.contents.map(({ content }) => names.get(content)).sort()).toEqual([
      'by vectors',
      'grouped',
      'kept',
      'unsure',
    ]);
    expect(sample).toMatchObject({ population: 4, copies: 3, rejected: 2 });
  });

  it('ends when it is interrupted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(sampleContents(rows, { size: 5, seed: 1, signal })).rejects.toThrow('enough');
  });
});

describe('a sample of pairs', () => {
  const target = 0.01;
  const nameOf = ([one, other]: Pair) => `${Math.min(one, other)}-${Math.max(one, other)}`;

  it('has no content twice where there are contents enough for the target, and then holds for contents to come', () => {
    const { pairs, holdsFor } = samplePairs(
      700,
      { target, pairs: 320, independent: false },
      new SeededRandom(1),
    );
    expect(holdsFor).toBe('new');
    expect(pairs).toHaveLength(320);
    expect(new Set(pairs.flat()).size).toBe(640);
  });

  it('has no content twice when that is asked for, however few there are', () => {
    const { pairs, holdsFor } = samplePairs(
      41,
      { target, pairs: undefined, independent: true },
      new SeededRandom(1),
    );
    expect({ holdsFor, count: pairs.length, contents: new Set(pairs.flat()).size }).toEqual({
      holdsFor: 'new',
      count: 20,
      contents: 40,
    });
  });

  it('is of all pairs where there are too few contents, none of them twice, and then holds for these', () => {
    const { pairs, holdsFor } = samplePairs(
      60,
      { target, pairs: 500, independent: false },
      new SeededRandom(1),
    );
    expect(holdsFor).toBe('present');
    expect(new Set(pairs.map(nameOf)).size).toBe(500);
    for (const [one, other] of pairs) {
      expect(one).not.toBe(other);
      expect(Math.min(one, other)).toBeGreaterThanOrEqual(0);
      expect(Math.max(one, other)).toBeLessThan(60);
    }
  });

  it('is all of them where more are asked for', () => {
    const { pairs } = samplePairs(25, { target, pairs: undefined, independent: false }, new SeededRandom(1));
    expect(new Set(pairs.map(nameOf)).size).toBe((25 * 24) / 2);
  });

  it('draws each pair as often as any other', () => {
    const times = new Map<string, number>();
    for (let seed = 0; seed < 1_000; seed++) {
      const wishes = { target, pairs: 9, independent: false };
      for (const pair of samplePairs(10, wishes, new SeededRandom(seed)).pairs)
        times.set(nameOf(pair), (times.get(nameOf(pair)) ?? 0) + 1);
    }
    // 200 each of 45, with a standard deviation of 12.6.
    expect(times.size).toBe(45);
    for (const count of times.values()) expect(Math.abs(count - 200)).toBeLessThan(55);
  });

  it('is of nothing where there is nothing to pair', () => {
    for (const contents of [0, 1])
      expect(
        samplePairs(contents, { target, pairs: undefined, independent: false }, new SeededRandom(1)).pairs,
      ).toEqual([]);
  });

  it('wants contents enough to show the target', () => {
    expect(contentsWanted({ target: 1e-3, pairs: 10, independent: false })).toBe(2 * 2_995);
    expect(contentsWanted({ target: 1e-3, pairs: undefined, independent: false })).toBe(2 * 8_000);
  });
});
