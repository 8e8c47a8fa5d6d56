// Finds all 64-bit hashes within a Hamming radius of a query, exactly, by multi-index hashing (Norouzi, Punjani and
// Fleet 2012): of five bands of the bits at least one must lie close, so that a hundred and some buckets of an index of
// a million need to be read. An index shard holds one for each perceptual hash.
import { bitOrders } from './bit-order.ts';
import { bitCount, HammingBands, MAX_BAND_RADIUS } from './hamming-bands.ts';

/** A stored hash within the radius. */
export interface HammingMatch {
  /** What was inserted with the hash. */
  readonly value: number;
  /** Bits that differ, 0 to 64. */
  readonly distance: number;
}

/** Every entry of an index: two words and one value each. */
export interface HammingSnapshot {
  readonly words: Uint32Array;
  readonly values: Float64Array;
}

/** Largest radius that queries take; beyond it a scan of everything would be faster. */
export const MAX_HAMMING_RADIUS = MAX_BAND_RADIUS;

/** Below this many entries a query scans them all, and the tables of the bands are not made. */
const scanBelow = 4096;

/** The same hash may be inserted any number of times, each insert is its own entry. */
export class HammingIndex {
  /** Splits a bigint into words without arithmetic; their order is the machine's, which no distance depends on. */
  readonly #hash = new BigUint64Array(1);
  readonly #words = new Uint32Array(this.#hash.buffer);
  readonly #orders = bitOrders();
  /** Entry i: the words of its hash at 2i and 2i + 1, their bits in the order of the bands. */
  #halves = new Uint32Array(2 * 64);
  #values = new Uint32Array(64);
  #size = 0;
  #bands: HammingBands | undefined;

  /** Entries held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the index holds, capacity included. */
  get bytes(): number {
    return this.#halves.byteLength + this.#values.byteLength + (this.#bands?.bytes ?? 0);
  }

  /**
   * Adds an entry in constant time (storage grows by a quarter now and then).
   * @param hash Taken modulo 2^64.
   * @param value A whole number below 2^32.
   */
  insert(hash: bigint, value: number): void {
    const entry = this.#size;
    if (entry === this.#values.length) this.#resize(entry + Math.ceil(entry / 4));
    this.#halves.set(this.#wordsOf(hash), 2 * entry);
    this.#values[entry] = value;
    this.#size += 1;
    if (this.#bands !== undefined) this.#bands.insert(this.#halves, entry);
    else if (this.#size >= scanBelow) this.#makeBands();
  }

  /** Removes every entry of a value, and overwrites its hash; the entries are scanned for it. */
  remove(value: number): void {
    for (let entry = this.#size - 1; entry >= 0; entry -= 1) {
      if (this.#values[entry] === value) this.#removeEntry(entry);
    }
  }

  /**
   * All entries within `radius` bits of `hash`, in no particular order.
   * @throws RangeError when the radius is not an integer from 0 to 16.
   */
  query(hash: bigint, radius: number): HammingMatch[] {
    if (!Number.isInteger(radius) || radius < 0 || radius > MAX_HAMMING_RADIUS) {
      throw new RangeError(`the radius is an integer from 0 to ${MAX_HAMMING_RADIUS}, got ${radius}`);
    }
    const [high = 0, low = 0] = this.#wordsOf(hash);
    return this.#bands === undefined
      ? this.#scan(high, low, radius)
      : this.#verified(this.#bands.probe(high, low, radius), high, low, radius);
  }

  /** All entries as plain arrays, a copy; the words of a hash are in the machine's order. */
  snapshot(): HammingSnapshot {
    const words = this.#halves.slice(0, 2 * this.#size);
    for (let at = 0; at < words.length; at += 2) this.#orders.gathered.apply(words, at);
    return {
      words,
      values: Float64Array.from(this.#values.subarray(0, this.#size)),
    };
  }

  /** The index that a snapshot was taken of, by a machine of the same byte order. */
  static restore({ words, values }: HammingSnapshot): HammingIndex {
    const index = new HammingIndex();
    index.#resize(Math.max(index.#values.length, values.length));
    index.#halves.set(words);
    for (let at = 0; at < words.length; at += 2) index.#orders.spread.apply(index.#halves, at);
    index.#values.set(values);
    index.#size = values.length;
    if (index.#size >= scanBelow) index.#makeBands();
    return index;
  }

  /** Valid until the next call. */
  #wordsOf(hash: bigint): Uint32Array {
    this.#hash[0] = hash;
    this.#orders.spread.apply(this.#words, 0);
    return this.#words;
  }

  #scan(high: number, low: number, radius: number): HammingMatch[] {
    const matches: HammingMatch[] = [];
    const halves = this.#halves;
    for (let entry = 0; entry < this.#size; entry += 1) {
      let distance = bitCount((halves[2 * entry] as number) ^ high);
      if (distance > radius) continue;
      distance += bitCount((halves[2 * entry + 1] as number) ^ low);
      if (distance <= radius) matches.push({ value: this.#values[entry] as number, distance });
    }
    return matches;
  }

  /** Those of the entries that lie within the radius, each once. */
  #verified(entries: readonly number[], high: number, low: number, radius: number): HammingMatch[] {
    const matches = new Map<number, HammingMatch>();
    const halves = this.#halves;
    for (const entry of entries) {
      const distance =
        bitCount((halves[2 * entry] as number) ^ high) + bitCount((halves[2 * entry + 1] as number) ^ low);
      if (distance <= radius) matches.set(entry, { value: this.#values[entry] as number, distance });
    }
    return [...matches.values()];
  }

  #makeBands(): void {
    this.#bands = new HammingBands(this.#halves.subarray(0, 2 * this.#size));
  }

  /** Its place is taken by the last entry. */
  #removeEntry(entry: number): void {
    const last = this.#size - 1;
    this.#bands?.remove(this.#halves, entry);
    if (entry !== last) this.#bands?.remove(this.#halves, last);
    this.#halves.copyWithin(2 * entry, 2 * last, 2 * last + 2);
    this.#values[entry] = this.#values[last] as number;
    this.#halves.fill(0, 2 * last, 2 * last + 2);
    this.#values[last] = 0;
    this.#size = last;
    if (entry !== last) this.#bands?.insert(this.#halves, entry);
    if (last < scanBelow) this.#bands = undefined;
  }

  #resize(capacity: number): void {
    const halves = new Uint32Array(2 * capacity);
    halves.set(this.#halves);
    this.#halves = halves;
    const values = new Uint32Array(capacity);
    values.set(this.#values);
    this.#values = values;
  }
}
