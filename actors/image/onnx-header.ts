// What an ONNX file says of itself before anything runs it: format, operator sets, who made it, which operators it has.
// Reads the few protobuf fields of onnx.proto3 that hold this and steps over the rest.

export interface OnnxHeader {
  /** Version of the file format. */
  readonly irVersion: number;
  readonly producer: string;
  /** Version of each operator set; the standard one is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Operators of the graph and how often each occurs, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
}

/** One field of a protobuf message: a number, or bytes. */
interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}

const MODEL = { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8 } as const;
const OPSET = { domain: 1, version: 2 } as const;
const GRAPH_NODE = 1;
const NODE_OPERATOR = 4;

/** @throws RangeError where the bytes are no protobuf message with a graph in it */
export function readOnnxHeader(bytes: Uint8Array): OnnxHeader {
  let irVersion = 0;
  let graph: Uint8Array | undefined;
  const producer: string[] = [];
  const opsets: Record<string, number> = {};
  for (const field of fieldsOf(bytes)) {
    switch (field.number) {
      case MODEL.irVersion:
        irVersion = field.value;
        break;
      case MODEL.producerName:
      case MODEL.producerVersion:
        producer.push(textOf(field));
        break;
      case MODEL.opsetImport: {
        const fields = [...fieldsOf(field.bytes)];
        const domain = fields.find(({ number }) => number === OPSET.domain);
        const version = fields.find(({ number }) => number === OPSET.version);
        opsets[(domain && textOf(domain)) || 'ai.onnx'] = version?.value ?? 0;
        break;
      }
      case MODEL.graph:
        graph = field.bytes;
        break;
    }
  }
  if (graph === undefined) throw new RangeError('expected an ONNX model, found no graph in it');
  return { irVersion, producer: producer.join(' ').trim(), opsets, operators: operatorsOf(graph) };
}

function operatorsOf(graph: Uint8Array): Record<string, number> {
  const counts = new Map<string, number>();
  for (const node of fieldsOf(graph)) {
    if (node.number !== GRAPH_NODE) continue;
    for (const field of fieldsOf(node.bytes)) {
      if (field.number !== NODE_OPERATOR) continue;
      const operator = textOf(field);
      counts.set(operator, (counts.get(operator) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort(([, one], [, other]) => other - one));
}

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[at];
      if (byte === undefined || factor > 0x80 ** 9)
        throw new RangeError('expected an ONNX model, it ends within a number');
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  const nothing = new Uint8Array(0);
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint(), bytes: nothing };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length)
          throw new RangeError('expected an ONNX model, it ends within a field');
        yield { number, value: 0, bytes: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new RangeError('expected an ONNX model, found a field of no known sort');
    }
  }
}

function textOf({ bytes }: Field): string {
  return new TextDecoder().decode(bytes);
}
