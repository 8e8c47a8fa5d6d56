// Gathers a body that comes in parts, decoded where it was compressed, and never holds more than the limit: neither
// of what came over the wire nor of what it expands to. What it holds is admitted before, and is held once.
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { ItemFailure } from '../pipeline/item-failure.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { FetchDeadline } from './fetch-deadline.ts';
import { collectYoungGarbage } from './young-garbage.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** What a body of unknown length may hold before it is admitted with its whole limit; most pictures end within it. */
const FIRST_BYTES = 2 * 1024 * 1024;

/** How much of a body comes between two looks at the garbage of its parts. */
const GARBAGE_BYTES = 4 * 1024 * 1024;

export interface BodyLimits {
  readonly maxBytes: number;
  readonly deadline: FetchDeadline;
  /** Asked before memory is taken, with all that may be held then. */
  readonly admit: (bytes: number) => Promise<void>;
  /** Length that was announced, if any. */
  readonly announced?: number;
  /** The `Content-Encoding`, if any. */
  readonly encoding?: string;
}

/**
 * The body, in a buffer of its own.
 * @throws ItemFailure `too_large`, `fetch_failed` for an encoding that is not understood
 */
export async function collectBody(body: Readable, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBytes, deadline, announced, encoding = 'identity' } = limits;
  // While nobody reads, an error is kept for whoever reads next; without a listener it would end the process.
  body.on('error', () => {});
  try {
    if (announced !== undefined && announced > maxBytes) throw tooLarge(maxBytes, String(announced));
    // What is unpacked is a sign of life, too: the server is not to blame for the time that it takes.
    const came = () => deadline.touch();
    const coding = encoding.trim().toLowerCase();
    const arriving = bounded(body, maxBytes, came);
    if (coding === '' || coding === 'identity') return await gather(arriving, announced, limits);
    const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
    if (decoder === undefined) {
      const known = Object.keys(DECODERS).join(', ');
      throw new ItemFailure(
        'fetch_failed',
        `expected the encoding ${known} or none, got ${coding.slice(0, 40)}`,
      );
    }
    return await pipeline(arriving, decoder(), (decoded) =>
      gather(bounded(decoded, maxBytes, came), undefined, limits),
    );
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

async function gather(
  parts: AsyncIterable<Uint8Array>,
  announced: number | undefined,
  { maxBytes, deadline, admit }: BodyLimits,
): Promise<Uint8Array> {
  const first = Math.min(announced ?? FIRST_BYTES, maxBytes);
  await deadline.pausedFor(admit(first));
  let admitted = first;
  using buffer = new BodyBuffer(announced ?? maxBytes);
  for await (const part of parts) {
    if (buffer.length + part.byteLength > admitted) {
      admitted = maxBytes;
      await deadline.pausedFor(admit(admitted));
    }
    if (crosses(buffer.length, part.byteLength)) collectYoungGarbage();
    buffer.add(part);
  }
  return buffer.take();
}

/** Whether a body that grows by a part reaches the next step after which its garbage is collected. */
function crosses(length: number, more: number): boolean {
  return Math.floor((length + more) / GARBAGE_BYTES) > Math.floor(length / GARBAGE_BYTES);
}

function tooLarge(maxBytes: number, got: string): ItemFailure {
  return new ItemFailure('too_large', `expected at most ${maxBytes} bytes, got ${got}`);
}
