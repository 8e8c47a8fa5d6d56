import { describe, expect, it } from 'vitest';
import { UnusableOutput, vectorsOf } from '../../../actors/image/model-output.ts';
import {
  byteInput,
  floatInput,
  type InputSpec,
  inputShape,
} from '../../../actors/image/model-preprocessing.ts';
import { SeededRandom } from '../../../cli/corpus/seeded-random.ts';

const plain: InputSpec = {
  size: [2, 1],
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
/** Two pixels: red 10 and 40, green 20 and 50, blue 30 and 60. */
const picture = Uint8Array.of(10, 20, 30, 40, 50, 60);

describe("a model's input", () => {
  it('is laid out by plane or by pixel, in the order of the channels', () => {
    expect([...floatInput([picture], plain)]).toEqual([10, 40, 20, 50, 30, 60]);
    expect([...floatInput([picture], { ...plain, channels: 'BGR' })]).toEqual([30, 60, 20, 50, 10, 40]);
    expect([...floatInput([picture], { ...plain, layout: 'NHWC' })]).toEqual([10, 20, 30, 40, 50, 60]);
    expect([...byteInput([picture], { ...plain, layout: 'NHWC', channels: 'BGR' })]).toEqual([
      30, 20, 10, 60, 50, 40,
    ]);
    expect(inputShape(3, { ...plain, size: [320, 240] })).toEqual([3, 3, 240, 320]);
    expect(inputShape(3, { ...plain, size: [320, 240], layout: 'NHWC' })).toEqual([3, 240, 320, 3]);
  });

  it('is (sample · scale - mean) / std, with mean and std in the order of the channels', () => {
    const spec = { ...plain, scale: 0.5, mean: [1, 2, 3], std: [1, 2, 4] };
    // Red 5 and 20, green 10 and 25, blue 15 and 30 after scaling.
    expect([...floatInput([picture], spec)]).toEqual([4, 19, 4, 11.5, 3, 6.75]);
    expect([...floatInput([picture], { ...spec, channels: 'BGR' })]).toEqual([14, 29, 4, 11.5, 0.5, 4.25]);
  });

  it('is rounded to single precision once', () => {
    const spec = { ...plain, scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const [red] = floatInput([Uint8Array.of(124, 0, 0, 0, 0, 0)], spec);
    expect(red).toBe(Math.fround((124 * (1 / 255) - 0.485) / 0.229));
  });

  it('holds the pictures of a batch one after the other', () => {
    const other = picture.map((sample) => sample + 1);
    expect([...floatInput([picture, other], plain)]).toEqual([
      10, 40, 20, 50, 30, 60, 11, 41, 21, 51, 31, 61,
    ]);
  });

  it('refuses a picture of another size', () => {
    expect(() => floatInput([picture.subarray(1)], plain)).toThrow(
      'a picture for the model has 6 bytes, got 5',
    );
  });
});

describe("a model's output", () => {
  const raw = { normalise: 'none' } as const;
  const rows = (vectors: readonly Float32Array[]) => vectors.map((vector) => [...vector]);

  it('is the vector itself, whatever dimensions of 1 follow', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(rows(vectorsOf(data, [2, 2], { ...raw, pooling: 'none' }))).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(rows(vectorsOf(data, [2, 2, 1, 1], { ...raw, pooling: 'none' }))).toHaveLength(2);
  });

  it('is the first token, or the mean of the tokens', () => {
    const tokens = Float32Array.of(1, 2, 3, 10, 20, 30, 5, 6, 7, 7, 8, 9);
    expect(rows(vectorsOf(tokens, [2, 2, 3], { ...raw, pooling: 'cls' }))).toEqual([
      [1, 2, 3],
      [5, 6, 7],
    ]);
    expect(rows(vectorsOf(tokens, [2, 2, 3], { ...raw, pooling: 'mean' }))).toEqual([
      [5.5, 11, 16.5],
      [6, 7, 8],
    ]);
  });

  it('is the mean of the positions of each channel', () => {
    const maps = Float32Array.of(1, 2, 3, 6, 10, 20, 30, 40);
    expect(rows(vectorsOf(maps, [1, 2, 2, 2], { ...raw, pooling: 'spatial' }))).toEqual([[3, 25]]);
    expect(rows(vectorsOf(maps.subarray(0, 2), [1, 2, 1, 1], { ...raw, pooling: 'spatial' }))).toEqual([
      [1, 2],
    ]);
  });

  it('is scaled to unit length; a vector of zeros stays one', () => {
    const spec = { pooling: 'none', normalise: 'l2' } as const;
    expect(rows(vectorsOf(Float32Array.of(3, 4, 0, 0), [2, 2], spec))).toEqual([
      [Math.fround(0.6), Math.fround(0.8)],
      [0, 0],
    ]);
  });

  it('gives its first numbers at unit length for a shorter vector, layer-normalised where that is asked for', () => {
    const random = new SeededRandom(7);
    const data = Float32Array.from({ length: 768 }, () => random.next() * 4 - 1);
    const numbers = Array.from(data);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / 768;
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 768;
    const unit = (values: readonly number[]) => values.map((value) => value / Math.hypot(...values));
    const references = {
      plain: unit(numbers.slice(0, 256)),
      normalised: unit(numbers.slice(0, 256).map((value) => (value - mean) / Math.sqrt(variance + 1e-5))),
    };
    for (const [which, layerNorm] of [
      ['plain', false],
      ['normalised', true],
    ] as const) {
      const spec = { pooling: 'none', normalise: 'l2', matryoshka: { dimension: 256, layerNorm } } as const;
      const [vector] = vectorsOf(data, [1, 768], spec);
      expect(vector).toHaveLength(256);
      const off = references[which].map((value, at) => Math.abs(value - (vector?.[at] ?? Number.NaN)));
      expect(Math.max(...off)).toBeLessThan(1e-5);
    }
    expect(references.plain[0]).not.toBeCloseTo(references.normalised[0] ?? 0, 3);
  });

  it('is refused when its shape does not fit the pooling, or a number is none', () => {
    const four = new Float32Array(4);
    for (const [pooling, shape] of [
      ['none', [1, 2, 2]],
      ['cls', [1, 4]],
      ['mean', [1, 1, 2, 2]],
      ['spatial', [1, 4]],
    ] as const) {
      expect(() => vectorsOf(four, shape, { ...raw, pooling })).toThrow(UnusableOutput);
    }
    expect(() => vectorsOf(Float32Array.of(Number.NaN), [1, 1], { ...raw, pooling: 'none' })).toThrow(
      'not finite',
    );
  });
});
