import { describe, expect, it } from 'vitest';
import {
  decodeVector,
  encodedBytes,
  encodeVector,
  parsePrecision,
} from '../../../actors/pipeline/vector-codec.ts';
import { SeededRandom } from '../../../cli/corpus/seeded-random.ts';

const random = new SeededRandom(3);

function unitVector(dimension: number): Float32Array<ArrayBuffer> {
  const values = Array.from({ length: dimension }, () => random.next() * 2 - 1);
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

const lengthOf = (vector: Float32Array) => Math.hypot(...vector);
const product = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

describe('a stored vector', () => {
  it('is exact in single precision', () => {
    const vector = unitVector(100);
    const bytes = encodeVector(vector, 'f32');
    expect(bytes).toHaveLength(400);
    expect(decodeVector(bytes, 'f32')).toEqual(vector);
  });

  // Half precision keeps 11 bits of each number; a byte keeps a 254th of the range between the largest numbers.
  it.each([
    ['f16', 512 * 2, 2 ** -11, 1e-6],
    ['i8', 4 + 512, 1 / 254, 2e-4],
  ] as const)(
    'in %s is within its rounding of the original, and of length 1',
    (precision, size, step, off) => {
      for (let round = 0; round < 50; round += 1) {
        const vector = unitVector(512);
        const bytes = encodeVector(vector, precision);
        expect(bytes).toHaveLength(size);
        expect(encodedBytes(512, precision)).toBe(size);
        const back = decodeVector(bytes, precision);
        expect(Math.abs(lengthOf(back) - 1)).toBeLessThan(1e-6);
        expect(1 - product(vector, back)).toBeLessThan(off);
        const largest = Math.max(...vector.map(Math.abs));
        const worst = Math.max(...vector.map((value, at) => Math.abs(value - (back[at] ?? Number.NaN))));
        // Scaling back to length 1 moves each number by less than the rounding did.
        expect(worst).toBeLessThan(2 * step * largest);
      }
    },
  );

  it.each(['f32', 'f16', 'i8'] as const)('of zeros stays zeros in %s', (precision) => {
    const zeros = new Float32Array(8);
    expect(decodeVector(encodeVector(zeros, precision), precision)).toEqual(zeros);
  });

  it('has the same bytes wherever they lie in memory', () => {
    const bytes = encodeVector(unitVector(8), 'i8');
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    expect(decodeVector(moved.subarray(3), 'i8')).toEqual(decodeVector(bytes, 'i8'));
  });

  it('of a precision that is not known is refused', () => {
    expect(parsePrecision('i8')).toBe('i8');
    expect(() => parsePrecision('i4')).toThrow('expected a precision of f32, f16, i8, got i4');
  });
});
