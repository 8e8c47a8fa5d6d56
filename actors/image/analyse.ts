// The image kind's analysis: from bytes to content digest, perceptual hashes, signals and the proxy that pairs are
// verified on. A pure function of the bytes, so that a repeated analysis changes nothing; it runs in worker threads.
import { createHash } from 'node:crypto';
import { type DecodedImage, decodeImage, type ImageLimits } from './decode.ts';
import { imageSignals } from './image-signals.ts';
import { type ModelProxySpec, modelProxy } from './model-proxy.ts';
import { type OrientationHashes, orientationHashes } from './orientation-hashes.ts';
import { lowFrequencies, perceptualHashes } from './perceptual-hash.ts';
import { luminance, type Raster } from './raster.ts';
import { resample } from './resample.ts';

/** Side of the proxy in pixels. */
export const proxySide = 64;

/** What the ingestor learns from an image. */
export interface ImageAnalysis {
  /** Of the encoded bytes; 64 hex digits. */
  readonly sha256: string;
  /** Media type by content. */
  readonly mediaType: string;
  readonly byteLength: number;
  readonly width: number;
  readonly height: number;
  /** 16 lower-case hex digits, most significant bit first; equal to Python imagehash. */
  readonly phash: string;
  readonly dhash: string;
  /** The pHash of the picture mirrored and turned. */
  readonly orientations: OrientationHashes;
  /** The hashes are mostly noise (a flat picture): they are neither inserted nor queried. */
  readonly lowInformation: boolean;
  readonly signals: Record<string, number | string | boolean>;
  /** The whole frame squeezed to 64 × 64 RGB by area; 12,288 bytes. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** The copy at a model's input size, where one was asked for; RGB. */
  readonly modelPixels?: Uint8Array<ArrayBuffer>;
}

/**
 * Analyses an image by its first frame; `model` asks for the copy that a model needs, made of the same decoded pixels.
 * @throws AnalysisError with a stable `code` when the bytes are refused or broken.
 */
export async function analyseImage(
  bytes: Uint8Array,
  limits: ImageLimits,
  model?: ModelProxySpec,
): Promise<ImageAnalysis> {
  const image = await decodeImage(bytes, limits);
  const gray = luminance(image.raster);
  const coefficients = lowFrequencies(gray);
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    mediaType: image.mediaType,
    byteLength: bytes.length,
    width: gray.width,
    height: gray.height,
    ...perceptualHashes(gray, coefficients),
    orientations: orientationHashes(coefficients),
    signals: { ...imageSignals(image, gray, bytes) },
    pixels: proxy(image),
    ...(model !== undefined && { modelPixels: modelProxy(image.raster, model) }),
  };
}

/**
 * Content digest and perceptual hashes alone, as the analysis computes them, within no limits.
 * @throws AnalysisError as `analyseImage`.
 */
export async function hashImage(
  bytes: Uint8Array,
): Promise<{ readonly sha256: string; readonly phash: string; readonly dhash: string }> {
  const unlimited = { maxPixels: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };
  const { raster } = await decodeImage(bytes, unlimited);
  const { phash, dhash } = perceptualHashes(luminance(raster));
  return { sha256: createHash('sha256').update(bytes).digest('hex'), phash, dhash };
}

function proxy({ raster }: DecodedImage): Uint8Array<ArrayBuffer> {
  return spread(resample(raster, proxySide, proxySide, 'box'));
}

/** A copy with three samples a pixel that owns its buffer (it is moved between threads). */
function spread({ channels, data }: Raster): Uint8Array<ArrayBuffer> {
  if (channels === 3) return new Uint8Array(data);
  const rgb = new Uint8Array(data.length * 3);
  for (let at = 0; at < rgb.length; at += 1) rgb[at] = data[Math.floor(at / 3)] as number;
  return rgb;
}
