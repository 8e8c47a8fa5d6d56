// Makes an int8 model of a float32 one: static quantisation as the ONNX runtime's own tools do it. Weights become int8 with
// a scale for each channel, activations uint8 with a scale each, found by running pictures through the model; the runtime
// then fuses each convolution between them into one that works on integers.
//
// It knows what a plain convolutional network is made of. A ReLU after a convolution disappears, since an unsigned
// activation ends at zero by itself. What a concatenation or a pooling passes on keeps its scale, so that it is only copied.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  ELEMENT,
  freeOutput,
  integerAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  readGraph,
  writeGraph,
} from './onnx-graph.ts';

/** Largest level of a weight, to both sides. */
const WEIGHT_LEVELS = 127;
const ACTIVATION_LEVELS = 255;
const QUANTISED_OPERATORS = ['Conv', 'Relu', 'MaxPool', 'Concat', 'Dropout', 'GlobalAveragePool'];

/** Input of one picture, as the model takes it. */
export interface CalibrationInput {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

interface Range {
  readonly least: number;
  readonly most: number;
}

/** The same model in int8. @throws RangeError for one with other operators than a plain convolutional network has */
export async function int8Model(
  file: Uint8Array,
  calibration: readonly CalibrationInput[],
): Promise<Uint8Array> {
  const graph = needed(readGraph(file));
  for (const { operator } of graph.nodes) {
    if (!QUANTISED_OPERATORS.includes(operator)) {
      throw new RangeError(`expected ${QUANTISED_OPERATORS.join(', ')}, got ${operator}`);
    }
  }
  return writeGraph(new Quantiser(graph, await rangesOf(graph, calibration)).graph());
}

/** Without the nodes that no output needs. */
function needed(graph: OnnxGraph): OnnxGraph {
  const wanted = new Set(graph.outputs.keys());
  const nodes: OnnxNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of node.inputs) wanted.add(name);
    nodes.unshift(node);
  }
  return { ...graph, nodes, weights: graph.weights.filter(({ name }) => wanted.has(name)) };
}

/** Ranges of the input and of what each ReLU gives, over the pictures; shared by what is to have one scale. */
async function rangesOf(
  graph: OnnxGraph,
  calibration: readonly CalibrationInput[],
): Promise<ReadonlyMap<string, Range>> {
  const [input = ''] = graph.inputs.keys();
  const observed = graph.nodes
    .filter(({ operator }) => operator === 'Relu')
    .map(({ outputs: [to = ''] }) => to);
  const outputs = new Map([...graph.outputs, ...observed.map((name) => [name, freeOutput(name)] as const)]);
  const nodes = graph.nodes.map((node) => (node.operator === 'Dropout' ? { ...node, attributes: [] } : node));
  const session = await InferenceSession.create(writeGraph({ ...graph, nodes, outputs }));
  const ranges = new Map<string, Range>();
  try {
    for (const { values, shape } of calibration) {
      const feeds = { [input]: new Tensor('float32', values, shape) };
      const results = await session.run(feeds, observed);
      widen(ranges, input, values);
      for (const name of observed) widen(ranges, name, results[name]?.data as Float32Array);
    }
  } finally {
    await session.release();
  }
  shareRanges(graph, ranges);
  return ranges;
}

function widen(ranges: Map<string, Range>, name: string, values: Float32Array): void {
  let { least, most } = ranges.get(name) ?? { least: 0, most: 0 };
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  ranges.set(name, { least, most });
}

/** One range for all that meets in a concatenation, and for both sides of a pooling. */
function shareRanges(graph: OnnxGraph, ranges: Map<string, Range>): void {
  const passing = graph.nodes.filter(({ operator }) => ['Concat', 'MaxPool', 'Dropout'].includes(operator));
  for (let changed = true; changed; ) {
    changed = false;
    for (const { inputs, outputs } of passing) {
      const names = [...inputs, outputs[0] ?? ''];
      const known = names.flatMap((name) => ranges.get(name) ?? []);
      const shared = {
        least: Math.min(...known.map(({ least }) => least)),
        most: Math.max(...known.map(({ most }) => most)),
      };
      for (const name of names) {
        const range = ranges.get(name);
        if (range?.least === shared.least && range.most === shared.most) continue;
        ranges.set(name, shared);
        changed = true;
      }
    }
  }
}

/** Scale and zero point of an activation. */
interface Scale {
  readonly scale: number;
  readonly zero: number;
}

/** Writes the graph anew, node by node. */
class Quantiser {
  readonly #source: OnnxGraph;
  readonly #ranges: ReadonlyMap<string, Range>;
  readonly #tensors: ReadonlyMap<string, OnnxTensor>;
  readonly #nodes: OnnxNode[] = [];
  readonly #weights: OnnxTensor[] = [];
  /** Names under which values are to be had, by the names that they had. */
  readonly #names = new Map<string, string>();

