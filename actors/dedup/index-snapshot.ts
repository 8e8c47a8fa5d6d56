// What a shard's part of the indexes looks like when it is stored: the tables as they lie in memory, so that a shard of
// a million contents is read back in seconds. Every machine that Node.js runs on has the same byte order.
import type { Codec } from '#runtime';
import { IndexPart, type IndexPartSnapshot } from './index-part.ts';
import type { IndexSpec, SlicedContent } from './index-spec.ts';

/** An array of numbers as bytes; 8 bytes each where `wide` says so. */
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

interface Stored {
  readonly format: 2;
  /** Names what the vectors were made by: those of another model are worth nothing. */
  readonly model: string;
  readonly sliced: Uint8Array;
  readonly families: readonly {
    readonly name: string;
    readonly words: Uint8Array;
    readonly values: Uint8Array;
    readonly shapes: Uint8Array;
    readonly complete: Uint8Array;
  }[];
  readonly vectors: {
    readonly dimension: number;
    readonly vectors: Uint8Array;
    readonly values: Uint8Array;
  } | null;
  readonly keyed: {
    readonly limit: number;
    readonly keys: number;
    readonly slots: Uint8Array;
    readonly pool: Uint8Array;
    readonly contents: Uint8Array;
  } | null;
}

/** @param model Names the model of the vectors. */
export function encodePart(codec: Codec, part: IndexPart, model: string): Uint8Array {
  const { sliced, families, vectors, keyed } = part.snapshot();
  const stored: Stored = {
    format: 2,
    model,
    sliced,
    families: Object.entries(families).map(([name, { index, shapes, complete }]) => ({
      name,
      words: bytesOf(index.words),
      values: bytesOf(index.values),
      shapes: bytesOf(shapes),
      complete,
    })),
    vectors: vectors && {
      dimension: vectors.dimension,
      vectors: bytesOf(vectors.vectors),
      values: bytesOf(vectors.values),
    },
    keyed: keyed && {
      limit: keyed.index.limit,
      keys: keyed.index.keys,
      slots: bytesOf(keyed.index.slots),
      pool: bytesOf(keyed.index.pool),
      contents: keyed.contents,
    },
  };
  return codec.encode(stored);
}

/** The part that was encoded, under a spec; without vectors where these are another model's. */
export function decodePart(codec: Codec, bytes: Uint8Array, spec: IndexSpec, model: string): IndexPart {
  const stored = codec.decode(bytes) as Stored | readonly SlicedContent[];
  if (!('format' in stored)) {
    // Format 1: the contents one after the other.
    const part = new IndexPart(spec);
    part.insert({ slices: stored, keys: [] });
    return part;
  }
  const { sliced, families, vectors, keyed } = stored;
  const snapshot: IndexPartSnapshot = {
    sliced,
    families: Object.fromEntries(
      families.map(({ name, words, values, shapes, complete }) => [
        name,
        {
          index: { words: new Uint32Array(aligned(words)), values: new Float64Array(aligned(values)) },
          shapes: new BigUint64Array(aligned(shapes)),
          complete,
        },
      ]),
    ),
    vectors:
      vectors !== null && stored.model === model && vectors.dimension === spec.vectors?.dimension
        ? {
            dimension: vectors.dimension,
            vectors: new Float32Array(aligned(vectors.vectors)),
            values: new Uint32Array(aligned(vectors.values)),
          }
        : null,
    keyed: keyed && {
      index: {
        limit: keyed.limit,
        keys: keyed.keys,
        slots: new Uint32Array(aligned(keyed.slots)),
        pool: new Uint32Array(aligned(keyed.pool)),
      },
      contents: keyed.contents,
    },
  };
  return IndexPart.restore(spec, snapshot);
}

/** The bytes at the beginning of a buffer of their own. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
