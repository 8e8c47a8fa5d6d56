// Gathers a body that comes in parts, decoded where it was compressed, and never holds more than the limit: neither
// of what came over the wire nor of what it expands to.
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { ItemFailure } from '../pipeline/item-failure.ts';
import type { FetchDeadline } from './fetch-deadline.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

export interface BodyLimits {
  readonly maxBytes: number;
  readonly deadline: FetchDeadline;
  /** Length that was announced, if any. */
  readonly announced?: number;
  /** The `Content-Encoding`, if any. */
  readonly encoding?: string;
}

/** @throws ItemFailure `too_large`, `fetch_failed` for an encoding that is not understood */
export async function collectBody(body: Readable, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBytes, deadline, announced, encoding = 'identity' } = limits;
  try {
    if (announced !== undefined && announced > maxBytes) throw tooLarge(maxBytes, String(announced));
    const coding = encoding.trim().toLowerCase();
    const arriving = bounded(body, maxBytes, () => deadline.touch());
    if (coding === '' || coding === 'identity') return await gather(arriving);
    const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (decoder === undefined) {
      const known = Object.keys(DECODERS).join(', ');
      throw new ItemFailure(
        'fetch_failed',
        `expected the encoding ${known} or none, got ${coding.slice(0, 40)}`,
      );
    }
    return await pipeline(arriving, decoder(), (decoded) => gather(bounded(decoded, maxBytes)));
  } finally {
    body.destroy();
  }
}

async function* bounded(
  parts: AsyncIterable<Uint8Array>,
  maxBytes: number,
  came: () => void = () => {},
): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  for await (const part of parts) {
    came();
    bytes += part.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes, `at least ${bytes}`);
    yield part;
  }
}

async function gather(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return new Uint8Array(Buffer.concat(all));
}

function tooLarge(maxBytes: number, got: string): ItemFailure {
  return new ItemFailure('too_large', `expected at most ${maxBytes} bytes, got ${got}`);
}
