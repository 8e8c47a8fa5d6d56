// How values become the bytes of internal messages: one version byte, then msgpack. Each message stands alone (whatever
// structures it uses it states itself), and decoded bytes are copies, so that nothing keeps a socket's buffer alive.
//
//   version 1   objects with their keys
//   version 2   lists whose objects have the same keys state these once: journal frames and snapshots of shards
//
// Every version that was ever written stays readable. Which one a node writes is agreed between all that run
// (`runtime/cluster/`); whoever does not take part in that writes the lowest.
import { Packr } from 'msgpackr';
import type { Codec } from '#runtime';
import { CodecError } from './errors.ts';

/** Versions that this program reads and can write. */
export const CODEC_VERSIONS = { lowest: 1, highest: 2 } as const;

/** A range of versions, both ends included. */
export interface CodecVersions {
  readonly lowest: number;
  readonly highest: number;
}

/** A codec that writes the version it is told to, and reads every one of its range. */
export class VersionedCodec implements Codec {
  readonly versions: CodecVersions;
  #writes: number;

  /** Writes the lowest version of the range until `write` says otherwise. */
  constructor(versions: CodecVersions = CODEC_VERSIONS) {
    this.versions = versions;
    this.#writes = versions.lowest;
  }

  /** The version that is written now. */
  get writes(): number {
    return this.#writes;
  }

  /** Writes `version` from now on. @throws RangeError for one outside the range */
  write(version: number): void {
    const { lowest, highest } = this.versions;
    if (version < lowest || version > highest)
      throw new RangeError(`message version ${version}: expected ${lowest} to ${highest}`);
    this.#writes = version;
  }

  encode(value: unknown): Uint8Array {
    return encode(value, this.#writes);
  }

  /** @throws CodecError */
  decode(bytes: Uint8Array): unknown {
    return decode(bytes, this.versions);
  }
}

/**
 * Encodes a value of objects, arrays, strings, numbers, booleans, null, dates and byte arrays. The same value with
 * the same order of keys always gives the same bytes. Maps come back as objects and sets as arrays.
 * @param version the highest that the bytes may be of; what gains nothing by it is written in an older one
 */
export function encode(value: unknown, version: number = CODEC_VERSIONS.lowest): Uint8Array {
  const asList = version >= 2 && Array.isArray(value);
  const packed = (asList ? listPack() : messagePack()).pack(value);
  const bytes = new Uint8Array(packed.length + 1);
  bytes[0] = asList ? 2 : 1;
  bytes.set(packed, 1);
  return bytes;
}

/**
 * Decodes what `encode` wrote. The result is unchecked: callers parse it with their schema.
 * @throws CodecError for a version outside `versions` or bytes which are not one whole value.
 */
export function decode(bytes: Uint8Array, versions: CodecVersions = CODEC_VERSIONS): unknown {
  const version = bytes[0];
  if (version === undefined) throw new CodecError('empty message: expected a version byte');
  const { lowest, highest } = versions;
  if (version < lowest || version > highest)
    throw new CodecError(`message version ${version}: this program reads ${lowest} to ${highest}`);
  try {
    // A plain view, as a Buffer's bytes would come back as Buffers. One reader for both versions: it follows the
    // structures that a message states, and keeps none.
    return messagePack().unpack(new Uint8Array(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1));
  } catch (cause) {
    throw new CodecError(`message of ${bytes.length} bytes is not valid msgpack`, { cause });
  }
}

let plain: Packr | undefined;
let structured: Packr | undefined;

// Made on first use: nothing at module top level does work. Neither holds state between messages.
function messagePack(): Packr {
  plain ??= new Packr({ useRecords: false, ...COMMON });
  return plain;
}

function listPack(): Packr {
  structured ??= new Packr({ useRecords: true, ...COMMON });
  return structured;
}

const COMMON = { variableMapSize: true, copyBuffers: true, mapsAsObjects: true } as const;
