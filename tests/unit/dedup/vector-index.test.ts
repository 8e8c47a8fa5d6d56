import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VectorIndex, type VectorMatch } from '../../../actors/dedup/vector-index.ts';

/** Deterministic numbers from -1 to 1 (xorshift). */
function numberSource(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
}

function unit(numbers: readonly number[]): Float32Array {
  const length = Math.hypot(...numbers);
  return Float32Array.from(numbers, (number) => number / length);
}

/** `count` vectors of which every second lies near an earlier one, some of them equal to it. */
function vectors(count: number, dimension: number, seed: number): readonly Float32Array[] {
  const next = numberSource(seed);
  const made: Float32Array[] = [];
  for (let at = 0; at < count; at += 1) {
    const noise = Array.from({ length: dimension }, next);
    const near = made[Math.floor(((next() + 1) / 2) * made.length)];
    const scale = at % 10 === 1 ? 0 : 0.5 * Math.abs(next()) * Math.sqrt(3 / dimension);
    made.push(unit(at % 2 === 1 && near ? [...near].map((x, i) => x + scale * (noise[i] ?? 0)) : noise));
  }
  return made;
}

/** All similarities of a query without any index, in double precision. */
function similarities(stored: readonly Float32Array[], query: Float32Array): readonly VectorMatch[] {
  return stored.map((vector, value) => {
    let sum = 0;
    for (let at = 0; at < query.length; at += 1) sum += (vector[at] as number) * (query[at] as number);
    return { value, similarity: Math.round(sum * 1e6) / 1e6 };
  });
}

const byValue = (matches: readonly VectorMatch[] | undefined) =>
  [...(matches ?? [])].sort((a, b) => a.value - b.value);

describe('VectorIndex', () => {
  it.each([1, 3, 4, 30, 224])(
    'finds exactly what a scan in double precision finds, between inserts, with %i dimensions',
    (dimension) => {
      const stored = vectors(700, dimension, 7 + dimension);
      const index = new VectorIndex(dimension);
      let found = 0;
      for (const [at, vector] of stored.entries()) {
        index.insert(vector, at);
        if (at % 73 !== 0 && at < 697) continue;
        const queries = stored.slice(Math.max(0, at - 5), at + 1);
        const expected = queries.map((query) => similarities(stored.slice(0, at + 1), query));
        for (const threshold of [0.5, 0.9, 0.999999]) {
          const answers = index.query(queries, threshold).map(byValue);
          const within = expected.map((all) => all.filter(({ similarity }) => similarity >= threshold));
          expect(answers).toEqual(within);
          found += within.flat().length;
        }
      }
      expect(found).toBeGreaterThan(200);
    },
  );

  it('decides by the sum in double precision where single precision would err, at the very threshold', () => {
    const stored = vectors(700, 64, 99);
    const index = new VectorIndex(64);
    for (const [at, vector] of stored.entries()) index.insert(vector, at);
    fc.assert(
      fc.property(fc.nat({ max: 699 }), fc.nat({ max: 699 }), (one, other) => {
        const query = stored[one] as Float32Array;
        const { similarity } = similarities([stored[other] as Float32Array], query)[0] as VectorMatch;
        const at = index.query([query], similarity)[0]?.map(({ value }) => value);
        const above = index.query([query], similarity + 1e-6)[0]?.map(({ value }) => value);
        expect(at).toContain(other);
        expect(above).not.toContain(other);
      }),
      { numRuns: 200 },
    );
  });

  it('answers any number of queries as it answers each alone', () => {
    const stored = vectors(900, 20, 3);
    const index = new VectorIndex(20);
    for (const [at, vector] of stored.entries()) index.insert(vector, at);
    for (const count of [0, 1, 3, 4, 5, 33]) {
      const queries = stored.slice(500, 500 + count);
      const alone = queries.map((query) => byValue(index.query([query], 0.9)[0]));
      expect(index.query(queries, 0.9).map(byValue)).toEqual(alone);
    }
  });

  it('answers the same after it was restored from a snapshot, small and large', () => {
    for (const count of [100, 900]) {
      const stored = vectors(count, 20, 11);
      const index = new VectorIndex(20);
      for (const [at, vector] of stored.entries()) index.insert(vector, 2 * at);
      const restored = VectorIndex.restore(index.snapshot());
      const queries = stored.slice(50, 60);
      expect(restored.query(queries, 0.9).map(byValue)).toEqual(index.query(queries, 0.9).map(byValue));
      expect(restored.size).toBe(count);
    }
  });

  it('counts its vectors and the bytes they take', () => {
    const index = new VectorIndex(16);
    for (const [at, vector] of vectors(3_000, 16, 5).entries()) index.insert(vector, at);
    expect(index.size).toBe(3_000);
    expect(index.bytes).toBeGreaterThan(3_000 * 16 * 4);
  });

  it('refuses other dimensions, and vectors that are not of length 1', () => {
    expect(() => new VectorIndex(0)).toThrow('a dimension from 1 to 65536, got 0');
    const index = new VectorIndex(2);
    expect(() => index.insert(unit([1, 2, 3]), 0)).toThrow('a vector of 2 numbers, got 3');
    expect(() => index.insert(Float32Array.of(1, 1), 0)).toThrow('a vector of length 1, got one of 1.414');
    expect(() => index.query([Float32Array.of(Number.NaN, 1)], 0.9)).toThrow('a vector of length 1');
  });
});
