// The tables of a Hamming index: a 64-bit hash is cut into five bands, and each band has a bucket for each of its values.
// A bucket lies in one piece and holds 32 more bits of each hash beside the entry's number, so that nearly all of what a
// query reads is read in a row, and only what those bits let through is looked up elsewhere.
import { BAND_COUNT, REST_BITS, WIDE_BITS } from './bit-order.ts';

/** Largest radius that the bands are made for. */
export const MAX_BAND_RADIUS = 16;

const bucketsPerBand = 2 ** WIDE_BITS;
const restMask = 2 ** REST_BITS - 1;
/** Of the bits of a bucket's number, at most so many differ from the query's. */
const maxReach = Math.floor(MAX_BAND_RADIUS / BAND_COUNT);
/** More buckets than a query reads: in no band are there more masks of at most three bits. */
const maxBuckets = BAND_COUNT * 378;

/** All entries of an index by the bands of their hashes. */
export class HammingBands {
  /** Each bucket's place in the pool, and the number of its entries. */
  readonly #heads = new Uint32Array(2 * BAND_COUNT * bucketsPerBand);
  /** The pool: bits of the entries' hashes that the bucket's number does not tell, and the entries. */
  #prints = new Uint32Array(0);
  #entries = new Uint32Array(0);
  #end = 0;
  /** What a query reads: where buckets begin and end, and how many bits may differ beside those of the bucket's number. */
  readonly #starts = new Uint32Array(maxBuckets);
  readonly #stops = new Uint32Array(maxBuckets);
  readonly #lefts = new Uint8Array(maxBuckets);
  readonly #masks = [bandMasks(WIDE_BITS), bandMasks(2 * REST_BITS)] as const;

  /** @param words Two for each entry, their bits as `bit-order.ts` has them. */
  constructor(words: Uint32Array) {
    const heads = this.#heads;
    for (let band = 0; band < BAND_COUNT; band += 1) {
      for (let at = 0; at < words.length; at += 2) {
        (heads[slotOf(words[at] as number, words[at + 1] as number, band) + 1] as number) += 1;
      }
    }
    this.#makePool();
    for (let slot = 0; slot < heads.length; slot += 2) heads[slot + 1] = 0;
    for (let band = 0; band < BAND_COUNT; band += 1) {
      for (let entry = 0; 2 * entry < words.length; entry += 1) this.#place(words, entry, band);
    }
  }

  /** Bytes held, capacity included. */
  get bytes(): number {
    return this.#heads.byteLength + 2 * this.#prints.byteLength + 9 * maxBuckets;
  }

  /** @param words As the constructor takes them, those of the entry among them. */
  insert(words: Uint32Array, entry: number): void {
    for (let band = 0; band < BAND_COUNT; band += 1) this.#place(words, entry, band);
  }

