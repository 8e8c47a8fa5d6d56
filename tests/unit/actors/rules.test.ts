import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetConfigSchema } from '../../../actors/config/index.ts';
import { imageKind } from '../../../actors/image/kind.ts';
import { deriveRows } from '../../../actors/keeper/cut.ts';
import type { Kind, Signal } from '../../../actors/kinds/kind.ts';
import { globMatches } from '../../../actors/rules/glob.ts';
import { refusedSource, sourceRank } from '../../../actors/rules/governance.ts';
import { type JudgedItem, judge, judgeRefusal } from '../../../actors/rules/judge.ts';
import { type JudgingContext, judgingContext } from '../../../actors/rules/judging-context.ts';
import { decode, encode } from '../../../nats/codec.ts';
import { judged, sha } from '../../support/ledger-messages.ts';
import { MEMORY_MODEL } from '../../support/memory-ports.ts';

const kind: Kind = { ...imageKind, quality: ({ signals }) => [Number(signals.entropy)] };

const contextWith = (settings: Record<string, unknown> = {}): JudgingContext =>
  judgingContext(datasetConfigSchema.parse(settings), kind, MEMORY_MODEL);

const withRules = (rules: Record<string, unknown>): JudgingContext => contextWith({ rules });

/** Scores as `score` says, whatever else holds. */
const scoreIs = (score: number) => ({
  weights: {
    resolution: { weight: 0 },
    sharpness: { weight: 0 },
    entropy: { weight: 0 },
    fixed: { value: `${score.toFixed(6)}` },
  },
});

function item(change: Partial<JudgedItem> & { readonly signals?: Record<string, Signal> } = {}): JudgedItem {
  const { signals = {}, ...rest } = change;
  const known = { width: 640, height: 480, effectiveWidth: 640, effectiveHeight: 480 };
  return {
    source: 'any',
    time: null,
    metadata: {},
    facts: {
      content: '',
      mediaType: 'image/jpeg',
      byteLength: 1000,
      hashes: {},
      lowInformation: false,
      signals: { ...known, sharpness: 500, entropy: 7, animated: false, ...signals },
    },
    ...rest,
  };
}

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

