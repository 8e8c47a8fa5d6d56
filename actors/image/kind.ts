// The image kind: how pictures are analysed, indexed and compared, in the terms of the pipeline.
import type { AnalyseRequest, Analysis, AnalysisPool, Kind, Signal } from '../kinds/kind.ts';
import type { ImageAnalysis } from './analyse.ts';
import type { LargePicture } from './analyse-thread.ts';
import { ADMITTED_PIXELS, decodedBytes } from './decode-cost.ts';
import { compareImages, imageHashes, imageIndexes } from './image-dedup.ts';
import { IMAGE_SIGNALS } from './signal-catalogue.ts';
import { analyseThreadModule } from './thread-modules.ts';

/** Encodings that lose nothing: for keep-best they stand beside a JPEG of quality 100. */
const LOSSLESS: ReadonlySet<string> = new Set(['image/png', 'image/tiff', 'image/gif']);

export const imageKind: Kind = {
  name: 'image',
  version: 'image@3',
  analyserModule: analyseThreadModule(),

  async analyse(
    pool: AnalysisPool,
    request: AnalyseRequest,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Analysis> {
    const found = await analyseAdmitted(pool, request, timeoutMs, signal);
    return {
      facts: {
        content: found.sha256,
        mediaType: found.mediaType,
        byteLength: found.byteLength,
        hashes: imageHashes(found),
        lowInformation: found.lowInformation,
        signals: { ...found.signals, width: found.width, height: found.height },
      },
      proxy: found.pixels,
      ...(found.modelPixels !== undefined && { modelProxy: found.modelPixels }),
    };
  },

  indexes: ({ vectors: { semantic }, ...radii }, dimension) =>
    imageIndexes({ ...radii, ...(semantic !== null && { vectors: { dimension, threshold: semantic } }) }),

  verify: compareImages,

  signals: IMAGE_SIGNALS,

  quality: ({ signals, mediaType, byteLength }) => [
    area(signals),
    sharpnessStep(signals),
    LOSSLESS.has(mediaType) ? 100 : number(signals, 'jpegQuality'),
    byteLength,
  ],
};

/** Asks the pool; a picture whose header shows that it is large is asked for again once there is memory for it. */
async function analyseAdmitted(
  pool: AnalysisPool,
  request: AnalyseRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ImageAnalysis> {
  const ask = async (content: Uint8Array, admittedPixels: number) => {
    const bytes = bytesToMove(content, request.movable);
    const options = { timeoutMs, signal, transfer: [bytes.buffer] };
    return (await pool.ask({ ...request, bytes, admittedPixels }, options)) as ImageAnalysis | LargePicture;
  };
  const first = await ask(request.bytes, ADMITTED_PIXELS);
  if (!('largePixels' in first)) return first;
  const { largePixels, bytes } = first;
  using _admitted = await pool.admit(decodedBytes(largePixels), signal);
  const second = await ask(bytes ?? request.bytes, largePixels);
  if (!('largePixels' in second)) return second;
  throw new Error(`a header said ${largePixels} pixels, and then ${second.largePixels}`);
}

/**
 * What is moved to the thread: the content itself where the asker needs it no more, else a copy of its own. One that
 * came in a message is a view into the connection's larger buffer, all of which would be copied twice on the way.
 */
function bytesToMove(content: Uint8Array, isMovable = false): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = content;
  return isMovable && buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : Uint8Array.from(content);
}

/** Effective resolution in pixels: an enlargement counts as what it was enlarged from. */
function area(signals: Readonly<Record<string, Signal>>): number {
  return number(signals, 'effectiveWidth') * number(signals, 'effectiveHeight');
}

/**
 * Sharpness in steps of about a tenth. Finer differences say nothing about two copies of one picture, and the blocks
 * of a poor encoding even look a little sharper; within a step the encoding decides.
 */
function sharpnessStep(signals: Readonly<Record<string, Signal>>): number {
  return Math.round(Math.log1p(number(signals, 'sharpness')) * 10);
}

function number(signals: Readonly<Record<string, Signal>>, name: string): number {
  const value = signals[name];
  return typeof value === 'number' ? value : 0;
}
