// Writes ONNX models: the few protobuf messages of onnx.proto3 that a small graph needs, in a fixed field order, so
// that the same graph always gives the same bytes. Used by build-model.ts.
import { delimited, fixed32, integer, join, message, text } from './protobuf.ts';

/** An operator's attribute: an integer, a number that must be stored as float, or a list of integers. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] };

/** One operator of the graph; edges are names. */
export interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A constant float32 tensor. */
export interface Weights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A graph input or output; a named dimension is free. */
export interface TensorPort {
  readonly name: string;
  readonly type: 'uint8' | 'float32' | 'float16';
  readonly shape: readonly (number | string)[];
}

export interface ModelGraph {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Version of the default operator set. */
  readonly opset: number;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly weights: readonly Weights[];
  readonly nodes: readonly GraphNode[];
}

const irVersion = 8;
const elementTypes = { float32: 1, uint8: 2, float16: 10 } as const;
const attributeTypes = { float: 1, int: 2, ints: 7 } as const;

/** The model file's bytes. */
export function encodeModel(graph: ModelGraph): Uint8Array {
  return join([
    integer(1, irVersion),
    text(2, graph.name),
    text(3, graph.version),
    text(6, graph.description),
    message(7, encodeGraph(graph)),
    message(8, [text(1, ''), integer(2, graph.opset)]),
  ]);
}

function encodeGraph(graph: ModelGraph): Uint8Array[] {
  return [
    ...graph.nodes.map((node) => message(1, encodeNode(node))),
    text(2, graph.name),
    ...graph.weights.map((weights) => message(5, encodeWeights(weights))),
    ...graph.inputs.map((port) => message(11, encodePort(port))),
    ...graph.outputs.map((port) => message(12, encodePort(port))),
  ];
}

function encodeNode({ operator, inputs, output, attributes = {} }: GraphNode): Uint8Array[] {
  return [
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(3, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) => message(5, encodeAttribute(name, value))),
  ];
}

function encodeAttribute(name: string, attribute: Attribute): Uint8Array[] {
  if ('float' in attribute) {
    return [text(1, name), fixed32(2, attribute.float), integer(20, attributeTypes.float)];
  }
  if ('int' in attribute) {
    return [text(1, name), integer(3, attribute.int), integer(20, attributeTypes.int)];
  }
  return [
    text(1, name),
    ...attribute.ints.map((value) => integer(8, value)),
    integer(20, attributeTypes.ints),
  ];
}

function encodeWeights({ name, shape, values }: Weights): Uint8Array[] {
  const raw = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => {
    raw.setFloat32(index * 4, value, true);
  });
  return [
    ...shape.map((size) => integer(1, size)),
    integer(2, elementTypes.float32),
    text(8, name),
    delimited(9, new Uint8Array(raw.buffer)),
  ];
}

function encodePort({ name, type, shape }: TensorPort): Uint8Array[] {
  const dimensions = shape.map((size) =>
    message(1, [typeof size === 'string' ? text(2, size) : integer(1, size)]),
  );
  const tensor = message(1, [integer(1, elementTypes[type]), message(2, dimensions)]);
  return [text(1, name), message(2, [tensor])];
}
