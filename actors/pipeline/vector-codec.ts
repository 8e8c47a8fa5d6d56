// How vectors are stored: single precision as they are, half precision, or a byte for each number with one scale. What is
// read back is of unit length again, and is all that is ever compared, so that every node decides by the same numbers.
import { unitLength } from '../image/model-output.ts';

export const VECTOR_PRECISIONS = ['f32', 'f16', 'i8'] as const;
/** How the numbers of a vector are stored. */
export type VectorPrecision = (typeof VECTOR_PRECISIONS)[number];

const SCALE_BYTES = 4;
/** Largest of the bytes, so that both signs have the same range. */
const LARGEST = 127;

/** The bytes of a vector, little-endian; `i8` begins with the scale as float32. */
export function encodeVector(vector: Float32Array, precision: VectorPrecision): Uint8Array<ArrayBuffer> {
  switch (precision) {
    case 'f32':
      return new Uint8Array(Float32Array.from(vector).buffer);
    case 'f16':
      return new Uint8Array(Float16Array.from(vector).buffer);
    case 'i8': {
      const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const scale = Math.fround(largest / LARGEST);
      const bytes = new Uint8Array(SCALE_BYTES + vector.length);
      new DataView(bytes.buffer).setFloat32(0, scale, true);
      const levels = new Int8Array(bytes.buffer, SCALE_BYTES);
      if (scale > 0) for (const [at, value] of vector.entries()) levels[at] = Math.round(value / scale);
      return bytes;
    }
  }
}

/** How many bytes `encodeVector` makes of a vector. */
export function encodedBytes(dimension: number, precision: VectorPrecision): number {
  switch (precision) {
    case 'f32':
      return dimension * Float32Array.BYTES_PER_ELEMENT;
    case 'f16':
      return dimension * Float16Array.BYTES_PER_ELEMENT;
    case 'i8':
      return SCALE_BYTES + dimension;
  }
}

/** The vector that `encodeVector` stored; of another precision than `f32` it is scaled to length 1. */
export function decodeVector(bytes: Uint8Array, precision: VectorPrecision): Float32Array<ArrayBuffer> {
  const { buffer } = Uint8Array.from(bytes);
  switch (precision) {
    case 'f32':
      return new Float32Array(buffer);
    case 'f16':
      return unitLength(new Float16Array(buffer));
    case 'i8': {
      const scale = new DataView(buffer).getFloat32(0, true);
      return unitLength(Float64Array.from(new Int8Array(buffer, SCALE_BYTES), (level) => level * scale));
    }
  }
}

/** @throws RangeError for what no version of this program has written */
export function parsePrecision(text: string | undefined): VectorPrecision {
  const found = VECTOR_PRECISIONS.find((each) => each === text);
  if (found !== undefined) return found;
  throw new RangeError(`expected a precision of ${VECTOR_PRECISIONS.join(', ')}, got ${text}`);
}
