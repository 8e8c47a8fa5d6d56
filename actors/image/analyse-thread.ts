// The worker thread that analyses images: decoding and hashing never run on the event loop that acks messages and
// renews leases. A pool of these threads uses the cores, so each works on one core.
import sharp from 'sharp';
import { serveThread } from '#runtime';
import { analyseImage, type ImageAnalysis } from './analyse.ts';
import { type ImageLimits, NotAdmitted } from './decode.ts';
import type { ModelProxySpec } from './model-proxy.ts';

/** What the thread is asked: encoded bytes, the limits within which they are decoded, and copies to make. */
export interface AnalyseThreadRequest extends ImageLimits {
  readonly bytes: Uint8Array;
  /** The bytes were moved here: an answer that they are large brings them back. */
  readonly movable?: boolean;
  /** The copy that a model needs, besides. */
  readonly modelProxy?: ModelProxySpec;
}

/** The picture is within the limits and has more pixels than were admitted; nothing was decoded. */
export interface LargePicture {
  readonly largePixels: number;
  /** Null where the asker has them. */
  readonly bytes: Uint8Array | null;
}

serveThread<AnalyseThreadRequest, ImageAnalysis | LargePicture>({
  start() {
    sharp.concurrency(1);
    sharp.cache(false);
  },
  async handle({ bytes, movable = false, modelProxy, ...limits }) {
    let isReturned = false;
    try {
      const result = await analyseImage(bytes, limits, modelProxy);
      const copies = [result.pixels, result.modelPixels];
      return { result, transfer: copies.flatMap((pixels) => pixels?.buffer ?? []) };
    } catch (error) {
      if (!(error instanceof NotAdmitted)) throw error;
      isReturned = movable;
      const result = { largePixels: error.pixels, bytes: movable ? bytes : null };
      return { result, transfer: movable ? buffersOf(bytes) : [] };
    } finally {
      // At once: the asker's budget counts the content as gone when it has the answer.
      if (!isReturned) for (const buffer of buffersOf(bytes)) buffer.transfer(0);
    }
  },
});

function buffersOf({ buffer }: Uint8Array): readonly ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}
