// Models so small that every number which goes through them can be worked out by hand.
import type { ModelGraph } from '../../scripts/onnx-writer.ts';

/** A model that gives its input `picture` back as `vector`, flattened to a row for each picture. */
export function flatteningModel(options: {
  readonly type?: 'uint8' | 'float32' | 'float16';
  /** Of the output; by default `float32`. */
  readonly gives?: 'float32' | 'float16';
  readonly input: readonly (number | string)[];
  readonly output: readonly (number | string)[];
}): ModelGraph {
  const { type = 'float32', gives = 'float32', input, output } = options;
  return {
    name: 'flattening',
    version: '1',
    description: 'gives its input back, flattened to a row for each picture',
    opset: 13,
    inputs: [{ name: 'picture', type, shape: input }],
    outputs: [{ name: 'vector', type: gives, shape: output }],
    weights: [],
    nodes: [
      {
        operator: 'Cast',
        inputs: ['picture'],
        output: 'numbers',
        attributes: { to: { int: gives === 'float16' ? 10 : 1 } },
      },
      { operator: 'Flatten', inputs: ['numbers'], output: 'vector', attributes: { axis: { int: 1 } } },
    ],
  };
}

/** The same, with noise of its own in every run. */
export function varyingModel(options: {
  readonly input: readonly (number | string)[];
  readonly output: readonly (number | string)[];
}): ModelGraph {
  const { nodes, ...graph } = flatteningModel(options);
  return {
    ...graph,
    name: 'varying',
    nodes: [
      {
        operator: 'RandomUniformLike',
        inputs: ['picture'],
        output: 'noise',
        attributes: { dtype: { int: 1 } },
      },
      { operator: 'Add', inputs: ['picture', 'noise'], output: 'noisy' },
      ...nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (name === 'picture' ? 'noisy' : name)),
      })),
    ],
  };
}
