// One shard's part of a dataset's indexes, in memory and pure: what it is given it can find. Whoever owns it journals
// what it is given before it is asked (the two rounds of `claim.ts`).
import { ContentTable } from './content-table.ts';
import { HammingIndex, type HammingSnapshot } from './hamming-index.ts';
import type {
  HashIndexSpec,
  IndexSpec,
  ShardFinds,
  ShardInsert,
  ShardQuery,
  SlicedContent,
  SliceFind,
} from './index-spec.ts';
import { KeyedIndex, type KeyedSnapshot } from './keyed-index.ts';
import { VectorIndex, type VectorSnapshot } from './vector-index.ts';

/** All that a part holds, as plain values and typed arrays in the machine's byte order; to be stored and restored. */
export interface IndexPartSnapshot {
  /** Digests of the sliced contents in order, 32 bytes each. */
  readonly sliced: Uint8Array;
  readonly families: Readonly<Record<string, HashFamilySnapshot>>;
  readonly vectors: VectorSnapshot | null;
  readonly keyed: { readonly index: KeyedSnapshot; readonly contents: Uint8Array } | null;
}

/** Idempotent by content and by key: what is there already is left as it is. */
export class IndexPart {
  #sliced = new ContentTable();
  readonly #families: ReadonlyMap<string, HashFamily>;
  readonly #vectors: { index: VectorIndex; readonly threshold: number } | undefined;
  readonly #keyed: { index: KeyedIndex; contents: ContentTable } | undefined;

