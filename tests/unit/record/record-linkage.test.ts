import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockingRule, blockingKeys } from '../../../actors/record/blocking.ts';
import { agreement, type Comparator, LEVELS } from '../../../actors/record/comparators.ts';
import {
  type Agreement,
  type ComparedField,
  checkedModel,
  compareRecords,
  type LinkageModel,
  matchProbability,
} from '../../../actors/record/fellegi-sunter.ts';
import { learnWeights } from '../../../actors/record/learn-weights.ts';

const rules: readonly BlockingRule[] = [
  { name: 'email', parts: [{ field: 'email', by: 'email' }] },
  { name: 'born', parts: [{ field: 'born', by: 'date' }] },
  {
    name: 'name and place',
    parts: [
      { field: 'name', by: 'soundex' },
      { field: 'postcode', by: 'code' },
    ],
  },
  {
    name: 'beginning and year',
    parts: [
      { field: 'name', by: 'prefix', length: 2 },
      { field: 'born', by: 'year' },
    ],
  },
];
const keys = (fields: Readonly<Record<string, string>>) => blockingKeys(fields, rules, 'secret');

describe('blockingKeys', () => {
  it('of two ways to write the same are equal', () => {
    const one = { name: 'Rupert', email: 'A.B+news@Example.org', born: '1980-02-29', postcode: 'SW1A 1AA' };
    const other = { name: ' robert ', email: 'a.b@example.ORG', born: '19800229', postcode: 'sw1a-1aa' };
    expect(keys(one).slice(0, 3)).toEqual(keys(other).slice(0, 3));
    expect(keys(one)).toHaveLength(4);
    expect(keys(one)[3]).not.toBe(keys(other)[3]);
  });

  it('leave a rule out where one of its parts is empty or no such value', () => {
    expect(keys({ name: 'Rupert', email: 'nobody', born: 'in May', postcode: '' })).toEqual([]);
    expect(keys({})).toEqual([]);
  });

  it('do not meet across rules or secrets, nor by gluing parts together', () => {
    const fields = { name: 'Rupert', postcode: '1234' };
    expect(blockingKeys(fields, rules, 'other')).not.toEqual(keys(fields));
    const glued = (a: string, b: string) =>
      blockingKeys(
        { a, b },
        [
          {
            name: 'r',
            parts: [
              { field: 'a', by: 'value' },
              { field: 'b', by: 'value' },
            ],
          },
        ],
        's',
      );
    expect(glued('x', 'y z')).not.toEqual(glued('x y', 'z'));
  });

  it('refuse a rule without parts and a prefix without length', () => {
    expect(() => blockingKeys({}, [{ name: 'r', parts: [] }], 's')).toThrow('rule r to have parts');
    const prefix: BlockingRule = { name: 'r', parts: [{ field: 'a', by: 'prefix', length: 0 }] };
    expect(() => blockingKeys({ a: 'x' }, [prefix], 's')).toThrow('prefix of at least 1');
  });
});

