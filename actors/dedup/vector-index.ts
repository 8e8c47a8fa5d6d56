// Finds all vectors whose cosine with a query is at or above a threshold, exactly, by scanning every one. The scan runs
// in single precision on SIMD, with a margin for its rounding; what it lets through is summed again in double
// precision, which alone decides.
import { cosine } from './cosine.ts';
import {
  KERNEL_QUERIES,
  KERNEL_VECTORS,
  type KernelMemory,
  type VectorKernel,
  vectorKernel,
} from './vector-kernel.ts';

/** A stored vector at or above the threshold. */
export interface VectorMatch {
  /** What was inserted with the vector. */
  readonly value: number;
  /** Cosine, summed in index order in double precision and rounded to 6 decimals. */
  readonly similarity: number;
}

/** Every vector of an index and what was inserted with it. */
export interface VectorSnapshot {
  readonly dimension: number;
  readonly vectors: Float32Array;
  readonly values: Uint32Array;
}

/** Longest vectors. */
export const MAX_DIMENSION = 65_536;

/** Vectors whose length differs from 1 by more are no unit vectors. */
const UNIT_TOLERANCE = 1e-3;
/** Below this many vectors a scan in double precision is fast enough, and no memory is taken outside the heap. */
const scanBelow = 512;
const pageBytes = 0x10000;
const floatBytes = 4;
/** Vectors of one call of the kernel: they stay in the cache while the queries take turns. */
const tileBytes = 256 * 1024;

/** All vectors of one dimension. */
export class VectorIndex {
  readonly #dimension: number;
  /** Bytes of a vector in memory, filled up with zeros to whole SIMD words. */
  readonly #stride: number;
  readonly #tile: number;
  /** Single precision may differ by this from the exact sum, and rounding to 6 decimals by half a millionth. */
  readonly #margin: number;
  #values = new Uint32Array(64);
  #size = 0;
  #early: Float32Array[] = [];
  #scanner: Scanner | undefined;

  /** @throws RangeError when the dimension is not an integer from 1 to 65,536. */
  constructor(dimension: number) {
    if (!Number.isInteger(dimension) || dimension < 1 || dimension > MAX_DIMENSION) {
      throw new RangeError(`expected a dimension from 1 to ${MAX_DIMENSION}, got ${dimension}`);
    }
    this.#dimension = dimension;
    this.#stride = Math.ceil(dimension / 4) * 4 * floatBytes;
    this.#tile = Math.max(1, Math.floor(tileBytes / this.#stride / KERNEL_VECTORS)) * KERNEL_VECTORS;
    this.#margin = 1e-6 + (dimension + 8) * 2 ** -23;
  }

  /** Vectors held. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that the index holds, capacity included. */
  get bytes(): number {
    const early = this.#early.length * this.#dimension * floatBytes;
    return this.#values.byteLength + early + (this.#scanner?.bytes ?? 0);
  }

