// What the indexes of a dataset hold and find, and the messages of a claim: what a content is found by, what a shard is
// given, and what it answers. Plain values, so that they can be sent and journaled as they are.

/**
 * Sorts of index (DESIGN section 7). *Sliced*: a content is inserted in its own shard and asked of all shards (hashes,
 * vectors). *Keyed*: the key names its shard, which alone is given it and asked for it.
 */
export interface IndexSpec {
  /** Sliced: 64-bit hashes by family, found within a Hamming radius. */
  readonly hashes?: Readonly<Record<string, HashIndexSpec>>;
  /** Sliced: vectors of unit length, found from a cosine up. */
  readonly vectors?: VectorIndexSpec;
  /** Keyed. */
  readonly keys?: KeyIndexSpec;
}

export interface HashIndexSpec {
  /** Largest distance in bits, 0 to 16. */
  readonly radius: number;
  /** The same family's hashes of the content in other shapes (a mirrored picture). */
  readonly variants?: {
    /** Largest distance in bits, 0 to 16, that must hold from either content's side. */
    readonly radius: number;
    /** Name of each variant's hash, and of the one that leads back: if b is variant v of a, a is `inverse[v]` of b. */
    readonly inverse: Readonly<Record<string, string>>;
  };
}

export interface VectorIndexSpec {
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Smallest cosine, -1 to 1; a cosine is summed in double precision and rounded to 6 decimals. */
  readonly threshold: number;
}

export interface KeyIndexSpec {
  /** Contents under one key above which it is hot and finds nobody; 1 to 65,535. */
  readonly limit: number;
}

/** What one content is found by. Whatever a spec names and the content lacks is left out of that index. */
export interface ContentKeys {
  /** sha256, 64 hex digits. */
  readonly content: string;
  /** 16 hex digits by family, and by the names of variants. */
  readonly hashes?: Readonly<Record<string, string>>;
  /** Of unit length. */
  readonly vector?: Float32Array;
  /** 16 hex digits each, uniform (of an HMAC, see `keyToken`). */
  readonly keys?: readonly string[];
}

/** What the shard of a content is given, and all shards are asked. */
export type SlicedContent = Omit<ContentKeys, 'keys'>;

/** What one shard is given of a claim. */
export interface ShardInsert {
  readonly slices: readonly SlicedContent[];
  readonly keys: readonly { readonly key: string; readonly content: string }[];
}

/** What one shard is asked by a claim. */
export interface ShardQuery {
  readonly slices: readonly SlicedContent[];
  readonly keys: readonly string[];
}

export interface ShardFinds {
  /** For each asked slice, in order, whom it found; never the content itself. */
  readonly slices: readonly (readonly SliceFind[])[];
  /** For each asked key, in order, the contents under it. */
  readonly buckets: readonly (readonly string[] | 'hot')[];
}

/** Another content within reach of a sliced index, as seen from the content that asked. */
export interface SliceFind {
  readonly content: string;
  /** Bits by family or variant, each where it is within its radius. */
  readonly distances: Readonly<Record<string, number>>;
  /** Cosine, rounded to 6 decimals; null where it is below the threshold or not compared. */
  readonly similarity: number | null;
}