describe('agreement', () => {
  it.each<[Comparator, string, string, number | null]>([
    ['exact', 'NSW', ' nsw', 1],
    ['exact', 'nsw', 'vic', 0],
    ['exact', 'nsw', '', null],
    ['code', '12-34', '1234', 2],
    ['code', '1234', '1243', 1],
    ['code', '1234', '124', 1],
    ['code', '1234', '1299', 0],
    ['name', 'Müller', 'müller', 3],
    ['name', 'Martha', 'Marhta', 2],
    ['name', 'Dwayne', 'Duane', 1],
    ['name', 'Smith', 'Garcia', 0],
    ['date', '1980-02-29', '19800229', 2],
    ['date', '1980-03-04', '1980-04-03', 1],
    ['date', '1980-03-04', '1980-03-05', 1],
    ['date', '1980-03-04', '1981-05-17', 0],
    ['date', '1980', '1980', null],
  ])('%s of %s and %s is %s', (comparator, one, other, level) => {
    expect(agreement(comparator, one, other)).toBe(level);
    expect(agreement(comparator, other, one)).toBe(level);
  });

  it('is symmetric, and its highest level for equal values', () => {
    const value = fc.string({ unit: fc.constantFrom('1', '2', '0', 'a'), minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(value, value, fc.constantFrom(...(Object.keys(LEVELS) as Comparator[])), (a, b, how) => {
        expect(agreement(how, a, b)).toBe(agreement(how, b, a));
        expect([null, LEVELS[how] - 1]).toContain(agreement(how, a, a));
      }),
    );
  });
});

const fields: readonly ComparedField[] = [
  { field: 'name', comparator: 'name' },
  { field: 'born', comparator: 'date' },
  { field: 'state', comparator: 'exact' },
  { field: 'number', comparator: 'code' },
];
const truth: LinkageModel = {
  prior: 0.2,
  fields: [
    { field: 'name', comparator: 'name', m: [0.05, 0.05, 0.2, 0.7], u: [0.9, 0.06, 0.02, 0.02] },
    { field: 'born', comparator: 'date', m: [0.05, 0.15, 0.8], u: [0.95, 0.03, 0.02] },
    { field: 'state', comparator: 'exact', m: [0.1, 0.9], u: [0.7, 0.3] },
    { field: 'number', comparator: 'code', m: [0.1, 0.1, 0.8], u: [0.9, 0.05, 0.05] },
  ],
};

describe('matchProbability', () => {
  it('is the prior where nothing is known, and Bayes where something is', () => {
    expect(matchProbability([null, null, null, null], truth)).toBeCloseTo(0.2, 12);
    const [m, u] = [0.7 * 0.8, 0.02 * 0.02];
    const expected = (0.2 * m) / (0.2 * m + 0.8 * u);
    expect(matchProbability([3, 2, null, null], truth)).toBeCloseTo(expected, 12);
  });

  it('compares the fields that a model names', () => {
    const levels = compareRecords({ name: 'Martha', state: 'nsw' }, { name: 'Marhta', state: 'vic' }, fields);
    expect(levels).toEqual([2, null, 0, null]);
  });

  it('refuses a model with a likelihood of 0, a level too few, or a prior of 1', () => {
    expect(checkedModel(truth)).toBe(truth);
    const [name, ...rest] = truth.fields as [LinkageModel['fields'][0], ...LinkageModel['fields']];
    expect(() => checkedModel({ ...truth, prior: 1 })).toThrow('a prior above 0 and below 1');
    for (const m of [
      [0, 0.1, 0.2, 0.7],
      [0.3, 0.7],
    ]) {
      expect(() => checkedModel({ ...truth, fields: [{ ...name, m }, ...rest] })).toThrow(
        'm of name to be 4',
      );
    }
  });
});

describe('learnWeights', () => {
  it('finds the weights that pairs were drawn with, without being told which of them match', () => {
    const model = learnWeights(drawn(20_000), fields);
    expect(Math.abs(model.prior - truth.prior)).toBeLessThan(0.02);
    for (const [at, { m, u }] of model.fields.entries()) {
      for (const [level, value] of m.entries()) {
        expect(Math.abs(value - (truth.fields[at]?.m[level] as number))).toBeLessThan(0.04);
      }
      for (const [level, value] of u.entries()) {
        expect(Math.abs(value - (truth.fields[at]?.u[level] as number))).toBeLessThan(0.02);
      }
    }
    expect(checkedModel(model)).toBe(model);
  });

  it('does not depend on the order of the pairs, and refuses none', () => {
    const pairs = drawn(300);
    expect(learnWeights([...pairs].reverse(), fields)).toEqual(learnWeights(pairs, fields));
    expect(() => learnWeights([], fields)).toThrow('expected pairs to learn from');
  });
});

/** Pairs drawn from the true model; one field in ten says nothing. */
function drawn(count: number): readonly Agreement[] {
  let state = 0x2545f491;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const level = (likelihoods: readonly number[]) => {
    let left = next();
    return Math.max(
      0,
      likelihoods.findIndex((likelihood) => {
        left -= likelihood;
        return left < 0;
      }),
    );
  };
  return Array.from({ length: count }, () => {
    const matches = next() < truth.prior;
    return truth.fields.map(({ m, u }) => (next() < 0.1 ? null : level(matches ? m : u)));
  });
}
