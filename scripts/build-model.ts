// Builds models/troupe-tiny.onnx, the default embedding: fixed filters, no training, no data. A picture of
// 64 × 64 RGB becomes 224 numbers of unit length: the layout of its luminance (8 × 8), the strength of its edges in
// eight directions (4 × 4 × 8), and the layout of its colours (4 × 4 × 2). Run it after any change; the bytes are
// the same on every machine.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { encodeModel, type GraphNode, type ModelGraph, type Weights } from './onnx-writer.ts';

const side = 64;
const directions = 8;
const filterSide = 5;
const dimension = 64 + 16 * directions + 32;

/** Rounded to 1/4096, so that no machine's last digit of a sine gets into the file. */
function rounded(value: number): number {
  return Math.round(value * 4096) / 4096;
}

/** Derivatives of a Gaussian (sigma 1) towards each direction; opposite directions are told apart by Relu. */
function directionalFilters(): Float32Array {
  const filters = new Float32Array(directions * filterSide * filterSide);
  const middle = (filterSide - 1) / 2;
  for (let direction = 0; direction < directions; direction += 1) {
    const angle = (2 * Math.PI * direction) / directions;
    for (let y = -middle; y <= middle; y += 1) {
      for (let x = -middle; x <= middle; x += 1) {
        const along = x * Math.cos(angle) + y * Math.sin(angle);
        const at = (direction * filterSide + y + middle) * filterSide + x + middle;
        filters[at] = rounded(along * Math.exp(-(x * x + y * y) / 2));
      }
    }
  }
  return filters;
}

function scalar(name: string, value: number): Weights {
  return { name, shape: [1], values: Float32Array.of(value) };
}

/** Luminance, and the blue and red differences to it, from RGB 0 to 255, in units of the full range. */
function colourWeights(): Weights[] {
  const luma = [0.299, 0.587, 0.114];
  const blue = luma.map((weight, channel) => (channel === 2 ? 1 : 0) - weight);
  const red = luma.map((weight, channel) => (channel === 0 ? 1 : 0) - weight);
  return [
    { name: 'luma_weights', shape: [1, 3, 1, 1], values: Float32Array.from(luma, (weight) => weight / 255) },
    {
      name: 'chroma_weights',
      shape: [2, 3, 1, 1],
      values: Float32Array.from([...blue, ...red], (w) => w / 255),
    },
  ];
}

function pool(input: string, output: string, kernel: number, stride: number): GraphNode {
  const attributes = { kernel_shape: { ints: [kernel, kernel] }, strides: { ints: [stride, stride] } };
  return { operator: 'AveragePool', inputs: [input], output, attributes };
}

function flatten(input: string, output: string): GraphNode {
  return { operator: 'Flatten', inputs: [input], output, attributes: { axis: { int: 1 } } };
}

function binary(operator: string, a: string, b: string, output: string): GraphNode {
  return { operator, inputs: [a, b], output };
}

function reduce(operator: string, input: string, output: string): GraphNode {
  return { operator, inputs: [input], output, attributes: { axes: { ints: [1] }, keepdims: { int: 1 } } };
}

/** input - mean(input), for each picture. */
function centred(input: string, output: string): GraphNode[] {
  return [reduce('ReduceMean', input, `${output}_mean`), binary('Sub', input, `${output}_mean`, output)];
}

/** sign(input) · sqrt(|input|): one strong edge must not outvote the rest. */
function signedRoot(input: string, output: string): GraphNode[] {
  return [
    { operator: 'Abs', inputs: [input], output: `${output}_size` },
    { operator: 'Sqrt', inputs: [`${output}_size`], output: `${output}_root` },
    { operator: 'Sign', inputs: [input], output: `${output}_sign` },
    binary('Mul', `${output}_root`, `${output}_sign`, output),
  ];
}

