// An ONNX file taken apart and put together again: nodes and weights are read, everything else is kept as it is written.
import { fieldsOf, integer, join, message, text, textOf } from '../../scripts/protobuf.ts';

const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 } as const;
const GRAPH = { node: 1, weights: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 } as const;
const TENSOR = { dimension: 1, type: 2, name: 8, raw: 9 } as const;

/** Types of elements, as ONNX numbers them. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6 } as const;

/** A node of the graph; its attributes are kept as they are written. */
export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Uint8Array[];
}

/** A constant tensor. */
export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** Little-endian, in rows. */
  readonly raw: Uint8Array;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxTensor[];
  /** Ports as they are written, by name. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  readonly outputs: ReadonlyMap<string, Uint8Array>;
}

/** @throws RangeError where the bytes are no ONNX file */
export function readGraph(file: Uint8Array): OnnxGraph {
  const graph = [...fieldsOf(file)].find(({ number }) => number === MODEL.graph);
  if (graph === undefined) throw new RangeError('expected an ONNX model, found no graph in it');
  const fields = [...fieldsOf(graph.bytes)];
  const of = (wanted: number) => fields.filter(({ number }) => number === wanted).map(({ bytes }) => bytes);
  const ports = (wanted: number) =>
    new Map(of(wanted).map((bytes) => [textIn(bytes, 1), message(wanted, [bytes])]));
  const weights = of(GRAPH.weights).map(readTensor);
  const inputs = ports(GRAPH.input);
  // Files of before 2019 list their weights among the inputs.
  for (const { name } of weights) inputs.delete(name);
  return { nodes: of(GRAPH.node).map(readNode), weights, inputs, outputs: ports(GRAPH.output) };
}

/** A file of this graph, in operator set 13, the first with quantisation by channel. */
export function writeGraph({ nodes, weights, inputs, outputs }: OnnxGraph): Uint8Array {
  return join([
    integer(MODEL.irVersion, 8),
    message(MODEL.graph, [
      ...nodes.map((node) => message(GRAPH.node, writeNode(node))),
      text(2, 'graph'),
      ...weights.map((tensor) => message(GRAPH.weights, writeTensor(tensor))),
      ...inputs.values(),
      ...outputs.values(),
    ]),
    message(MODEL.opsetImport, [text(1, ''), integer(2, 13)]),
  ]);
}

/** An output of float32 numbers whose shape is left to the runtime. */
export function freeOutput(name: string): Uint8Array {
  const type = message(1, [integer(1, ELEMENT.float32)]);
  return message(GRAPH.output, [text(1, name), message(2, [type])]);
}

/** An attribute with an integer. */
export function integerAttribute(name: string, value: number): Uint8Array {
  return message(NODE.attribute, [text(1, name), integer(3, value), integer(20, 2)]);
}

function readNode(bytes: Uint8Array): OnnxNode {
  const fields = [...fieldsOf(bytes)];
  const texts = (wanted: number) => fields.filter(({ number }) => number === wanted).map(textOf);
  return {
    operator: textIn(bytes, NODE.operator),
    inputs: texts(NODE.input),
    outputs: texts(NODE.output),
    attributes: fields.filter(({ number }) => number === NODE.attribute).map(({ raw }) => raw),
  };
}

function writeNode({ operator, inputs, outputs, attributes }: OnnxNode): readonly Uint8Array[] {
  return [
    ...inputs.map((name) => text(NODE.input, name)),
    ...outputs.map((name) => text(NODE.output, name)),
    text(NODE.operator, operator),
    ...attributes,
  ];
}

function readTensor(bytes: Uint8Array): OnnxTensor {
  const fields = [...fieldsOf(bytes)];
  const name = textIn(bytes, TENSOR.name);
  const raw = fields.find(({ number }) => number === TENSOR.raw)?.bytes;
  if (raw === undefined) throw new RangeError(`expected the numbers of ${name} as raw data`);
  return {
    name,
    shape: fields.filter(({ number }) => number === TENSOR.dimension).map(({ value }) => value),
    type: fields.find(({ number }) => number === TENSOR.type)?.value ?? 0,
    raw,
  };
}

function writeTensor({ name, shape, type, raw }: OnnxTensor): readonly Uint8Array[] {
  return [
    ...shape.map((size) => integer(TENSOR.dimension, size)),
    integer(TENSOR.type, type),
    text(TENSOR.name, name),
    message(TENSOR.raw, [raw]),
  ];
}

function textIn(bytes: Uint8Array, wanted: number): string {
  const field = [...fieldsOf(bytes)].find(({ number }) => number === wanted);
  return field === undefined ? '' : textOf(field);
}
