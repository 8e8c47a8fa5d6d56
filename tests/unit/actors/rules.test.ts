import { describe, expect, it } from 'vitest';
import { datasetConfigSchema } from '../../../actors/config.ts';
import type { Kind, Signal } from '../../../actors/kinds/kind.ts';
import { globMatches, refusedSource, sourceRank } from '../../../actors/rules/governance.ts';
import { judge } from '../../../actors/rules/judge.ts';
import { judgingContext } from '../../../actors/rules/judging-context.ts';

const kind: Pick<Kind, 'version' | 'contributions' | 'quality'> = {
  version: 'test@1',
  contributions: (signals) => ({
    resolution: Number(signals.r),
    sharpness: Number(signals.s),
    entropy: Number(signals.e),
  }),
  quality: ({ signals }) => [Number(signals.r)],
};
const model = { name: 'm', digest: 'd'.repeat(64), dimension: 1, path: '' };
const contextWith = (settings: Record<string, unknown> = {}) =>
  judgingContext(datasetConfigSchema.parse(settings), kind as Kind, model);
const item = (signals: Record<string, Signal>, source = 'any', time: string | null = null) => ({
  source,
  time,
  metadataCount: 0,
  facts: { content: '', mediaType: '', byteLength: 1, hashes: {}, lowInformation: false, signals },
});

describe('governance', () => {
  it.each([
    ['*', 'anything', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbb', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*.feed', 'bad.feed', true],
    ['a*b*c', 'axxbyyc', true],
    ['', '', true],
    ['', 'x', false],
    ['a.c', 'abc', false],
  ])('pattern %j against %j gives %j', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  it('refuses by the first matching pattern and ranks listed sources in their order', () => {
    const governance = { refuseSources: ['x-*', 'banned'], flagSources: [], sourceRank: ['gold', 'silver'] };
    expect(refusedSource(governance, 'banned')).toBe('banned');
    expect(refusedSource(governance, 'fine')).toBeUndefined();
    expect([
      sourceRank(governance, 'gold'),
      sourceRank(governance, 'silver'),
      sourceRank(governance, 'x'),
    ]).toEqual([2, 1, 0]);
  });
});

describe('a judgement', () => {
  const thresholds = {
    score: { keepAt: 0.5, rejectBelow: 0.2, weights: { resolution: 1, sharpness: 1, entropy: 0 } },
  };

  it('is the weighted mean of the contributions, with each share on record', () => {
    const judged = judge(item({ r: 1, s: 0.5, e: 1 }), contextWith(thresholds));
    expect(judged.score).toBe(0.75);
    expect(judged.contributions).toEqual({ resolution: 0.5, sharpness: 0.25, entropy: 0 });
  });

  it.each([
    [0.5, 'eligible'],
    [0.49, 'review'],
    [0.2, 'review'],
    [0.19, 'rejected'],
  ] as const)('of score %d is %s', (score, verdict) => {
    expect(judge(item({ r: score, s: score, e: 0 }), contextWith(thresholds)).verdict).toBe(verdict);
  });

  it('of a refused source is a rejection that names the pattern, whatever the signals', () => {
    const context = contextWith({ governance: { refuseSources: ['bad-*'] } });
    expect(judge(item({ r: 1, s: 1, e: 1 }, 'bad-feed'), context)).toMatchObject({
      verdict: 'rejected',
      reasons: ['governance.refuse:bad-*'],
      score: null,
    });
  });

  it('ranks an earlier declared time above a later one, and both above none', () => {
    const rank = (time: string | null) =>
      judge(item({ r: 1, s: 1, e: 1 }, 'any', time), contextWith()).rank.at(-1) ?? 0;
    expect(rank('2020-01-01T00:00:00.000Z')).toBeGreaterThan(rank('2021-01-01T00:00:00.000Z'));
    expect(rank('2021-01-01T00:00:00.000Z')).toBeGreaterThan(rank(null));
  });
});

describe('the deciding configuration', () => {
  it('does not change with the number of shards, and changes with a threshold, a rule or the model', () => {
    const { configDigest } = contextWith();
    expect(contextWith({ shards: 16 }).configDigest).toBe(configDigest);
    expect(contextWith({ score: { keepAt: 0.51 } }).configDigest).not.toBe(configDigest);
    expect(contextWith({ governance: { refuseSources: ['x'] } }).configDigest).not.toBe(configDigest);
    const other = judgingContext(datasetConfigSchema.parse({}), kind as Kind, {
      ...model,
      digest: 'e'.repeat(64),
    });
    expect(other.configDigest).not.toBe(configDigest);
  });
});
