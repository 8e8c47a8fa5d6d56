// The worker thread that analyses images: decoding and hashing never run on the event loop that acks messages and
// renews leases. A pool of these threads uses the cores, so each works on one core.
import sharp from 'sharp';
import { serveThread } from '#runtime';
import { analyseImage, type ImageAnalysis } from './analyse.ts';
import type { ImageLimits } from './decode.ts';
import type { ModelProxySpec } from './model-proxy.ts';

/** What the thread is asked: encoded bytes, the limits within which they are decoded, and copies to make. */
export interface AnalyseThreadRequest extends ImageLimits {
  readonly bytes: Uint8Array;
  /** The copy that a model needs, besides. */
  readonly modelProxy?: ModelProxySpec;
}

serveThread<AnalyseThreadRequest, ImageAnalysis>({
  start() {
    sharp.concurrency(1);
    sharp.cache(false);
  },
  async handle({ bytes, maxPixels, maxBytes, modelProxy }) {
    const result = await analyseImage(bytes, { maxPixels, maxBytes }, modelProxy);
    return {
      result,
      transfer: [result.pixels, result.modelPixels].flatMap((pixels) => pixels?.buffer ?? []),
    };
  },
});