/** weight · input / (length(input) + floor): the floor keeps noise small where there is nothing to see. */
function scaled(input: string, floor: string, weight: string, output: string): GraphNode[] {
  return [
    reduce('ReduceL2', input, `${output}_length`),
    binary('Add', `${output}_length`, floor, `${output}_divisor`),
    binary('Div', input, `${output}_divisor`, `${output}_unit`),
    binary('Mul', `${output}_unit`, weight, output),
  ];
}

function layoutNodes(): GraphNode[] {
  return [
    { operator: 'Conv', inputs: ['samples', 'luma_weights'], output: 'luma' },
    pool('luma', 'layout_pooled', 15, 7),
    flatten('layout_pooled', 'layout_flat'),
    ...centred('layout_flat', 'layout_centred'),
    ...signedRoot('layout_centred', 'layout_signed'),
    ...scaled('layout_signed', 'layout_floor', 'layout_weight', 'layout'),
  ];
}

function edgeNodes(): GraphNode[] {
  const attributes = { strides: { ints: [2, 2] } };
  return [
    { operator: 'Conv', inputs: ['luma', 'edge_filters'], output: 'edge_responses', attributes },
    { operator: 'Relu', inputs: ['edge_responses'], output: 'edge_strengths' },
    pool('edge_strengths', 'edges_pooled', 9, 7),
    flatten('edges_pooled', 'edges_flat'),
    { operator: 'Sqrt', inputs: ['edges_flat'], output: 'edges_root' },
    ...centred('edges_root', 'edges_centred'),
    ...scaled('edges_centred', 'edge_floor', 'edge_weight', 'edges'),
  ];
}

function colourNodes(): GraphNode[] {
  return [
    { operator: 'Conv', inputs: ['samples', 'chroma_weights'], output: 'chroma' },
    pool('chroma', 'colours_pooled', 22, 14),
    flatten('colours_pooled', 'colours_flat'),
    ...signedRoot('colours_flat', 'colours_signed'),
    ...scaled('colours_signed', 'colour_floor', 'colour_weight', 'colours'),
  ];
}

function troupeTiny(): ModelGraph {
  return {
    name: 'troupe-tiny',
    version: '1',
    description:
      'Fixed filters: luminance layout, edge directions, colour layout. Input RGB 0 to 255, 64 by 64.',
    opset: 13,
    inputs: [{ name: 'pixels', type: 'uint8', shape: ['N', 3, side, side] }],
    outputs: [{ name: 'embedding', type: 'float32', shape: ['N', dimension] }],
    weights: [
      ...colourWeights(),
      { name: 'edge_filters', shape: [directions, 1, filterSide, filterSide], values: directionalFilters() },
      scalar('layout_floor', 0.2),
      scalar('layout_weight', 0.75),
      scalar('edge_floor', 0.1),
      scalar('edge_weight', 1),
      scalar('colour_floor', 0.5),
      scalar('colour_weight', 0.75),
      scalar('never_zero', 0.001),
    ],
    nodes: [
      { operator: 'Cast', inputs: ['pixels'], output: 'samples', attributes: { to: { int: 1 } } },
      ...layoutNodes(),
      ...edgeNodes(),
      ...colourNodes(),
      {
        operator: 'Concat',
        inputs: ['layout', 'edges', 'colours'],
        output: 'parts',
        attributes: { axis: { int: 1 } },
      },
      binary('Add', 'parts', 'never_zero', 'vector'),
      reduce('ReduceL2', 'vector', 'vector_length'),
      binary('Div', 'vector', 'vector_length', 'embedding'),
    ],
  };
}

/** The bytes of models/troupe-tiny.onnx. */
export function buildTroupeTiny(): Uint8Array {
  return encodeModel(troupeTiny());
}

if (import.meta.main) {
  const target = fileURLToPath(new URL('../models/troupe-tiny.onnx', import.meta.url));
  const bytes = buildTroupeTiny();
  await writeFile(target, bytes);
  console.log(`${target}: ${bytes.length} bytes`);
}
