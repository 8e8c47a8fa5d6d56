// The image kind: how pictures are analysed, indexed and compared, in the terms of the pipeline.
import type { AnalyseRequest, Analysis, AnalysisPool, Kind, Signal } from '../kinds/kind.ts';
import type { ImageAnalysis } from './analyse.ts';
import { comparePixels } from './pixel-comparison.ts';
import { IMAGE_SIGNALS } from './signal-catalogue.ts';
import { analyseThreadModule } from './thread-modules.ts';

/** Encodings that lose nothing: for keep-best they stand beside a JPEG of quality 100. */
const LOSSLESS: ReadonlySet<string> = new Set(['image/png', 'image/tiff', 'image/gif']);

export const imageKind: Kind = {
  name: 'image',
  version: 'image@2',
  analyserModule: analyseThreadModule(),

  async analyse(
    pool: AnalysisPool,
    request: AnalyseRequest,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Analysis> {
    // A copy of its own is moved to the thread. The bytes as they came are a view into the connection's larger buffer,
    // all of which would be copied twice on the way.
    const bytes = Uint8Array.from(request.bytes);
    const options = { timeoutMs, signal, transfer: [bytes.buffer] };
    const found = (await pool.ask({ ...request, bytes }, options)) as ImageAnalysis;
    return {
      facts: {
        content: found.sha256,
        mediaType: found.mediaType,
        byteLength: found.byteLength,
        hashes: { phash: found.phash, dhash: found.dhash },
        lowInformation: found.lowInformation,
        signals: { ...found.signals, width: found.width, height: found.height },
      },
      proxy: found.pixels,
      ...(found.modelPixels !== undefined && { modelProxy: found.modelPixels }),
    };
  },

  radii: ({ phashRadius, dhashRadius }) => ({ phash: phashRadius, dhash: dhashRadius }),

  verify: (a, b) => comparePixels(a, b),

  signals: IMAGE_SIGNALS,

  quality: ({ signals, mediaType, byteLength }) => [
    area(signals),
    sharpnessStep(signals),
    LOSSLESS.has(mediaType) ? 100 : number(signals, 'jpegQuality'),
    byteLength,
  ],
};

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
