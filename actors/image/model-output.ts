// From a model's output tensor to vectors: pooling over tokens or positions, then unit length. Sums run in one order
// in double precision and are rounded once, so that the same output gives the same vector.

/** How an output becomes one vector a picture. */
export interface OutputSpec {
  /**
   * - `none`: the output is the vector, N × D (further dimensions of 1 are dropped);
   * - `cls`: the first token of N × T × C;
   * - `mean`: the mean over the tokens of N × T × C;
   * - `spatial`: the mean over the positions of N × C × H × W.
   */
  readonly pooling: 'none' | 'mean' | 'cls' | 'spatial';
  /** `l2` scales to unit length. */
  readonly normalise: 'l2' | 'none';
}

/** The output's shape does not fit the pooling, or a vector is not finite. */
export class UnusableOutput extends Error {
  override readonly name = 'UnusableOutput';
}

/**
 * One vector for each picture, each with a buffer of its own.
 * @throws UnusableOutput
 */
export function vectorsOf(
  data: Float32Array,
  shape: readonly number[],
  spec: OutputSpec,
): Float32Array<ArrayBuffer>[] {
  const [count = 0, ...rest] = shape;
  const each = rest.reduce((product, size) => product * size, 1);
  const pool = poolingOf(spec.pooling, shape);
  return Array.from({ length: count }, (_, index) => {
    const pooled = pool(data.subarray(index * each, (index + 1) * each));
    const vector = spec.normalise === 'l2' ? unitLength(pooled) : Float32Array.from(pooled);
    if (!vector.every(Number.isFinite))
      throw new UnusableOutput('the model gave a vector that is not finite');
    return vector;
  });
}

/** Length of a vector. */
export function lengthOf(vector: ArrayLike<number>): number {
  let squares = 0;
  for (let at = 0; at < vector.length; at += 1) squares += (vector[at] as number) ** 2;
  return Math.sqrt(squares);
}

function unitLength(vector: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const length = lengthOf(vector);
  return length === 0 ? Float32Array.from(vector) : Float32Array.from(vector, (value) => value / length);
}

function poolingOf(
  pooling: OutputSpec['pooling'],
  shape: readonly number[],
): (values: Float32Array) => ArrayLike<number> {
  const [, first = 1, second = 1, third = 1] = shape;
  switch (pooling) {
    case 'none':
      if (shape.length >= 2 && shape.slice(2).every((size) => size === 1)) return (values) => values;
      throw new UnusableOutput(`pooling none takes an output of N × D, the model gives ${shape.join(' × ')}`);
    case 'cls':
    case 'mean':
      if (shape.length !== 3) {
        throw new UnusableOutput(
          `pooling ${pooling} takes an output of N × T × C, the model gives ${shape.join(' × ')}`,
        );
      }
      return pooling === 'cls'
        ? (values) => values.subarray(0, second)
        : (values) => means(second, first, (channel, token) => values[token * second + channel] as number);
    case 'spatial': {
      if (shape.length !== 4) {
        throw new UnusableOutput(
          `pooling spatial takes an output of N × C × H × W, the model gives ${shape.join(' × ')}`,
        );
      }
      const positions = second * third;
      return (values) =>
        means(first, positions, (channel, position) => values[channel * positions + position] as number);
    }
  }
}

function means(
  channels: number,
  count: number,
  value: (channel: number, index: number) => number,
): Float64Array {
  const pooled = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel += 1) {
    let sum = 0;
    for (let index = 0; index < count; index += 1) sum += value(channel, index);
    pooled[channel] = sum / count;
  }
  return pooled;
}
