// The plan of the generated corpus, and the comparison of outcomes with what was planted.
import { describe, expect, it } from 'vitest';
import { planCorpus } from '../../../cli/corpus/corpus-plan.ts';
import {
  type CorpusTruth,
  type ItemOutcome,
  scoreAgainstTruth,
  type Truth,
} from '../../../cli/corpus/index.ts';

describe('the plan of a corpus', () => {
  it('holds 600 items of nine sorts with unique ids', () => {
    const plan = planCorpus(600, 1);
    const counts = Object.fromEntries(
      [...Map.groupBy(plan, (item) => item.truth)].map(([k, v]) => [k, v.length]),
    );
    expect(counts).toEqual({
      scene: 360,
      exact: 60,
      reencode: 45,
      resize: 45,
      crop2: 30,
      crop5: 20,
      flat: 16,
      corrupt: 14,
      refused: 10,
    });
    expect(new Set(plan.map((item) => item.id)).size).toBe(600);
  });

  it('copies no scene twice in the same way, and a third of those with an exact copy in a second way', () => {
    const copies = planCorpus(600, 1).filter((item) => item.ofScene !== undefined);
    expect(new Set(copies.map((item) => `${item.truth} ${item.ofScene}`)).size).toBe(200);
    expect(new Set(copies.map((item) => item.ofScene)).size).toBe(180);
  });

  it.each([20, 37, 100])('has every sort among %d items', (count) => {
    const plan = planCorpus(count, 5);
    expect(plan).toHaveLength(count);
    expect(new Set(plan.map((item) => item.truth)).size).toBe(9);
  });

  it('refuses fewer than 20 items', () => {
    expect(() => planCorpus(19, 1)).toThrow(RangeError);
  });
});

const truth: CorpusTruth = {
  seed: 1,
  items: (
    [
      ['a', 'scene'],
      ['a-exact', 'exact', 'a'],
      ['a-small', 'resize', 'a'],
      ['b', 'scene'],
      ['b-jpeg', 'reencode', 'b'],
      ['b-crop', 'crop2', 'b'],
      ['c', 'scene'],
      ['flat', 'flat'],
      ['broken', 'corrupt'],
      ['banned', 'refused'],
    ] as const satisfies readonly (readonly [string, Truth, string?])[]
  ).map(([id, sort, of]) => ({
    id,
    path: `/x/${id}`,
    source: 's',
    truth: sort,
    ...(of === undefined ? {} : { of }),
  })),
};

const PERFECT: Readonly<Record<string, ItemOutcome>> = {
  a: { outcome: 'kept' },
  'a-exact': { outcome: 'duplicate', survivor: 'a', relation: 'exact' },
  'a-small': { outcome: 'duplicate', survivor: 'a', relation: 'near' },
  // The copy survives here: the star counts, not who was first.
  b: { outcome: 'duplicate', survivor: 'b-jpeg', relation: 'near' },
  'b-jpeg': { outcome: 'kept' },
  'b-crop': { outcome: 'duplicate', survivor: 'b-jpeg', relation: 'near' },
  c: { outcome: 'kept' },
  flat: { outcome: 'rejected' },
  broken: { outcome: 'dead' },
  banned: { outcome: 'rejected' },
};

const scoreWith = (changes: Readonly<Record<string, ItemOutcome>>) =>
  scoreAgainstTruth(truth, new Map(Object.entries({ ...PERFECT, ...changes })));

describe('the score against the truth', () => {
  it('passes a perfect result, whichever member of a star survives', () => {
    const score = scoreWith({});
    expect(score.passed).toBe(true);
    expect(score.relations.reencode).toEqual({ planted: 1, found: 1, recall: 1, precision: 1 });
    expect(score).toMatchObject({ wronglyDropped: [], refusedPassed: [], missing: [] });
  });

  it('does not find a copy that is kept beside its original', () => {
    const score = scoreWith({ 'a-small': { outcome: 'kept' } });
    expect(score.relations.resize).toMatchObject({ planted: 1, found: 0, recall: 0 });
    expect(score.wronglyDropped).toEqual([]);
    expect(score.passed).toBe(false);
  });

  it('does not count a star whose survivor is not kept', () => {
    const score = scoreWith({ a: { outcome: 'review' } });
    expect(score.relations.exact.found).toBe(0);
    expect(score.wronglyDropped).toEqual(['a-exact', 'a-small']);
  });

  it('names a scene that was dropped for another scene, and lowers the precision', () => {
    const score = scoreWith({ c: { outcome: 'duplicate', survivor: 'b-jpeg', relation: 'near' } });
    expect(score.wronglyDropped).toEqual(['c']);
    expect(score.relations.reencode.precision).toBe(0.5);
    expect(score.passed).toBe(false);
  });

  it('names a scene of whose family nothing is left', () => {
    expect(scoreWith({ c: { outcome: 'rejected' } }).wronglyDropped).toEqual(['c']);
    expect(scoreWith({ c: { outcome: 'review' } }).wronglyDropped).toEqual([]);
  });

  it('does not pass when a refused item got past governance or an item has no outcome', () => {
    expect(scoreWith({ banned: { outcome: 'kept' } })).toMatchObject({
      refusedPassed: ['banned'],
      passed: false,
    });
    const { c: _, ...withoutC } = PERFECT;
    expect(scoreAgainstTruth(truth, new Map(Object.entries(withoutC)))).toMatchObject({
      missing: ['c'],
      passed: false,
    });
  });
});
