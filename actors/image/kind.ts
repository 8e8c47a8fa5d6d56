// The image kind: how pictures are analysed, indexed and compared, in the terms of the pipeline.
import type { AnalyseRequest, Analysis, AnalysisPool, Kind, Signal } from '../kinds/kind.ts';
import type { ImageAnalysis } from './analyse.ts';
import { comparePixels } from './pixel-comparison.ts';
import { analyseThreadModule } from './thread-modules.ts';

/** Long side in pixels beyond which more resolution adds nothing to the score. */
const FULL_RESOLUTION = 512;
/** Laplacian variance (8-bit luminance, common size) beyond which a picture counts as fully sharp. */
const FULL_SHARPNESS = 500;
/** Entropy in bits of the luminance histogram beyond which a picture counts as full of information. */
const FULL_ENTROPY = 6;

export const imageKind: Kind = {
  name: 'image',
  version: 'image@1',
  analyserModule: analyseThreadModule(),

  async analyse(
    pool: AnalysisPool,
    request: AnalyseRequest,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Analysis> {
    const found = (await pool.ask(request, { timeoutMs, signal })) as ImageAnalysis;
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
    };
  },

  radii: ({ phashRadius, dhashRadius }) => ({ phash: phashRadius, dhash: dhashRadius }),

  verify: (a, b) => comparePixels(a, b),

  contributions: (signals) => ({
    resolution: Math.min(1, Math.sqrt(area(signals)) / FULL_RESOLUTION),
    sharpness: Math.min(1, Math.log1p(number(signals, 'sharpness')) / Math.log1p(FULL_SHARPNESS)),
    entropy: Math.min(1, number(signals, 'entropy') / FULL_ENTROPY),
  }),

  quality: ({ signals, byteLength }) => [area(signals), number(signals, 'sharpness'), byteLength],
};

/** Effective resolution in pixels: an enlargement counts as what it was enlarged from. */
function area(signals: Readonly<Record<string, Signal>>): number {
  return number(signals, 'effectiveWidth') * number(signals, 'effectiveHeight');
}

function number(signals: Readonly<Record<string, Signal>>, name: string): number {
  const value = signals[name];
  return typeof value === 'number' ? value : 0;
}