  /** @throws RangeError when a dimension or limit is outside its range. */
  constructor({ hashes = {}, vectors, keys }: IndexSpec) {
    this.#families = new Map(
      Object.entries(hashes).map(([family, spec]) => [family, new HashFamily(family, spec)]),
    );
    this.#vectors = vectors && {
      index: new VectorIndex(vectors.dimension),
      threshold: vectors.threshold,
    };
    this.#keyed = keys && { index: new KeyedIndex(keys.limit), contents: new ContentTable() };
  }

  /** Contents of which this shard holds the slice. */
  get slices(): number {
    return this.#sliced.size;
  }

  /** Keys that this shard holds. */
  get keys(): number {
    return this.#keyed?.index.size ?? 0;
  }

  /** Bytes of memory held, capacity included. */
  get bytes(): number {
    let bytes = this.#sliced.bytes + (this.#vectors?.index.bytes ?? 0);
    for (const family of this.#families.values()) bytes += family.bytes;
    if (this.#keyed !== undefined) bytes += this.#keyed.index.bytes + this.#keyed.contents.bytes;
    return bytes;
  }

  /** What of an insert is not here yet; a content whose slice is here keeps the one it has. */
  unheld({ slices, keys }: ShardInsert): ShardInsert {
    return {
      slices: slices.filter(({ content }) => this.#sliced.find(content) === undefined),
      keys: keys.filter(({ key, content }) => {
        const bucket = this.bucket(key);
        return bucket !== 'hot' && !bucket.includes(content);
      }),
    };
  }

  /** Contents of which the slice is here without a vector; none where no vectors are indexed. */
  vectorless(): readonly string[] {
    if (this.#vectors === undefined) return [];
    const numbers = new Set(this.#vectors.index.values());
    return this.#sliced
      .numbers()
      .filter((number) => !numbers.has(number))
      .map((number) => this.#sliced.at(number));
  }

  /**
   * Forgets contents: their slices, hashes, vectors and places under keys. What is not here is passed over.
   * @throws RangeError when a content is malformed
   */
  remove(contents: readonly string[]): void {
    for (const content of contents) {
      const slice = this.#sliced.remove(content);
      if (slice !== undefined) {
        for (const family of this.#families.values()) family.remove(slice);
        this.#vectors?.index.remove(slice);
      }
      const keyed = this.#keyed?.contents.remove(content);
      if (keyed !== undefined) this.#keyed?.index.remove(keyed);
    }
  }

  /** Gives a content that is here its vector, where it had none. @throws RangeError as `insert` does */
  addVector(content: string, vector: Float32Array): void {
    const number = this.#sliced.find(content);
    if (number === undefined || this.#vectors === undefined) return;
    this.#vectors.index.insert(vector, number);
  }

  /** @throws RangeError when a content, hash, vector or key is malformed. */
  insert({ slices, keys }: ShardInsert): void {
    for (const entry of slices) this.#insertSlice(entry);
    if (this.#keyed === undefined) return;
    for (const { key, content } of keys) this.#keyed.index.insert(key, this.#keyed.contents.add(content));
  }

  /** @throws RangeError when a content, hash, vector or key is malformed, or a radius not within 0 to 16. */
  query({ slices, keys }: ShardQuery): ShardFinds {
    const similar = this.#queryVectors(slices);
    return {
      slices: slices.map((entry, at) => this.#querySlice(entry, similar[at] ?? new Map())),
      buckets: keys.map((key) => this.bucket(key)),
    };
  }

  /** The contents under a key, or `hot`; also what is read at a cut to tell which edges count. */
  bucket(key: string): readonly string[] | 'hot' {
    if (this.#keyed === undefined) return [];
    const { index, contents } = this.#keyed;
    const bucket = index.bucket(key);
    return bucket === 'hot' ? bucket : bucket.map((number) => contents.at(number));
  }

  /** Everything held, a copy. */
  snapshot(): IndexPartSnapshot {
    const families = [...this.#families].map(([name, family]) => [name, family.snapshot()]);
    return {
      sliced: this.#sliced.toBytes(),
      families: Object.fromEntries(families),
      vectors: this.#vectors?.index.snapshot() ?? null,
      keyed: this.#keyed
        ? { index: this.#keyed.index.snapshot(), contents: this.#keyed.contents.toBytes() }
        : null,
    };
  }

  /**
   * The part that a snapshot was taken of, under the spec it was made with: what a spec asks for that the snapshot lacks
   * is empty.
   */
  static restore(spec: IndexSpec, { sliced, families, vectors, keyed }: IndexPartSnapshot): IndexPart {
    const part = new IndexPart(spec);
    part.#sliced = ContentTable.fromBytes(sliced);
    for (const [name, family] of part.#families) {
      const held = families[name];
      if (held !== undefined) family.restore(held);
    }
    if (part.#vectors !== undefined && vectors !== null) {
      part.#vectors.index = VectorIndex.restore(vectors);
    }
    if (part.#keyed !== undefined && keyed !== null) {
      part.#keyed.index = KeyedIndex.restore(keyed.index);
      part.#keyed.contents = ContentTable.fromBytes(keyed.contents);
    }
    return part;
  }

  #insertSlice({ content, hashes = {}, vector }: SlicedContent): void {
    if (this.#sliced.find(content) !== undefined) return;
    const number = this.#sliced.add(content);
    for (const family of this.#families.values()) family.insert(hashes, number);
    if (vector !== undefined) this.#vectors?.index.insert(vector, number);
  }

  #querySlice(
    { content, hashes = {} }: SlicedContent,
    similar: ReadonlyMap<number, number>,
  ): readonly SliceFind[] {
    const distancesOf = new Map<number, Record<string, number>>();
    for (const number of similar.keys()) distancesOf.set(number, {});
    for (const family of this.#families.values()) {
      for (const { number, name, distance } of family.query(hashes)) {
        const distances = distancesOf.get(number) ?? {};
        distances[name] = distance;
        distancesOf.set(number, distances);
      }
    }
    const own = this.#sliced.find(content);
    distancesOf.delete(own ?? -1);
    return [...distancesOf].map(([number, distances]) => ({
      content: this.#sliced.at(number),
      distances,
      similarity: similar.get(number) ?? null,
    }));
  }

  /** Similarities by content number for each asked slice, in one scan for all of them. */
  #queryVectors(slices: readonly SlicedContent[]): readonly ReadonlyMap<number, number>[] {
    if (this.#vectors === undefined) return [];
    const { index, threshold } = this.#vectors;
    const asked = slices.flatMap(({ vector }) => (vector === undefined ? [] : [vector]));
    const answers = index.query(asked, threshold).values();
    return slices.map(({ vector }) => {
      const matches = vector === undefined ? [] : (answers.next().value ?? []);
      return new Map(matches.map(({ value, similarity }) => [value, similarity]));
    });
  }
}

interface FamilyFind {
  readonly number: number;
  /** The family, or the variant that was found. */
  readonly name: string;
  readonly distance: number;
}

interface HashFamilySnapshot {
  readonly index: HammingSnapshot;
  readonly shapes: BigUint64Array;
  readonly complete: Uint8Array;
}

/** A Hamming index of one family, and the variants of what is in it. */
class HashFamily {
  readonly #name: string;
  readonly #spec: HashIndexSpec;
  #index = new HammingIndex();
  readonly #variants: readonly string[];
  /** By content number: the hashes of its variants. */
  #shapes = new BigUint64Array(0);
  /** By content number: whether it has this hash and all of its variants. */
  #complete = new Uint8Array(0);

  constructor(name: string, spec: HashIndexSpec) {
    this.#name = name;
    this.#spec = spec;
    this.#variants = Object.keys(spec.variants?.inverse ?? {});
  }

  get bytes(): number {
    return this.#index.bytes + this.#shapes.byteLength + this.#complete.byteLength;
  }

  insert(hashes: Readonly<Record<string, string>>, number: number): void {
    const hash = hashes[this.#name];
    if (hash === undefined) return;
    this.#index.insert(bitsOf(hash), number);
    if (this.#variants.length > 0) this.#keepShapes(hashes, number);
  }

  remove(number: number): void {
    this.#index.remove(number);
    if (number >= this.#complete.length) return;
    const { length } = this.#variants;
    this.#shapes.fill(0n, number * length, (number + 1) * length);
    this.#complete[number] = 0;
  }

  query(hashes: Readonly<Record<string, string>>): readonly FamilyFind[] {
    const hash = hashes[this.#name];
    if (hash === undefined) return [];
    const own = bitsOf(hash);
    const finds = this.#index
      .query(own, this.#spec.radius)
      .map(({ value, distance }) => ({ number: value, name: this.#name, distance }));
    return this.#variants.length === 0 ? finds : [...finds, ...this.#queryVariants(hashes, own)];
  }

  snapshot(): HashFamilySnapshot {
    return { index: this.#index.snapshot(), shapes: this.#shapes.slice(), complete: this.#complete.slice() };
  }

  restore({ index, shapes, complete }: HashFamilySnapshot): void {
    this.#index = HammingIndex.restore(index);
    this.#shapes = shapes.slice();
    this.#complete = complete.slice();
  }

  /**
   * The hash of a variant is made with a threshold of its own (a median), so that two contents may lie within the
   * radius as seen from one of them and not from the other. Only what holds from both sides counts, with the larger
   * distance: then it does not matter which of the two asks. A content that lacks a variant takes no part.
   */
  *#queryVariants(hashes: Readonly<Record<string, string>>, own: bigint): Generator<FamilyFind> {
    const { radius, inverse } = this.#spec.variants as NonNullable<HashIndexSpec['variants']>;
    if (!this.#hasVariants(hashes)) return;
    for (const name of this.#variants) {
      for (const { value, distance } of this.#index.query(bitsOf(hashes[name] as string), radius)) {
        if (this.#complete[value] !== 1) continue;
        const back = this.#shapes[this.#placeOf(value, inverse[name] as string)] as bigint;
        const returned = bitCount(back ^ own);
        if (returned <= radius) yield { number: value, name, distance: Math.max(distance, returned) };
      }
    }
  }

  #keepShapes(hashes: Readonly<Record<string, string>>, number: number): void {
    if (number >= this.#complete.length) this.#grow(number);
    if (!this.#hasVariants(hashes)) return;
    for (const name of this.#variants) {
      this.#shapes[this.#placeOf(number, name)] = bitsOf(hashes[name] as string);
    }
    this.#complete[number] = 1;
  }

  #hasVariants(hashes: Readonly<Record<string, string>>): boolean {
    return this.#variants.every((name) => hashes[name] !== undefined);
  }

  #placeOf(number: number, variant: string): number {
    return number * this.#variants.length + this.#variants.indexOf(variant);
  }

  #grow(number: number): void {
    const capacity = Math.ceil(number * 1.5) + 64;
    const shapes = new BigUint64Array(capacity * this.#variants.length);
    shapes.set(this.#shapes);
    this.#shapes = shapes;
    const complete = new Uint8Array(capacity);
    complete.set(this.#complete);
    this.#complete = complete;
  }
}

function bitsOf(hash: string): bigint {
  if (!/^[0-9a-f]{16}$/.test(hash)) {
    throw new RangeError(`expected a hash as 16 lower-case hex digits, got ${JSON.stringify(hash)}`);
  }
  return BigInt(`0x${hash}`);
}

function bitCount(bits: bigint): number {
  let count = 0;
  for (let left = bits; left !== 0n; left &= left - 1n) count += 1;
  return count;
}
