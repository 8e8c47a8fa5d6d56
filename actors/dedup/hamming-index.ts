// Finds all 64-bit hashes within a Hamming radius of a query, exactly, by multi-index hashing (Norouzi, Punjani and
// Fleet 2012): of four 16-bit chunks at least one must lie close, so that a few hundred buckets of an index of
// millions need to be read. An index shard holds one for each perceptual hash.

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
export const MAX_HAMMING_RADIUS = 16;

const chunkCount = 4;
const bucketsPerChunk = 0x10000;
/** Below this many entries a query scans them all, and the bucket tables (1 MiB) are not made. */
const scanBelow = 4096;
/** A bucket is a list of blocks: the position of the next block, then entries plus 1, 0 for free places. */
const blockWords = 8;

/** The same hash may be inserted any number of times, each insert is its own entry. */
export class HammingIndex {
  /** Splits a bigint into words without arithmetic; their order is the machine's, which no distance depends on. */
  readonly #hash = new BigUint64Array(1);
  readonly #words = new Uint32Array(this.#hash.buffer);
  /** Entry i: the words of its hash at 2i and 2i + 1. */
  #halves = new Uint32Array(2 * 64);
  #values = new Float64Array(64);
  #size = 0;
  /** First block of each chunk's bucket, as a position in `#pool`; 0 for none. */
  #heads = new Uint32Array(0);
  /** Position 0 is never a block. */
  #pool = new Uint32Array(0);
  #poolEnd = blockWords;
  /** Blocks that have become empty. */
  #freeBlocks: number[] = [];
  #masks: ChunkMasks = { byBitCount: new Uint16Array(0), ends: [] };

  /** Entries held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the index holds, capacity included. */
  get bytes(): number {
    return (
      this.#halves.byteLength +
      this.#values.byteLength +
      this.#heads.byteLength +
      this.#pool.byteLength +
      this.#masks.byBitCount.byteLength
    );
  }