describe('the score', () => {
  it('is the weighted mean of the contributions, with each share on record', () => {
    const rules = {
      weights: {
        resolution: { weight: 1, value: '1.0' },
        sharpness: { weight: 1, value: '0.5' },
        entropy: { weight: 0 },
        named: { weight: 2, value: 'metadata.stars / 5' },
      },
    };
    const verdict = judge(item({ metadata: { stars: 4 } }), withRules(rules));
    expect(verdict.contributions).toEqual({ entropy: 0, named: 0.4, resolution: 0.25, sharpness: 0.125 });
    expect(verdict.score).toBe(0.775);
  });

  it('by default weighs resolution 0.3, sharpness 0.4 and entropy 0.3, each in full from a documented value', () => {
    const side = fc.integer({ min: 1, max: 5000 });
    const signals = fc.record({
      effectiveWidth: side,
      effectiveHeight: side,
      sharpness: fc.double({ min: 0, max: 5000, noNaN: true }),
      entropy: fc.double({ min: 0, max: 8, noNaN: true }),
    });
    const context = contextWith();
    fc.assert(
      fc.property(signals, (measured) => {
        const { effectiveWidth, effectiveHeight, sharpness, entropy } = measured;
        const expected =
          0.3 * Math.min(1, entropy / 6) +
          0.3 * Math.min(1, Math.sqrt(effectiveWidth * effectiveHeight) / 512) +
          0.4 * Math.min(1, Math.log1p(sharpness) / Math.log1p(500));
        // Scores have six decimals.
        expect(judge(item({ signals: measured }), context).score).toBeCloseTo(expected, 5);
      }),
    );
  });

  it('lies within 0 and 1 and is the sum of its contributions, whatever weights and values are', () => {
    const weight = fc.record({
      weight: fc.double({ min: 0, max: 1000, noNaN: true }),
      value: fc.oneof(
        fc.double({ min: -3, max: 3, noNaN: true }).map((value) => value.toFixed(9)),
        fc.constantFrom('1.0 / 0.0', 'metadata.absent', 'signals.entropy', 'sqrt(-1.0)', 'byteLength'),
      ),
    });
    const weights = fc
      .dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/), weight, { minKeys: 1, maxKeys: 6 })
      .filter((named) => Object.values(named).some((entry) => entry.weight > 0));
    fc.assert(
      fc.property(weights, (named) => {
        const { score, contributions } = judge(item(), withRules({ weights: named }));
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        const shares = Object.values(contributions);
        const sum = shares.reduce((total, share) => total + share, 0);
        expect(Math.abs(sum - (score ?? 0))).toBeLessThanOrEqual(1e-6 * shares.length);
        for (const share of shares) expect(share).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it.each([
    [0.5, 'eligible', []],
    [0.49, 'review', ['score.borderline']],
    [0.2, 'review', ['score.borderline']],
    [0.19, 'rejected', ['score.below_reject']],
  ] as const)('of %d gives %s', (score, expected, reasons) => {
    const verdict = judge(item(), withRules({ ...scoreIs(score), keepAt: 0.5, rejectBelow: 0.2 }));
    expect(verdict).toMatchObject({ verdict: expected, score, reasons });
  });

  it('counts a contribution that cannot be evaluated as 0, and says so', () => {
    const rules = {
      weights: { stars: { weight: 1, value: 'metadata.stars / 5' } },
      keepAt: 0.1,
      rejectBelow: 0,
    };
    const { contributions, reasons } = judge(item(), withRules(rules));
    expect(contributions).toMatchObject({ stars: 0 });
    expect(reasons).toEqual(['rule.stars.error']);
  });
});

describe('a rule', () => {
  const small = { name: 'small', when: 'signals.width < 1000' };

  it('that rejects does so whatever the score, with its name as the reason', () => {
    const verdict = judge(item(), withRules({ ...scoreIs(1), reject: [{ ...small, reason: 'too small' }] }));
    expect(verdict).toMatchObject({ verdict: 'rejected', score: 1, reasons: ['rule.small'] });
  });

  it('that flags keeps the item, which then loses to an unflagged duplicate', () => {
    const verdict = judge(item(), withRules({ ...scoreIs(1), flag: [small] }));
    expect(verdict).toMatchObject({ verdict: 'eligible', reasons: ['rule.small'] });
    expect(verdict.rank.slice(0, 2)).toEqual([0, 0]);
    expect(judge(item(), withRules(scoreIs(1))).rank.slice(0, 2)).toEqual([0, 1]);
  });

  it.each([
    ['reject', 'rejected', 1],
    ['review', 'review', 1],
    ['flag', 'eligible', 0],
  ] as const)('of compliance with action %s gives %s', (action, expected, unflagged) => {
    const verdict = judge(item(), withRules({ ...scoreIs(1), compliance: [{ ...small, action }] }));
    expect(verdict).toMatchObject({ verdict: expected, reasons: ['rule.small'] });
    expect(verdict.rank[1]).toBe(unflagged);
  });

  it('that cannot be evaluated does nothing and is on record, but of compliance sends to review', () => {
    const when = 'metadata.licence == "cc0"';
    const undecided = (rules: Record<string, unknown>) =>
      judge(item(), withRules({ ...scoreIs(1), ...rules }));
    const reasons = ['rule.licence.error'];
    expect(undecided({ reject: [{ name: 'licence', when }] })).toMatchObject({
      verdict: 'eligible',
      reasons,
    });
    expect(undecided({ flag: [{ name: 'licence', when }] })).toMatchObject({ verdict: 'eligible', reasons });
    expect(undecided({ refuse: [{ name: 'licence', when }] })).toMatchObject({
      verdict: 'eligible',
      reasons,
    });
    for (const action of ['reject', 'flag', 'review']) {
      const compliance = [{ name: 'licence', when, action }];
      expect(undecided({ compliance })).toMatchObject({ verdict: 'review', reasons });
    }
  });

  it('speaks beside the others: all reasons are on record, sorted, and the severest decides', () => {
    const rules = {
      ...scoreIs(0.4),
      reject: [{ name: 'z-small', when: 'true' }],
      flag: [{ name: 'a-flag', when: 'true' }],
      compliance: [{ name: 'm-look', when: 'true', action: 'review' }],
    };
    expect(judge(item(), withRules(rules))).toMatchObject({
      verdict: 'rejected',
      reasons: ['rule.a-flag', 'rule.m-look', 'rule.z-small', 'score.borderline'],
    });
  });

  it('sees signals, metadata, source, declared time, media type and length', () => {
    const when = [
      'signals.width == 640',
      'metadata.shop.country == "DE"',
      'source.glob("crawl-*")',
      'time < timestamp("2021-01-01T00:00:00Z")',
      'mediaType == "image/jpeg"',
      'byteLength == 1000',
    ].join(' && ');
    const seen = item({
      source: 'crawl-7',
      time: '2020-05-06T07:08:09.000Z',
      metadata: { shop: { country: 'DE' } },
    });
    expect(judge(seen, withRules({ ...scoreIs(1), flag: [{ name: 'all', when }] })).reasons).toEqual([
      'rule.all',
    ]);
  });

  it('that refuses rejects by what is said of an item, before its content is known and after', () => {
    const context = withRules({
      refuse: [{ name: 'old', when: 'time != null && time < timestamp("2000-01-01T00:00:00Z")' }],
    });
    const old = item({ time: '1999-12-31T00:00:00.000Z' });
    const refused = { verdict: 'rejected', score: null, reasons: ['rule.old'], rank: [] };
    expect(judgeRefusal(old, context)).toMatchObject(refused);
    expect(judge(old, context)).toMatchObject(refused);
    expect(judgeRefusal(item(), context)).toBeUndefined();
  });
});

describe('a judgement', () => {
  it('of a refused source is a rejection that names the pattern, whatever the signals', () => {
    const context = contextWith({ governance: { refuseSources: ['bad-*'] } });
    expect(judge(item({ source: 'bad-feed' }), context)).toMatchObject({
      verdict: 'rejected',
      reasons: ['governance.refuse:bad-*'],
      score: null,
    });
  });

  it('ranks an earlier declared time above a later one, and both above none', () => {
    const rank = (time: string | null) => judge(item({ time }), contextWith()).rank.at(-1) ?? 0;
    expect(rank('2020-01-01T00:00:00.000Z')).toBeGreaterThan(rank('2021-01-01T00:00:00.000Z'));
    expect(rank('2021-01-01T00:00:00.000Z')).toBeGreaterThan(rank(null));
  });

  it('is the same for an item that came through queues and one whose payload was stored', () => {
    const context = withRules({
      weights: { stars: { weight: 1, value: 'double(size(metadata)) / 4.0' } },
      reject: [{ name: 'deep', when: 'has(metadata.a) && "x" in metadata.a' }],
      flag: [{ name: 'any', when: 'metadata.exists(k, metadata[k] == 1)' }],
      compliance: [{ name: 'list', when: 'metadata.list.exists(x, x > 2)', action: 'flag' }],
    });
    const metadata = fc.dictionary(
      fc.constantFrom('a', 'list', 'constructor', 'toString', 'n'),
      fc.jsonValue({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(metadata, (given) => {
        const travelled = { metadata: decode(encode(given)) as Record<string, unknown> };
        const twice = { metadata: decode(encode(travelled.metadata)) as Record<string, unknown> };
        const direct = judge(item({ metadata: given }), context);
        expect(judge(item(travelled), context)).toEqual(direct);
        expect(judge(item(twice), context)).toEqual(direct);
        expect(judge(item({ metadata: given }), context)).toEqual(direct);
      }),
    );
  });

  it('withholds metadata with more than 1,000 members in one place from the rules that read it', () => {
    const context = withRules({
      ...scoreIs(1),
      flag: [
        { name: 'reads', when: 'has(metadata.tag)' },
        { name: 'width', when: 'signals.width > 1' },
      ],
    });
    const wide = { tag: 'x', list: Array.from({ length: 1001 }, () => 0) };
    expect(judge(item({ metadata: wide }), context).reasons).toEqual(['rule.reads.error', 'rule.width']);
    const narrow = { tag: 'x', list: wide.list.slice(1) };
    expect(judge(item({ metadata: narrow }), context).reasons).toEqual(['rule.reads', 'rule.width']);
  });
});

describe('a changed rule', () => {
  it('changes the rows of exactly the items that it speaks of, and each names it', () => {
    const widths = [100, 300, 500, 700];
    const rowsUnder = (context: JudgingContext) =>
      deriveRows(
        widths.map((width, at) => {
          const { facts, ...origin } = item({ signals: { width } });
          const content = sha(`content ${at}`);
          const entry = { ...judged(at + 1, `p${width}`, `c${at}`), facts: { ...facts, content } };
          return { entry, judgement: judge({ ...origin, facts: entry.facts }, context) };
        }),
        [],
        context,
      );
    const before = rowsUnder(withRules(scoreIs(1)));
    const small = { name: 'small', when: 'signals.width < 400' };
    const after = rowsUnder(withRules({ ...scoreIs(1), reject: [small] }));
    const changed = after.filter((row, at) => JSON.stringify(row) !== JSON.stringify(before[at]));
    expect(changed.map(({ id }) => id).sort()).toEqual(['p100', 'p300']);
    for (const row of changed) expect(row).toMatchObject({ outcome: 'rejected', reasons: ['rule.small'] });
  });
});

describe('the deciding configuration', () => {
  it('does not change with the number of shards, and changes with a threshold, a rule or the model', () => {
    const { configDigest } = contextWith();
    expect(contextWith({ shards: 16 }).configDigest).toBe(configDigest);
    expect(withRules({ keepAt: 0.51 }).configDigest).not.toBe(configDigest);
    expect(withRules({ reject: [{ name: 'x', when: 'false' }] }).configDigest).not.toBe(configDigest);
    expect(contextWith({ governance: { refuseSources: ['x'] } }).configDigest).not.toBe(configDigest);
    const other = judgingContext(datasetConfigSchema.parse({}), kind, {
      ...MEMORY_MODEL,
      digest: 'e'.repeat(64),
    });
    expect(other.configDigest).not.toBe(configDigest);
  });

  it('does not change with what a rule says for people', () => {
    const rule = { name: 'x', when: 'false' };
    expect(withRules({ reject: [{ ...rule, reason: 'one' }] }).configDigest).toBe(
      withRules({ reject: [{ ...rule, reason: 'another' }] }).configDigest,
    );
  });
});