  /**
   * Adds a vector; it is copied.
   * @param value A whole number below 2^32.
   * @throws RangeError when it has another dimension or is not of unit length, or when 4 GiB are full.
   */
  insert(vector: Float32Array, value: number): void {
    this.#check(vector);
    if (this.#size === this.#values.length) {
      const grown = new Uint32Array(Math.ceil(this.#size * 1.5));
      grown.set(this.#values);
      this.#values = grown;
    }
    if (this.#scanner === undefined && this.#size + 1 < scanBelow) {
      this.#early.push(Float32Array.from(vector));
    } else {
      this.#scanner ??= this.#moved();
      this.#scanner.append(vector);
    }
    this.#values[this.#size] = value;
    this.#size += 1;
  }

  /** Removes every vector of a value, and overwrites it; the values are scanned for it. */
  remove(value: number): void {
    for (let at = this.#size - 1; at >= 0; at -= 1) {
      if (this.#values[at] !== value) continue;
      const last = this.#size - 1;
      if (this.#scanner !== undefined) this.#scanner.remove(at);
      else {
        this.#early[at] = this.#early[last] as Float32Array;
        this.#early.pop();
      }
      this.#values[at] = this.#values[last] as number;
      this.#values[last] = 0;
      this.#size = last;
    }
  }

  /**
   * All vectors whose cosine with each query is at least `threshold`, in no particular order; many queries at a time
   * cost little more than one.
   * @throws RangeError as `insert` does.
   */
  query(queries: readonly Float32Array[], threshold: number): VectorMatch[][] {
    for (const query of queries) this.#check(query);
    const matches = queries.map((): VectorMatch[] => []);
    const settle = (query: number, at: number, stored: Float32Array) => {
      const similarity = cosine(queries[query] as Float32Array, stored);
      if (similarity >= threshold) matches[query]?.push({ value: this.#values[at] as number, similarity });
    };
    if (this.#scanner !== undefined) {
      this.#scanner.scan(queries, threshold - this.#margin, settle);
    } else {
      for (const [at, stored] of this.#early.entries()) {
        for (const query of queries.keys()) settle(query, at, stored);
      }
    }
    return matches;
  }

  /** What was inserted with each vector, in order; a copy. */
  values(): Uint32Array {
    return this.#values.slice(0, this.#size);
  }

  /** All vectors one after the other, and their values; a copy. */
  snapshot(): VectorSnapshot {
    const vectors = new Float32Array(this.#size * this.#dimension);
    for (let at = 0; at < this.#size; at += 1) {
      const vector = this.#scanner?.vectorAt(at) ?? (this.#early[at] as Float32Array);
      vectors.set(vector, at * this.#dimension);
    }
    return { dimension: this.#dimension, vectors, values: this.values() };
  }

  /** The index that a snapshot was taken of. */
  static restore({ dimension, vectors, values }: VectorSnapshot): VectorIndex {
    const index = new VectorIndex(dimension);
    for (const [at, value] of values.entries()) {
      index.insert(vectors.subarray(at * dimension, (at + 1) * dimension), value);
    }
    return index;
  }

  #moved(): Scanner {
    const scanner = new Scanner(this.#dimension, this.#stride, this.#tile);
    for (const vector of this.#early) scanner.append(vector);
    this.#early = [];
    return scanner;
  }

  #check(vector: Float32Array): void {
    if (vector.length !== this.#dimension) {
      throw new RangeError(`expected a vector of ${this.#dimension} numbers, got ${vector.length}`);
    }
    let squares = 0;
    for (const number of vector) squares += number * number;
    if (!(Math.abs(Math.sqrt(squares) - 1) <= UNIT_TOLERANCE)) {
      throw new RangeError(`expected a vector of length 1, got one of ${Math.sqrt(squares)}`);
    }
  }
}

/** Vectors in a memory that the kernel reads: the queries first, then its hits, then the vectors in order. */
class Scanner {
  readonly #dimension: number;
  readonly #stride: number;
  readonly #tile: number;
  readonly #hits: number;
  readonly #start: number;
  readonly #memory: KernelMemory;
  readonly #kernel: VectorKernel;
  #floats: Float32Array;
  #size = 0;

  constructor(dimension: number, stride: number, tile: number) {
    this.#dimension = dimension;
    this.#stride = stride;
    this.#tile = tile;
    this.#hits = KERNEL_QUERIES * stride;
    this.#start = Math.ceil((this.#hits + tile * KERNEL_QUERIES * 4) / 16) * 16;
    const { memory, kernel } = vectorKernel(Math.ceil((this.#start + tile * stride) / pageBytes));
    this.#memory = memory;
    this.#kernel = kernel;
    this.#floats = new Float32Array(this.#memory.buffer);
  }

  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  append(vector: Float32Array): void {
    // The kernel reads whole steps: behind the last vector lie zeros.
    const needed = this.#start + (this.#size + KERNEL_VECTORS) * this.#stride;
    if (needed > this.bytes) this.#grow(needed);
    this.#floats.set(vector, (this.#start + this.#size * this.#stride) / floatBytes);
    this.#size += 1;
  }

  /** Its place is taken by the last vector, behind which lie zeros. */
  remove(at: number): void {
    const last = this.#size - 1;
    this.vectorAt(at).set(this.vectorAt(last));
    this.vectorAt(last).fill(0);
    this.#size = last;
  }

  scan(
    queries: readonly Float32Array[],
    threshold: number,
    settle: (query: number, at: number, stored: Float32Array) => void,
  ): void {
    const found: { readonly query: number; readonly at: number }[] = [];
    for (let first = 0; first < this.#size; first += this.#tile) {
      for (let group = 0; group < queries.length; group += KERNEL_QUERIES) {
        const asked = queries.slice(group, group + KERNEL_QUERIES);
        for (const hit of this.#scanTile(first, asked, threshold)) {
          const [query, at] = [hit % KERNEL_QUERIES, Math.floor(hit / KERNEL_QUERIES)];
          if (query < asked.length && at < this.#size) found.push({ query: group + query, at });
        }
      }
    }
    for (const { query, at } of found) settle(query, at, this.vectorAt(at));
  }

  #scanTile(first: number, queries: readonly Float32Array[], threshold: number): Uint32Array {
    for (const [at, query] of queries.entries()) {
      this.#floats.set(query, (at * this.#stride) / floatBytes);
    }
    const from = this.#start + first * this.#stride;
    const vectors = Math.min(this.#tile, this.#size - first);
    const end = from + vectors * this.#stride;
    const count = this.#kernel.scan(from, end, 0, this.#stride, threshold, this.#hits, first);
    return new Uint32Array(this.#memory.buffer, this.#hits, count);
  }

  /** A view of the memory: another insert may detach it. */
  vectorAt(at: number): Float32Array {
    const from = (this.#start + at * this.#stride) / floatBytes;
    return this.#floats.subarray(from, from + this.#dimension);
  }

  /** By half as much again, so that a slice may have no more than what 4 GiB hold. */
  #grow(needed: number): void {
    const wanted = Math.min(Math.ceil((needed * 1.5) / pageBytes), 0x10000);
    if (needed > wanted * pageBytes) throw new RangeError('the vectors of one shard take more than 4 GiB');
    this.#memory.grow(wanted - this.bytes / pageBytes);
    this.#floats = new Float32Array(this.#memory.buffer);
  }
}
