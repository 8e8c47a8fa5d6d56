import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bandKeys, bandProbability, DEFAULT_BANDS, minHashes } from '../../../actors/text/min-hash.ts';
import { jaccard, shinglesOf, wordsOf } from '../../../actors/text/shingles.ts';

const numbers = (from: number, to: number) =>
  new Set(Array.from({ length: to - from }, (_, at) => `shingle ${from + at}`));

describe('shinglesOf', () => {
  it('makes runs of five words, whatever their case, width, composition and punctuation', () => {
    const text = 'The Café — “ＦＵＬＬ” width, says (ﬁne) x²!';
    expect(wordsOf(text)).toEqual(['the', 'café', 'full', 'width', 'says', 'fine', 'x2']);
    expect([...shinglesOf(text)]).toEqual([
      'the café full width says',
      'café full width says fine',
      'full width says fine x2',
    ]);
    expect(shinglesOf('the cafe\u0301 full width says FINE x2')).toEqual(shinglesOf(text));
  });

  it('takes a text shorter than one shingle as it is, and has none where there are no words', () => {
    expect([...shinglesOf('just three words')]).toEqual(['just three words']);
    expect(shinglesOf(' … ').size).toBe(0);
  });

  it('makes runs of characters where asked', () => {
    expect([...shinglesOf('Ab, cd!', { unit: 'characters', size: 4 })]).toEqual(['ab c', 'b cd']);
    expect(() => shinglesOf('a', { unit: 'characters', size: 0 })).toThrow('at least 1');
  });
});

describe('jaccard', () => {
  it('is the share of all shingles that both have', () => {
    expect(jaccard(numbers(0, 10), numbers(5, 20))).toBe(0.25);
    expect(jaccard(numbers(0, 10), numbers(0, 10))).toBe(1);
    expect(jaccard(numbers(0, 10), numbers(10, 20))).toBe(0);
    expect(jaccard(new Set(), new Set())).toBe(0);
  });
});

describe('minHashes', () => {
  it('agree in the share of rows that is the Jaccard similarity', () => {
    const spec = { bands: 100, rows: 20 };
    for (const [to, similarity] of [
      [1000, 1],
      [1500, 1 / 3],
      [1100, 9 / 11],
      [3000, 0],
    ] as const) {
      const [one, other] = [minHashes(numbers(0, 1000), spec), minHashes(numbers(to - 1000, to), spec)];
      const agree = one.filter((value, at) => value === other[at]).length / one.length;
      expect(Math.abs(agree - similarity)).toBeLessThan(0.05);
    }
  });

  it('do not depend on the order of the shingles', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 20 }), (list) => {
        expect(minHashes(new Set([...list].reverse()))).toEqual(minHashes(new Set(list)));
      }),
    );
  });
});

describe('bandKeys', () => {
  it('are one key a band, shared by equal sets, and by similar ones as often as the theory says', () => {
    expect(bandKeys(numbers(0, 50), 'secret')).toHaveLength(14);
    expect(bandKeys(numbers(0, 50), 'secret')).toEqual(bandKeys(numbers(0, 50), 'secret'));
    let found = 0;
    for (let pair = 0; pair < 200; pair += 1) {
      const from = pair * 1000;
      const keys = new Set(bandKeys(numbers(from, from + 90), 'secret'));
      if (bandKeys(numbers(from + 15, from + 105), 'secret').some((key) => keys.has(key))) found += 1;
    }
    expect(Math.abs(found / 200 - bandProbability(75 / 105, DEFAULT_BANDS))).toBeLessThan(0.12);
  });

  it('tell nothing without the secret, and keep equal minima of two bands apart', () => {
    const one = bandKeys(numbers(0, 50), 'secret');
    expect(bandKeys(numbers(0, 50), 'other').filter((key) => one.includes(key))).toEqual([]);
    expect(new Set(bandKeys(new Set(['same']), 'secret', { bands: 5, rows: 1 })).size).toBe(5);
    expect(one.every((key) => /^[0-9a-f]{16}$/.test(key))).toBe(true);
  });

  it('are none for an empty text, and refuse no bands', () => {
    expect(bandKeys(new Set(), 'secret')).toEqual([]);
    expect(() => minHashes(new Set(['a']), { bands: 0, rows: 8 })).toThrow('at least 1 band');
  });
});