  /** Adds an entry in constant time (storage grows by half now and then). `hash` is taken modulo 2^64. */
  insert(hash: bigint, value: number): void {
    const entry = this.#size;
    if (entry === this.#values.length) this.#growEntries();
    this.#hash[0] = hash;
    this.#halves.set(this.#words, 2 * entry);
    this.#values[entry] = value;
    this.#size += 1;
    if (this.#size < scanBelow) return;
    if (this.#size === scanBelow) this.#makeTables();
    else this.#link(entry);
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
    this.#hash[0] = hash;
    const high = this.#words[0] as number;
    const low = this.#words[1] as number;
    return this.#size < scanBelow ? this.#scan(high, low, radius) : this.#probe(high, low, radius);
  }

  /** All entries as plain arrays, a copy; the words of a hash are in the machine's order. */
  snapshot(): HammingSnapshot {
    return { words: this.#halves.slice(0, 2 * this.#size), values: this.#values.slice(0, this.#size) };
  }

  /** The index that a snapshot was taken of, by a machine of the same byte order. */
  static restore({ words, values }: HammingSnapshot): HammingIndex {
    const index = new HammingIndex();
    const hashes = new BigUint64Array(words.slice().buffer);
    for (const [entry, value] of values.entries()) index.insert(hashes[entry] as bigint, value);
    return index;
  }

  #scan(high: number, low: number, radius: number): HammingMatch[] {
    const matches: HammingMatch[] = [];
    const halves = this.#halves;
    for (let entry = 0; entry < this.#size; entry += 1) {
      const distance =
        bitCount((halves[2 * entry] as number) ^ high) + bitCount((halves[2 * entry + 1] as number) ^ low);
      if (distance <= radius) matches.push({ value: this.#values[entry] as number, distance });
    }
    return matches;
  }

  /**
   * With radius = 4a + b, an entry within it differs by at most a bits in one of the chunks 0 to b, or by at most
   * a - 1 bits in one of the others: else the sum were at least (b + 1)(a + 1) + (3 - b)a = radius + 1.
   */
  #probe(high: number, low: number, radius: number): HammingMatch[] {
    const matches: HammingMatch[] = [];
    const reach = Math.floor(radius / chunkCount);
    const wide = radius % chunkCount;
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      const chunkReach = chunk <= wide ? reach : reach - 1;
      if (chunkReach < 0) break;
      const own = chunkOf(high, low, chunk);
      const end = this.#masks.ends[chunkReach] as number;
      for (let index = 0; index < end; index += 1) {
        const bucket = own ^ (this.#masks.byBitCount[index] as number);
        this.#collect(chunk, bucket, high, low, radius, matches);
      }
    }
    return matches;
  }

  #collect(
    chunk: number,
    bucket: number,
    high: number,
    low: number,
    radius: number,
    matches: HammingMatch[],
  ): void {
    const pool = this.#pool;
    const halves = this.#halves;
    let block = this.#heads[chunk * bucketsPerChunk + bucket] as number;
    while (block !== 0) {
      for (let place = block + 1; place < block + blockWords; place += 1) {
        const entry = (pool[place] as number) - 1;
        if (entry < 0) break;
        const highBits = (halves[2 * entry] as number) ^ high;
        const lowBits = (halves[2 * entry + 1] as number) ^ low;
        const distance = bitCount(highBits) + bitCount(lowBits);
        if (distance <= radius && !foundEarlier(highBits, lowBits, chunk, radius)) {
          matches.push({ value: this.#values[entry] as number, distance });
        }
      }
      block = pool[block] as number;
    }
  }

  #makeTables(): void {
    this.#heads = new Uint32Array(chunkCount * bucketsPerChunk);
    this.#pool = new Uint32Array(blockWords * scanBelow * 5);
    this.#poolEnd = blockWords;
    this.#freeBlocks = [];
    this.#masks = chunkMasks();
    for (let entry = 0; entry < this.#size; entry += 1) this.#link(entry);
  }

  /** Its place is taken by the last entry. */
  #removeEntry(entry: number): void {
    const last = this.#size - 1;
    const isLinked = this.#size >= scanBelow;
    if (isLinked) {
      this.#unlink(entry);
      if (entry !== last) this.#unlink(last);
    }
    this.#halves.copyWithin(2 * entry, 2 * last, 2 * last + 2);
    this.#values[entry] = this.#values[last] as number;
    this.#halves.fill(0, 2 * last, 2 * last + 2);
    this.#values[last] = 0;
    this.#size = last;
    if (isLinked && entry !== last) this.#link(entry);
  }

  /** Takes an entry out of its buckets: the gap is filled from the first block, which alone has free places. */
  #unlink(entry: number): void {
    const pool = this.#pool;
    for (const slot of this.#slotsOf(entry)) {
      const first = this.#heads[slot] as number;
      const gap = this.#placeIn(first, entry);
      let end = first + 1;
      while (end + 1 < first + blockWords && pool[end + 1] !== 0) end += 1;
      pool[gap] = pool[end] as number;
      pool[end] = 0;
      if (end > first + 1) continue;
      this.#heads[slot] = pool[first] as number;
      pool[first] = 0;
      this.#freeBlocks.push(first);
    }
  }

  /** Where an entry stands in a bucket that it is in. */
  #placeIn(first: number, entry: number): number {
    for (let block = first; ; block = this.#pool[block] as number) {
      const at = this.#pool.subarray(block + 1, block + blockWords).indexOf(entry + 1);
      if (at >= 0) return block + 1 + at;
    }
  }

  /** The bucket of an entry for each chunk. */
  #slotsOf(entry: number): readonly number[] {
    const high = this.#halves[2 * entry] as number;
    const low = this.#halves[2 * entry + 1] as number;
    return [0, 1, 2, 3].map((chunk) => chunk * bucketsPerChunk + chunkOf(high, low, chunk));
  }

  #link(entry: number): void {
    const high = this.#halves[2 * entry] as number;
    const low = this.#halves[2 * entry + 1] as number;
    for (let chunk = 0; chunk < chunkCount; chunk += 1) {
      const slot = chunk * bucketsPerChunk + chunkOf(high, low, chunk);
      const block = this.#heads[slot] as number;
      if (block === 0 || this.#pool[block + blockWords - 1] !== 0) this.#openBlock(slot, block, entry);
      else this.#place(block, entry);
    }
  }

  /** Puts a new block before the full one `next`; only the first block of a bucket has free places. */
  #openBlock(slot: number, next: number, entry: number): void {
    const free = this.#freeBlocks.pop();
    if (free === undefined && this.#poolEnd === this.#pool.length) {
      const blocks = this.#pool.length / blockWords;
      const grown = new Uint32Array((blocks + Math.ceil(blocks / 2)) * blockWords);
      grown.set(this.#pool);
      this.#pool = grown;
    }
    const block = free ?? this.#poolEnd;
    if (free === undefined) this.#poolEnd += blockWords;
    this.#pool[block] = next;
    this.#pool[block + 1] = entry + 1;
    this.#heads[slot] = block;
  }

  #place(block: number, entry: number): void {
    let place = block + 2;
    while (this.#pool[place] !== 0) place += 1;
    this.#pool[place] = entry + 1;
  }

  #growEntries(): void {
    const capacity = this.#size + Math.ceil(this.#size / 2);
    const halves = new Uint32Array(2 * capacity);
    halves.set(this.#halves);
    this.#halves = halves;
    const values = new Float64Array(capacity);
    values.set(this.#values);
    this.#values = values;
  }
}

/** All 16-bit masks of up to four bits, fewest bits first; `ends[n]` is where those of more than n bits begin. */
interface ChunkMasks {
  readonly byBitCount: Uint16Array;
  readonly ends: readonly number[];
}

function chunkMasks(): ChunkMasks {
  const masks: number[] = [];
  const ends: number[] = [];
  for (let bits = 0; bits <= MAX_HAMMING_RADIUS / chunkCount; bits += 1) {
    for (let mask = 0; mask < bucketsPerChunk; mask += 1) if (bitCount(mask) === bits) masks.push(mask);
    ends.push(masks.length);
  }
  return { byBitCount: Uint16Array.from(masks), ends };
}

/** Whether an earlier chunk's probe reports the entry too: each entry is reported by the first that reaches it. */
function foundEarlier(highBits: number, lowBits: number, chunk: number, radius: number): boolean {
  const reach = Math.floor(radius / chunkCount);
  const wide = radius % chunkCount;
  for (let earlier = 0; earlier < chunk; earlier += 1) {
    if (bitCount(chunkOf(highBits, lowBits, earlier)) <= (earlier <= wide ? reach : reach - 1)) return true;
  }
  return false;
}

function chunkOf(high: number, low: number, chunk: number): number {
  const half = chunk < 2 ? high : low;
  return chunk % 2 === 0 ? half >>> 16 : half & 0xffff;
}

/** Bits set in a 32-bit word: sums of neighbours in 2, 4 and 8 bits, then of the four bytes. */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
