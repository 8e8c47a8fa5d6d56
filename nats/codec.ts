// How values become the bytes of internal messages: one version byte, then msgpack. Each message stands alone (no
// shared record structures), and decoded bytes are copies, so that nothing keeps a socket's buffer alive.
import { Packr } from 'msgpackr';
import { CodecError } from './errors.ts';

const VERSION = 1;

/** Versions that this program reads and can write. */
export const CODEC_VERSIONS = { lowest: VERSION, highest: VERSION } as const;

/**
 * Encodes a value of objects, arrays, strings, numbers, booleans, null, dates and byte arrays. The same value with
 * the same order of keys always gives the same bytes. Maps come back as objects and sets as arrays.
 */
export function encode(value: unknown): Uint8Array {
  const packed = messagePack().pack(value);
  const bytes = new Uint8Array(packed.length + 1);
  bytes[0] = VERSION;
  bytes.set(packed, 1);
  return bytes;
}

/**
 * Decodes what `encode` wrote. The result is unchecked: callers parse it with their schema.
 * @throws CodecError for an unknown version or bytes which are not one whole value.
 */
export function decode(bytes: Uint8Array): unknown {
  const version = bytes[0];
  if (version === undefined) throw new CodecError('empty message: expected a version byte');
  if (version !== VERSION) throw new CodecError(`message version ${version}: this program reads ${VERSION}`);
  try {
    // A plain view, as a Buffer's bytes would come back as Buffers.
    return messagePack().unpack(new Uint8Array(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1));
  } catch (cause) {
    throw new CodecError(`message of ${bytes.length} bytes is not valid msgpack`, { cause });
  }
}

let shared: Packr | undefined;

// Made on first use: nothing at module top level does work. Without records it holds no state between messages.
function messagePack(): Packr {
  shared ??= new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true, mapsAsObjects: true });
  return shared;
}
