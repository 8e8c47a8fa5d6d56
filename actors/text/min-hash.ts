// MinHash bands of a set of shingles (Broder 1997; Leskovec, Rajaraman and Ullman, chapter 3): two sets of Jaccard
// similarity s share a band of r rows with probability s^r, and one of b bands with 1 - (1 - s^r)^b.
import { keyToken } from '../dedup/key-token.ts';

export interface BandSpec {
  /** Bands, each of which is one key. */
  readonly bands: number;
  /** Minima that must all agree for a band to agree. */
  readonly rows: number;
}

/** Half of all pairs of similarity 0.68 are found, 99 % of those of 0.85, 0.3 % of those of 0.35. */
export const DEFAULT_BANDS: BandSpec = { bands: 14, rows: 8 };

/** Probability that two sets of that Jaccard similarity share a band. */
export function bandProbability(similarity: number, { bands, rows }: BandSpec = DEFAULT_BANDS): number {
  return 1 - (1 - similarity ** rows) ** bands;
}

/**
 * The least value of each of `bands × rows` hash functions over the shingles; empty for an empty set.
 * @throws RangeError when bands or rows are not whole numbers from 1.
 */
export function minHashes(
  shingles: ReadonlySet<string>,
  { bands, rows }: BandSpec = DEFAULT_BANDS,
): Uint32Array {
  if (!Number.isInteger(bands) || !Number.isInteger(rows) || bands < 1 || rows < 1) {
    throw new RangeError(`expected at least 1 band of at least 1 row, got ${bands} × ${rows}`);
  }
  if (shingles.size === 0) return new Uint32Array();
  const minima = new Uint32Array(bands * rows).fill(0xffff_ffff);
  for (const shingle of shingles) {
    const hash = hashOf(shingle);
    for (let at = 0; at < minima.length; at += 1) {
      // A bijection of 32 bits for each `at`: an order of all hashes that is unrelated to the others'.
      const value = mixed(hash ^ mixed(at + 1));
      if (value < (minima[at] as number)) minima[at] = value;
    }
  }
  return minima;
}

/** The keys of a text, one a band, under the dataset's secret; none for an empty set. */
export function bandKeys(
  shingles: ReadonlySet<string>,
  secret: string | Uint8Array,
  spec: BandSpec = DEFAULT_BANDS,
): readonly string[] {
  const minima = minHashes(shingles, spec);
  const keys: string[] = [];
  for (let from = 0; from < minima.length; from += spec.rows) {
    const band = from / spec.rows;
    keys.push(keyToken(secret, `band ${band}`, minima.subarray(from, from + spec.rows).join(' ')));
  }
  return keys;
}

/** FNV-1a over UTF-16 units, mixed. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mixed(hash);
}

/** Spreads every bit over the whole word; a bijection. */
function mixed(word: number): number {
  let bits = word;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
