// The wire format of protobuf, as far as ONNX files need it: fields are written in the order in which they are given, and
// read with the bytes that they were written as, so that what is not understood can be kept.

/** One field of a message. */
export interface Field {
  readonly number: number;
  /** Of a number; 0 for all others. */
  readonly value: number;
  /** Of a string, bytes or a message. */
  readonly bytes: Uint8Array;
  /** The whole field, its tag included. */
  readonly raw: Uint8Array;
}

/** Fields of a message, in order. @throws RangeError where the bytes are no message */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const nothing = new Uint8Array(0);
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError(`expected a protobuf message, it ends at ${at}`);
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const from = at;
    const tag = number();
    const wire = tag % 8;
    let value = 0;
    let content: Uint8Array = nothing;
    if (wire === 0) value = number();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = number();
      content = bytes.subarray(at, at + length);
      at += length;
    } else throw new RangeError(`expected a protobuf message, found wire type ${wire} at ${from}`);
    yield { number: Math.floor(tag / 8), value, bytes: content, raw: bytes.subarray(from, at) };
  }
}

/** What a field says as text. */
export function textOf({ bytes }: Field): string {
  return new TextDecoder().decode(bytes);
}

export function integer(field: number, value: number): Uint8Array {
  return join([varint(field * 8), varint(value)]);
}

export function fixed32(field: number, value: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setFloat32(0, value, true);
  return join([varint(field * 8 + 5), new Uint8Array(bytes.buffer)]);
}

export function text(field: number, value: string): Uint8Array {
  return delimited(field, new TextEncoder().encode(value));
}

export function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return delimited(field, join(parts));
}

export function delimited(field: number, bytes: Uint8Array): Uint8Array {
  return join([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Base-128, least significant group first; `value` is not negative. */
function varint(value: number): Uint8Array {
  const groups: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    groups.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  groups.push(rest);
  return Uint8Array.from(groups);
}
