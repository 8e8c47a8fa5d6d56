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
  /** Numbers that the model gives for a picture; checked where it is given. */
  readonly dimension?: number;
  /** Keeps the first numbers and scales them to unit length, after layer normalisation where that is asked for. */
  readonly matryoshka?: Matryoshka | undefined;
}

export interface Matryoshka {
  readonly dimension: number;
  readonly layerNorm: boolean;
}

/** Added to the variance by layer normalisation, as PyTorch does by default. */
const LAYER_NORM_EPSILON = 1e-5;

/** The output's shape does not fit the settings, or a vector is not finite. */
export class UnusableOutput extends Error {
  override readonly name = 'UnusableOutput';
  /** The setting to look at. */
  readonly setting: 'pooling' | 'dimension';

  constructor(message: string, setting: 'pooling' | 'dimension' = 'pooling') {
    super(message);
    this.setting = setting;
  }
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
    if (spec.dimension !== undefined && pooled.length !== spec.dimension) {
      throw new UnusableOutput(
        `expected vectors of ${spec.dimension} numbers, the model gives ${pooled.length}`,
        'dimension',
      );
    }
    const vector = finished(pooled, spec);
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

function finished(
  pooled: ArrayLike<number>,
  { normalise, matryoshka }: OutputSpec,
): Float32Array<ArrayBuffer> {
  if (matryoshka !== undefined) {
    const whole = matryoshka.layerNorm ? layerNormalised(pooled) : Float64Array.from(pooled);
    return unitLength(whole.subarray(0, matryoshka.dimension));
  }
  return normalise === 'l2' ? unitLength(pooled) : Float32Array.from(pooled);
}

/** Mean 0 and variance 1 over the numbers of one vector, without weights. */
function layerNormalised(values: ArrayLike<number>): Float64Array {
  const { length } = values;
  let sum = 0;
  for (let at = 0; at < length; at += 1) sum += values[at] as number;
  const mean = sum / length;
  let squares = 0;
  for (let at = 0; at < length; at += 1) squares += ((values[at] as number) - mean) ** 2;
  const deviation = Math.sqrt(squares / length + LAYER_NORM_EPSILON);
  return Float64Array.from({ length }, (_, at) => ((values[at] as number) - mean) / deviation);
}

/** Scaled to length 1, in double precision, rounded once; zeros stay zeros. */
export function unitLength(vector: ArrayLike<number>): Float32Array<ArrayBuffer> {
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