  /** Overwrites what is held of an entry; the last one of each bucket takes its place. */
  remove(words: Uint32Array, entry: number): void {
    for (let band = 0; band < BAND_COUNT; band += 1) {
      const slot = slotOf(words[2 * entry] as number, words[2 * entry + 1] as number, band);
      const start = this.#heads[slot] as number;
      const last = start + (this.#heads[slot + 1] as number) - 1;
      const place = this.#entries.indexOf(entry, start);
      this.#prints[place] = this.#prints[last] as number;
      this.#entries[place] = this.#entries[last] as number;
      this.#prints[last] = 0;
      this.#entries[last] = 0;
      this.#heads[slot + 1] = last - start;
    }
  }

  /**
   * Entries among which are all that lie within the radius of a hash, and few others; some of them more than once.
   *
   * With radius = 5a + b, an entry within it differs by at most a bits in one of the bands 0 to b, or by at most a - 1 bits
   * in one of the others: else the sum were at least (b + 1)(a + 1) + (4 - b)a = radius + 1.
   */
  probe(high: number, low: number, radius: number): number[] {
    const found: number[] = [];
    const ends = this.#reach(high, low, radius);
    const [starts, stops, lefts] = [this.#starts, this.#stops, this.#lefts];
    const [prints, entries] = [this.#prints, this.#entries];
    for (let band = 0, at = 0; band < BAND_COUNT; band += 1) {
      const print = printOf(high, low, band);
      for (const end = ends[band] as number; at < end; at += 1) {
        const stop = stops[at] as number;
        const left = lefts[at] as number;
        for (let place = starts[at] as number; place < stop; place += 1) {
          if (bitCount((prints[place] as number) ^ print) <= left) found.push(entries[place] as number);
        }
      }
    }
    return found;
  }

  /**
   * Notes the buckets that a query reads, band by band, and looks at both ends of each: none of these reads waits for
   * another, so that the memory brings the buckets side by side.
   * @returns where each band's buckets end in the notes
   */
  #reach(high: number, low: number, radius: number): readonly number[] {
    const [heads, prints] = [this.#heads, this.#prints];
    const [starts, stops, lefts] = [this.#starts, this.#stops, this.#lefts];
    const bandEnds: number[] = [];
    let [count, seen] = [0, 0];
    for (let band = 0; band < BAND_COUNT; band += 1) {
      const { masks, counts, ends } = this.#masks[band < BAND_COUNT - 1 ? 0 : 1];
      const reach = Math.floor(radius / BAND_COUNT) - (band <= radius % BAND_COUNT ? 0 : 1);
      const own = bucketOf(high, low, band);
      const end = reach < 0 ? 0 : (ends[reach] as number);
      for (let at = 0; at < end; at += 1) {
        const slot = 2 * (band * bucketsPerBand + (own ^ (masks[at] as number)));
        const start = heads[slot] as number;
        const stop = start + (heads[slot + 1] as number);
        if (start === stop) continue;
        seen ^= (prints[start] as number) ^ (prints[stop - 1] as number);
        starts[count] = start;
        stops[count] = stop;
        lefts[count] = radius - (counts[at] as number);
        count += 1;
      }
      bandEnds.push(count);
    }
    // Behind the notes, so that the compiler does not leave out the reads.
    stops[count] = seen;
    return bandEnds;
  }

  #place(words: Uint32Array, entry: number, band: number): void {
    const high = words[2 * entry] as number;
    const low = words[2 * entry + 1] as number;
    const slot = slotOf(high, low, band);
    const count = this.#heads[slot + 1] as number;
    if (count === capacityFor(count)) this.#widen(slot);
    const place = (this.#heads[slot] as number) + count;
    this.#prints[place] = printOf(high, low, band);
    this.#entries[place] = entry;
    this.#heads[slot + 1] = count + 1;
  }

  /** Moves a full bucket to where it has room, and overwrites it where it was. */
  #widen(slot: number): void {
    const count = this.#heads[slot + 1] as number;
    const capacity = capacityFor(count + 1);
    if (this.#end + capacity > this.#prints.length) this.#layOut();
    const [prints, entries, end] = [this.#prints, this.#entries, this.#end];
    const from = this.#heads[slot] as number;
    for (let at = 0; at < count; at += 1) {
      prints[end + at] = prints[from + at] as number;
      entries[end + at] = entries[from + at] as number;
      prints[from + at] = 0;
      entries[from + at] = 0;
    }
    this.#heads[slot] = end;
    this.#end += capacity;
  }

  /** Puts all buckets into a new pool, without gaps. */
  #layOut(): void {
    const [heads, prints, entries] = [this.#heads.slice(), this.#prints, this.#entries];
    this.#makePool();
    for (let slot = 0; slot < heads.length; slot += 2) {
      const from = heads[slot] as number;
      const to = this.#heads[slot] as number;
      const count = heads[slot + 1] as number;
      for (let at = 0; at < count; at += 1) {
        this.#prints[to + at] = prints[from + at] as number;
        this.#entries[to + at] = entries[from + at] as number;
      }
    }
  }

  /** A pool with a place for every bucket, by its count of entries, and room for a quarter more. */
  #makePool(): void {
    this.#end = 0;
    for (let slot = 0; slot < this.#heads.length; slot += 2) {
      this.#heads[slot] = this.#end;
      this.#end += capacityFor(this.#heads[slot + 1] as number);
    }
    // No bucket that is widened next needs more than the 64 and a quarter of the entries of its band.
    const length = Math.ceil(this.#end * 1.25) + 64;
    this.#prints = new Uint32Array(length);
    this.#entries = new Uint32Array(length);
  }
}

/** Places that a bucket of so many entries has: at most two, or a quarter, more than it needs. */
function capacityFor(count: number): number {
  const step = 1 << Math.max(1, 29 - Math.clz32(count));
  return (count + step - 1) & -step;
}

/** Where the head of a hash's bucket is. */
function slotOf(high: number, low: number, band: number): number {
  return 2 * (band * bucketsPerBand + bucketOf(high, low, band));
}

function bucketOf(high: number, low: number, band: number): number {
  if (band === BAND_COUNT - 1) return ((high & restMask) << REST_BITS) | (low & restMask);
  const word = band < 2 ? high : low;
  return band % 2 === 0 ? word >>> (WIDE_BITS + REST_BITS) : (word >>> REST_BITS) & (bucketsPerBand - 1);
}

/** 32 bits of a hash that are not in the band. */
function printOf(high: number, low: number, band: number): number {
  if (band === BAND_COUNT - 1) return ((high & ~restMask) | ((low >>> REST_BITS) & restMask)) >>> 0;
  return band < 2 ? low : high;
}

/** All masks of few bits, fewest first; `ends[n]` is where those of more than n bits begin. */
interface BandMasks {
  readonly masks: Uint16Array;
  /** The bits of each. */
  readonly counts: Uint8Array;
  readonly ends: readonly number[];
}

function bandMasks(width: number): BandMasks {
  const masks: number[] = [];
  const ends: number[] = [];
  for (let bits = 0; bits <= maxReach; bits += 1) {
    for (let mask = 0; mask < 2 ** width; mask += 1) if (bitCount(mask) === bits) masks.push(mask);
    ends.push(masks.length);
  }
  return { masks: Uint16Array.from(masks), counts: Uint8Array.from(masks, bitCount), ends };
}

/** Bits set in a 32-bit word: sums of neighbours in 2, 4 and 8 bits, then of the four bytes. */
export function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
