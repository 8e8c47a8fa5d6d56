// Turns image bytes into RGB samples through sharp, in the one way that the hashes are defined on: full size, no
// colour management, no rotation by EXIF, the first frame, alpha dropped without flattening. Limits are checked on
// the header, before a pixel is decoded.
import sharp from 'sharp';
import { AnalysisError } from './analysis-error.ts';
import { jpegScans } from './jpeg-scans.ts';
import type { Raster } from './raster.ts';
import { type SniffedType, sniff } from './sniff.ts';

/** What is refused before decoding. */
export interface ImageLimits {
  /** Width × height of one frame, as the header announces it. */
  readonly maxPixels: number;
  /** Length of the encoded image. */
  readonly maxBytes: number;
  /** Pixels for which there is memory; without it any number within `maxPixels`. */
  readonly admittedPixels?: number;
}

/** The picture is within the limits, and has more pixels than there is memory for yet. */
export class NotAdmitted extends Error {
  override readonly name = 'NotAdmitted';
  readonly pixels: number;

  constructor(pixels: number) {
    super(`the image has ${pixels} pixels, more than were admitted`);
    this.pixels = pixels;
  }
}

/** An image's first frame and what its header says. */
export interface DecodedImage {
  readonly mediaType: SniffedType;
  readonly raster: Raster;
  /** Channels before decoding to RGB, alpha included. */
  readonly channels: number;
  /** The decoder's name of the colour space, for example `srgb`, `b-w`, `cmyk`. */
  readonly colourSpace: string;
  /** Bit depth class of the stored samples, for example `uchar`, `ushort`. */
  readonly depth: string;
  readonly hasAlpha: boolean;
  /** Frames or pages; 1 for a still image. */
  readonly pages: number;
  /** EXIF orientation 1 to 8, 1 when absent; it is reported, not applied. */
  readonly orientation: number;
  /** The EXIF block as it stands in the file, unread. */
  readonly exif: Uint8Array | undefined;
}

const decodable: ReadonlySet<SniffedType> = new Set<SniffedType>([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/tiff',
  'image/avif',
]);

/** Progressive encoders write about ten scans; this many are allowed at the largest size, more at smaller ones. */
const USUAL_JPEG_SCANS = 20;

const refusals: Partial<Record<SniffedType, string>> = {
  'image/heic': 'HEIC is not decoded (its codec is patented); convert it to JPEG, PNG or AVIF',
  'image/bmp': 'BMP is not decoded; convert it to PNG',
  'image/svg+xml': 'SVG is a program, not a picture of fixed pixels; render it to PNG',
};

/**
 * Decodes the first frame.
 * @throws AnalysisError with each of its codes; NotAdmitted
 */
export async function decodeImage(bytes: Uint8Array, limits: ImageLimits): Promise<DecodedImage> {
  const mediaType = admit(bytes, limits);
  const header = await readHeader(bytes, mediaType);
  const { width, height } = header;
  if (width * height > limits.maxPixels) {
    throw new AnalysisError(
      'too_many_pixels',
      `the image has ${width} × ${height} = ${width * height} pixels; at most ${limits.maxPixels} are allowed`,
    );
  }
  if (mediaType === 'image/jpeg') admitScans(bytes, width * height, limits);
  if (width * height > (limits.admittedPixels ?? limits.maxPixels)) throw new NotAdmitted(width * height);
  const raster = await readPixels(bytes, mediaType, header.colourSpace);
  return { mediaType, raster, ...header };
}

/** A decoder cannot be interrupted, so the work that a file makes is bounded before: pixels times scans. */
function admitScans(bytes: Uint8Array, pixels: number, { maxPixels }: ImageLimits): void {
  const scans = jpegScans(bytes);
  if (pixels * scans <= maxPixels * USUAL_JPEG_SCANS) return;
  throw new AnalysisError(
    'too_many_pixels',
    `the image has ${pixels} pixels in ${scans} scans; at most ${maxPixels * USUAL_JPEG_SCANS} pixels times scans are allowed`,
  );
}

function admit(bytes: Uint8Array, limits: ImageLimits): SniffedType {
  if (bytes.length === 0) throw new AnalysisError('empty', 'the image has no bytes');
  if (bytes.length > limits.maxBytes) {
    throw new AnalysisError(
      'too_large',
      `the image has ${bytes.length} bytes; at most ${limits.maxBytes} are allowed`,
    );
  }
  const mediaType = sniff(bytes);
  if (mediaType === 'application/octet-stream') {
    const first = Buffer.from(bytes.subarray(0, 8)).toString('hex');
    throw new AnalysisError('corrupt_image', `no known image signature; the first bytes are ${first}`);
  }
  if (!decodable.has(mediaType)) {
    const reason = refusals[mediaType] ?? 'expected JPEG, PNG, GIF, WebP, TIFF or AVIF';
    throw new AnalysisError('unsupported_media_type', `the content is ${mediaType}: ${reason}`);
  }
  return mediaType;
}

async function readHeader(bytes: Uint8Array, mediaType: SniffedType) {
  try {
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    return {
      width: header.width,
      height: header.pageHeight ?? header.height,
      channels: header.channels,
      colourSpace: header.space,
      depth: header.depth,
      hasAlpha: header.hasAlpha,
      pages: header.pages ?? 1,
      orientation: header.orientation ?? 1,
      exif: header.exif,
    };
  } catch (error) {
    throw corrupt(mediaType, error);
  }
}

async function readPixels(bytes: Uint8Array, mediaType: SniffedType, colourSpace: string): Promise<Raster> {
  try {
    const image = sharp(bytes, {
      ignoreIcc: true,
      failOn: 'warning',
      page: 0,
      pages: 1,
      limitInputPixels: false,
    });
    if (colourSpace === 'cmyk') image.pipelineColourspace('cmyk').toColourspace('cmyk');
    const { data, info } = await image
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const channels: number = info.channels;
    if (channels === 4) return { width, height, channels: 3, data: cmykToRgb(data) };
    if (channels === 3 || channels === 1) return { width, height, channels, data };
    throw new Error(`the decoder gave ${channels} channels`);
  } catch (error) {
    throw corrupt(mediaType, error);
  }
}

/** Pillow's conversion: each colour is `(255 - K) - C · (255 - K) / 255`, rounded. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - (cmyk[from + 3] as number);
    for (let colour = 0; colour < 3; colour += 1) {
      const product = (cmyk[from + colour] as number) * light + 128;
      rgb[to + colour] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}

function corrupt(mediaType: SniffedType, cause: unknown): AnalysisError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnalysisError('corrupt_image', `the ${mediaType} content cannot be decoded: ${reason}`, {
    cause,
  });
}
