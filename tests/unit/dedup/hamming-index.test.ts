import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HammingIndex, type HammingMatch, MAX_HAMMING_RADIUS } from '../../../actors/dedup/hamming-index.ts';

const hashes = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Deterministic 32-bit words for bulk filling (xorshift). */
function wordSource(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function flip(hash: bigint, bits: readonly number[]): bigint {
  return bits.reduce((flipped, bit) => flipped ^ (1n << BigInt(bit)), hash);
}

function distanceOf(a: bigint, b: bigint): number {
  return (a ^ b).toString(2).replaceAll('0', '').length;
}

function bruteForce(stored: readonly bigint[], hash: bigint, radius: number): HammingMatch[] {
  return stored
    .map((candidate, value) => ({ value, distance: distanceOf(candidate, hash) }))
    .filter(({ distance }) => distance <= radius);
}

function byValue(matches: readonly HammingMatch[]): HammingMatch[] {
  return [...matches].sort((a, b) => a.value - b.value);
}

function filled(stored: readonly bigint[]): HammingIndex {
  const index = new HammingIndex();
  stored.forEach((hash, value) => {
    index.insert(hash, value);
  });
  return index;
}

/** 6,000 entries: past the size from which buckets are probed, in clusters so that every radius finds some. */
function clusteredHashes(): bigint[] {
  const next = wordSource(0x5eed);
  const centers = Array.from({ length: 60 }, () => (BigInt(next()) << 32n) | BigInt(next()));
  return Array.from({ length: 6_000 }, (_, at) => {
    const center = centers[at % centers.length] as bigint;
    const bits = Array.from({ length: next() % 20 }, () => next() % 64);
    return flip(center, bits);
  });
}

describe('HammingIndex', () => {
  const clustered = clusteredHashes();
  const large = filled(clustered);

  it('finds in a large index exactly what brute force finds, for every radius', () => {
    let found = 0;
    for (let radius = 0; radius <= MAX_HAMMING_RADIUS; radius += 1) {
      for (let probe = 0; probe < 3; probe += 1) {
        const hash = flip(clustered[probe * 997] as bigint, [probe, 20 + probe, 40 + probe]);
        const matches = large.query(hash, radius);
        found += matches.length;
        expect(byValue(matches)).toEqual(bruteForce(clustered, hash, radius));
      }
    }
    expect(found).toBeGreaterThan(300);
  });

  it('finds what brute force finds between inserts, for every radius, among random hashes and copies of them', () => {
    const next = wordSource(0xc0ffee);
    const index = new HammingIndex();
    const stored: bigint[] = [];
    let found = 0;
    for (let at = 0; at < 5_000; at += 1) {
      const random = (BigInt(next()) << 32n) | BigInt(next());
      stored.push(at % 5 === 4 ? (stored[next() % stored.length] as bigint) : random);
      index.insert(stored[at] as bigint, at);
      if (at % 137 !== 0 && (at < 4_090 || at > 4_100)) continue;
      const bits = Array.from({ length: next() % 10 }, () => next() % 64);
      const hash = flip(stored[next() % stored.length] as bigint, bits);
      const matches = index.query(hash, at % (MAX_HAMMING_RADIUS + 1));
      expect(byValue(matches)).toEqual(bruteForce(stored, hash, at % (MAX_HAMMING_RADIUS + 1)));
      found += matches.length;
    }
    expect(found).toBeGreaterThan(20);
  });

  it('finds any entry that differs by at most the radius, wherever the bits are', () => {
    const bitSets = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: MAX_HAMMING_RADIUS });
    fc.assert(
      fc.property(fc.nat({ max: clustered.length - 1 }), bitSets, (value, bits) => {
        const hash = flip(clustered[value] as bigint, bits);
        expect(large.query(hash, bits.length)).toContainEqual({ value, distance: bits.length });
        if (bits.length > 0) {
          const closer = large.query(hash, bits.length - 1).map((match) => match.value);
          expect(closer).not.toContain(value);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('finds in a small index exactly what brute force finds', () => {
    fc.assert(
      fc.property(
        fc.array(hashes, { maxLength: 40 }),
        hashes,
        fc.nat({ max: 16 }),
        (stored, hash, radius) => {
          const near = stored.map((candidate, at) =>
            at % 2 === 0 ? flip(hash, [at % 64, (at * 7) % 64]) : candidate,
          );
          expect(byValue(filled(near).query(hash, radius))).toEqual(bruteForce(near, hash, radius));
        },
      ),
    );
  });

  it('keeps every entry of one hash inserted many times', () => {
    const hash = 0xdeadbeef01234567n;
    const index = new HammingIndex();
    for (let value = 0; value < 10_000; value += 1) index.insert(hash, value);
    const matches = byValue(index.query(flip(hash, [0, 17, 33, 63]), 4));
    expect(matches.map((match) => match.value)).toEqual(Array.from({ length: 10_000 }, (_, value) => value));
    expect(matches.every((match) => match.distance === 4)).toBe(true);
    expect(index.query(flip(hash, [0, 17, 33, 63]), 3)).toEqual([]);
  });

  it('answers the same right before and right after the tables are made', () => {
    for (const size of [4_095, 4_096, 4_097]) {
      const stored = clustered.slice(0, size);
      const hash = clustered[size - 1] as bigint;
      const matches = byValue(filled(stored).query(hash, 8));
      expect(matches).toEqual(bruteForce(stored, hash, 8));
      expect(matches).toContainEqual({ value: size - 1, distance: 0 });
    }
  });

  it('counts its entries and the bytes they take', () => {
    expect(large.size).toBe(6_000);
    expect(large.bytes).toBeGreaterThan(6_000 * 16);
    expect(new HammingIndex().bytes).toBeLessThan(4_096);
  });

  it('holds in a snapshot the hashes as they were inserted, below and above the size of its tables', () => {
    for (const size of [10, 6_000]) {
      const stored = clustered.slice(0, size);
      const { words, values } = filled(stored).snapshot();
      expect([...new BigUint64Array(words.buffer)]).toEqual(stored);
      expect([...values]).toEqual(stored.map((_, value) => value));
    }
  });

  it('finds after a restart what it found before, and takes inserts as before', () => {
    for (const size of [10, 4_095, 6_000]) {
      const stored = clustered.slice(0, size);
      const restored = HammingIndex.restore(filled(stored).snapshot());
      for (let at = 0; at < 200; at += 1) {
        const hash = flip(clustered[at] as bigint, [at % 64]);
        restored.insert(hash, size + at);
        stored.push(hash);
      }
      for (const radius of [0, 4, 10, MAX_HAMMING_RADIUS]) {
        const hash = clustered[radius] as bigint;
        expect(byValue(restored.query(hash, radius))).toEqual(bruteForce(stored, hash, radius));
      }
    }
  });

  it('refuses a radius outside 0 to 16', () => {
    for (const radius of [-1, 17, 1.5, Number.NaN]) {
      expect(() => large.query(0n, radius)).toThrow(RangeError);
    }
  });
});
