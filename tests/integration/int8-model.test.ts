// The int8 model of the embed bench: made of a float32 one by its own quantiser, run by the real runtime.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { readOnnxHeader } from '../../actors/image/onnx-header.ts';
import { int8Model } from '../../bench/embed/int8-model.ts';
import { encodeModel, type GraphNode, type ModelGraph } from '../../scripts/onnx-writer.ts';

const SIDE = 16;
const CHANNELS = 8;

/** Numbers from -1 to 1 (a linear congruential generator, always the same). */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

const convolution = (from: string, weights: string, output: string): GraphNode => ({
  operator: 'Conv',
  inputs: [from, weights, `${weights}_bias`],
  output,
  attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
});

function network(extra: readonly GraphNode[] = []): ModelGraph {
  const weights = ([name, from]: readonly [string, number], seed: number) => [
    { name, shape: [CHANNELS, from, 3, 3], values: numbers(CHANNELS * from * 9, seed + 1) },
    { name: `${name}_bias`, shape: [CHANNELS], values: numbers(CHANNELS, seed + 50) },
  ];
  return {
    name: 'network',
    version: '1',
    description: 'two branches of convolutions, joined',
    opset: 13,
    inputs: [{ name: 'picture', type: 'float32', shape: ['N', 3, SIDE, SIDE] }],
    outputs: [{ name: 'vector', type: 'float32', shape: ['N', 2 * CHANNELS, 1, 1] }],
    weights: (
      [
        ['first', 3],
        ['left', CHANNELS],
        ['right', CHANNELS],
      ] as const
    ).flatMap(weights),
    nodes: [
      convolution('picture', 'first', 'first_sums'),
      { operator: 'Relu', inputs: ['first_sums'], output: 'first_out' },
      {
        operator: 'MaxPool',
        inputs: ['first_out'],
        output: 'pooled',
        attributes: { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } },
      },
      convolution('pooled', 'left', 'left_sums'),
      { operator: 'Relu', inputs: ['left_sums'], output: 'left_out' },
      convolution('pooled', 'right', 'right_sums'),
      { operator: 'Relu', inputs: ['right_sums'], output: 'right_out' },
      {
        operator: 'Concat',
        inputs: ['left_out', 'right_out'],
        output: 'both',
        attributes: { axis: { int: 1 } },
      },
      ...extra,
      { operator: 'GlobalAveragePool', inputs: ['both'], output: 'vector' },
    ],
  };
}

const input = (seed: number) => ({ values: numbers(3 * SIDE * SIDE, seed), shape: [1, 3, SIDE, SIDE] });
const calibration = [101, 102, 103, 104].map(input);

async function vectorOf(model: Uint8Array, seed: number): Promise<Float32Array> {
  const session = await InferenceSession.create(model);
  const { values, shape } = input(seed);
  const { vector } = await session.run({ picture: new Tensor('float32', values, shape) });
  await session.release();
  return vector?.data as Float32Array;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('an int8 model', () => {
  it('gives nearly the vectors of the float32 model that it was made of, for inputs it was not calibrated by', async () => {
    const whole = encodeModel(network());
    const small = await int8Model(whole, calibration);
    for (const seed of [1, 2, 3]) {
      const [one, other] = [await vectorOf(whole, seed), await vectorOf(small, seed)];
      expect(other).not.toEqual(one);
      expect(cosine(one, other)).toBeGreaterThan(0.999);
    }
  });

  it('quantises the input, each pooling, each concatenation and what each ReLU gave, and has no ReLU itself', async () => {
    const whole = encodeModel(network());
    const { operators } = readOnnxHeader(await int8Model(whole, calibration));
    expect(operators).toMatchObject({ Conv: 3, Concat: 1, MaxPool: 1, QuantizeLinear: 6 });
    expect(operators.Relu).toBeUndefined();
  });

  it('is refused for a network with an operator that is not known', async () => {
    const odd = network([{ operator: 'Sigmoid', inputs: ['both'], output: 'odd' }]);
    const needed = {
      ...odd,
      nodes: odd.nodes.map((node) => (node.output === 'vector' ? { ...node, inputs: ['odd'] } : node)),
    };
    await expect(int8Model(encodeModel(needed), calibration)).rejects.toThrow(/got Sigmoid/);
    // One that nothing needs is left out.
    expect(await vectorOf(await int8Model(encodeModel(odd), calibration), 1)).toHaveLength(2 * CHANNELS);
  });
});
