// Contents that tests of the engine generate, and what one pass over all pairs makes of them.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Measurement } from '../../../actors/dedup/index.ts';
import type { ContentKeys, IndexSpec } from '../../../actors/dedup/index-spec.ts';

export const sha256 = (name: string): string => createHash('sha256').update(name).digest('hex');
export const keyOf = (name: string): string => sha256(`key ${name}`).slice(0, 16);

/** Small radii and limits, so that a dozen contents meet every case. */
export const SPEC = {
  hashes: {
    phash: { radius: 4, variants: { radius: 2, inverse: { turned: 'returned', returned: 'turned' } } },
    dhash: { radius: 2 },
  },
  vectors: { dimension: 3, threshold: 0.9 },
  keys: { limit: 3 },
} as const satisfies IndexSpec;

const hex = (bits: bigint): string => bits.toString(16).padStart(16, '0');

/** Hashes of a few set bits: many pairs lie within a few bits of each other. */
const hash = fc
  .uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: 4 })
  .map((bits) => hex(bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)));

const vector = fc
  .tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }), fc.integer({ min: 1, max: 2 }))
  .map((numbers) => Float32Array.from(numbers, (number) => number / Math.hypot(...numbers)));

/** Up to 14 contents; each may lack any of what a content is found by. */
export const contentSets: fc.Arbitrary<readonly ContentKeys[]> = fc
  .array(
    fc.record(
      {
        hashes: fc.record(
          { phash: hash, dhash: hash, turned: hash, returned: hash },
          { requiredKeys: ['phash'] },
        ),
        vector,
        keys: fc.uniqueArray(
          fc.integer({ min: 0, max: 4 }).map((name) => keyOf(String(name))),
          { maxLength: 3 },
        ),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 14 },
  )
  .map((list) => list.map((keys, at) => ({ content: sha256(String(at)), ...keys })));

/** A pure and symmetric measure: some pairs are near, some far, some not worth recording. */
export function measure(a: string, b: string): Measurement | undefined {
  const [first, second] = a < b ? [a, b] : [b, a];
  const distance = Number.parseInt(sha256(first + second).slice(0, 4), 16) / 0xffff;
  return distance > 0.7 ? undefined : { distance, algorithm: 'test@1', similarity: null };
}

/** The pairs that count by their definition, `a` + `b` each, sorted. */
export function pairsByBruteForce(contents: readonly ContentKeys[]): readonly string[] {
  const holders = new Map<string, number>();
  for (const { keys = [] } of contents) {
    for (const key of keys) holders.set(key, (holders.get(key) ?? 0) + 1);
  }
  const pairs: string[] = [];
  for (const one of contents) {
    for (const other of contents) {
      if (one.content >= other.content || measure(one.content, other.content) === undefined) continue;
      const shared = (one.keys ?? []).some(
        (key) => other.keys?.includes(key) && (holders.get(key) ?? 0) <= SPEC.keys.limit,
      );
      if (shared || hashesMeet(one, other) || vectorsMeet(one, other))
        pairs.push(one.content + other.content);
    }
  }
  return pairs.sort();
}

function hashesMeet({ hashes: one = {} }: ContentKeys, { hashes: other = {} }: ContentKeys): boolean {
  if (within(one.phash, other.phash, 4) || within(one.dhash, other.dhash, 2)) return true;
  if ([one, other].some(({ phash, turned, returned }) => !phash || !turned || !returned)) return false;
  const leads = (out: string, back: string) =>
    within(one[out], other.phash, 2) && within(other[back], one.phash, 2);
  return leads('turned', 'returned') || leads('returned', 'turned');
}

function vectorsMeet({ vector: one }: ContentKeys, { vector: other }: ContentKeys): boolean {
  if (one === undefined || other === undefined) return false;
  let cosine = 0;
  for (let at = 0; at < one.length; at += 1) cosine += (one[at] as number) * (other[at] as number);
  return Math.round(cosine * 1e6) / 1e6 >= SPEC.vectors.threshold;
}

function within(one: string | undefined, other: string | undefined, radius: number): boolean {
  if (one === undefined || other === undefined) return false;
  const different = (BigInt(`0x${one}`) ^ BigInt(`0x${other}`)).toString(2).replaceAll('0', '');
  return different.length <= radius;
}