  constructor(source: OnnxGraph, ranges: ReadonlyMap<string, Range>) {
    this.#source = source;
    this.#ranges = ranges;
    this.#tensors = new Map(source.weights.map((tensor) => [tensor.name, tensor]));
  }

  graph(): OnnxGraph {
    for (const name of this.#source.inputs.keys()) this.#activation(name, name);
    for (const node of this.#source.nodes) this.#write(node);
    return { ...this.#source, nodes: this.#nodes, weights: this.#weights };
  }

  #write(node: OnnxNode): void {
    const [from = ''] = node.inputs;
    const [to = ''] = node.outputs;
    switch (node.operator) {
      case 'Conv':
        this.#convolution(node);
        break;
      case 'Relu':
        this.#activation(this.#nameOf(from), to);
        break;
      case 'Dropout':
        this.#names.set(to, this.#nameOf(from));
        break;
      default:
        this.#nodes.push({ ...node, inputs: node.inputs.map((name) => this.#nameOf(name)) });
        if (node.operator !== 'GlobalAveragePool') this.#activation(to, to);
    }
  }

  #nameOf(name: string): string {
    return this.#names.get(name) ?? name;
  }

  #scaleOf(name: string): Scale {
    const range = this.#ranges.get(name);
    if (range === undefined)
      throw new RangeError(`expected ${name} to follow a ReLU, a pooling or the input`);
    const { least, most } = range;
    const scale = (most - least) / ACTIVATION_LEVELS || 1;
    return { scale, zero: Math.round(-least / scale) };
  }

  /** What was `name` is to be had as quantised from the value `from`. */
  #activation(from: string, name: string): void {
    const { scale, zero } = this.#scaleOf(name);
    const scaling = [`${name}/scale`, `${name}/zero`];
    this.#weights.push(
      floats(`${name}/scale`, [scale], []),
      bytes(`${name}/zero`, ELEMENT.uint8, [zero], []),
    );
    this.#nodes.push(
      node('QuantizeLinear', [from, ...scaling], `${name}/levels`),
      node('DequantizeLinear', [`${name}/levels`, ...scaling], `${name}/values`),
    );
    this.#names.set(name, `${name}/values`);
  }

  #convolution(source: OnnxNode): void {
    const [from = '', weights = '', bias = ''] = source.inputs;
    const kernel = this.#tensors.get(weights);
    const added = this.#tensors.get(bias);
    if (kernel === undefined || added === undefined) {
      throw new RangeError(`expected constant weights and a bias for ${source.outputs[0]}`);
    }
    const input = this.#scaleOf(from);
    const values = floatsOf(kernel);
    const [channels = 0] = kernel.shape;
    const each = values.length / channels;
    const scales = Array.from({ length: channels }, (_, channel) => {
      const part = values.subarray(channel * each, (channel + 1) * each);
      return part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / WEIGHT_LEVELS || 1;
    });
    const levels = Array.from(values, (value, at) =>
      Math.round(value / (scales[Math.floor(at / each)] ?? 1)),
    );
    const sums = scales.map((scale) => scale * input.scale);
    const offsets = Array.from(floatsOf(added), (value, channel) => Math.round(value / (sums[channel] ?? 1)));
    this.#weights.push(
      bytes(`${weights}/levels`, ELEMENT.int8, levels, kernel.shape),
      floats(`${weights}/scale`, scales, [channels]),
      bytes(
        `${weights}/zero`,
        ELEMENT.int8,
        scales.map(() => 0),
        [channels],
      ),
      {
        name: `${bias}/levels`,
        shape: added.shape,
        type: ELEMENT.int32,
        raw: rawOf(Int32Array.from(offsets)),
      },
      floats(`${bias}/scale`, sums, [channels]),
    );
    const byChannel = [integerAttribute('axis', 0)];
    const scaled = (name: string) => `${name}/values`;
    this.#nodes.push(
      node(
        'DequantizeLinear',
        [`${weights}/levels`, `${weights}/scale`, `${weights}/zero`],
        scaled(weights),
        byChannel,
      ),
      node('DequantizeLinear', [`${bias}/levels`, `${bias}/scale`], scaled(bias), byChannel),
      { ...source, inputs: [this.#nameOf(from), scaled(weights), scaled(bias)] },
    );
  }
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Uint8Array[] = [],
): OnnxNode {
  return { operator, inputs, outputs: [output], attributes };
}

function floats(name: string, values: readonly number[], shape: readonly number[]): OnnxTensor {
  return { name, shape, type: ELEMENT.float32, raw: rawOf(Float32Array.from(values)) };
}

function bytes(name: string, type: number, values: readonly number[], shape: readonly number[]): OnnxTensor {
  return {
    name,
    shape,
    type,
    raw: rawOf(type === ELEMENT.int8 ? Int8Array.from(values) : Uint8Array.from(values)),
  };
}

function rawOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function floatsOf({ raw, type, name }: OnnxTensor): Float32Array {
  if (type !== ELEMENT.float32) throw new RangeError(`expected ${name} to be float32`);
  return new Float32Array(new Uint8Array(raw).buffer);
}
