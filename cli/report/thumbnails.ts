// Small pictures for a report, inline as WebP: from the stored content, from the original file on this disk if it is
// still the same, or else from the 64 by 64 proxy, stretched back to the picture's shape.
import sharp, { type Sharp } from 'sharp';
import { blobKeys } from '#actors';
import type { ClientSystem } from '../node/client-system.ts';
import { originalContent } from '../node/original-content.ts';

/** Longest side in pixels; shown at half of it, so that it is sharp on dense screens. */
const SIDE = 192;
const QUALITY = 58;
const MAX_PIXELS = 100_000_000;
const DECODE_SECONDS = 10;
const PROXY_SIDE = 64;
const PROXY_BYTES = PROXY_SIDE * PROXY_SIDE * 3;

/** What a thumbnail is made of. */
export interface ThumbnailRequest {
  readonly content: string;
  /** Where the original is; null when erased. */
  readonly location: string | null;
  readonly width: number | null;
  readonly height: number | null;
}

/** Makes thumbnails of one dataset's contents; equal contents are made once. */
export class Thumbnails {
  readonly #system: ClientSystem;
  readonly #dataset: string;
  readonly #made = new Map<string, Promise<string | null>>();

  constructor(system: ClientSystem, dataset: string) {
    this.#system = system;
    this.#dataset = dataset;
  }

  /** A `data:` URI, or null when nothing of the picture is stored or it cannot be drawn. */
  of(request: ThumbnailRequest): Promise<string | null> {
    const known = this.#made.get(request.content);
    if (known !== undefined) return known;
    const made = this.#make(request);
    this.#made.set(request.content, made);
    return made;
  }

  async #make(request: ThumbnailRequest): Promise<string | null> {
    const original = await originalContent(this.#system, this.#dataset, request);
    const drawn = original === undefined ? undefined : await drawOriginal(original);
    const webp = drawn ?? (await this.#drawProxy(request));
    return webp === undefined ? null : `data:image/webp;base64,${webp.toString('base64')}`;
  }

  async #drawProxy({ content, width, height }: ThumbnailRequest): Promise<Buffer | undefined> {
    const pixels = await this.#system.blobs(this.#dataset).get(blobKeys.proxy(content));
    if (pixels?.byteLength !== PROXY_BYTES) return undefined;
    const scale = SIDE / 2 / Math.max(width ?? 1, height ?? 1, 1);
    const side = (length: number | null) => Math.max(1, Math.round((length ?? 1) * scale));
    const shape = { width: side(width), height: side(height), fit: 'fill' as const };
    const proxy = sharp(pixels, { raw: { width: PROXY_SIDE, height: PROXY_SIDE, channels: 3 } });
    return await encode(proxy.resize(shape));
  }
}

async function drawOriginal(bytes: Uint8Array): Promise<Buffer | undefined> {
  try {
    const picture = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'none' });
    const shape = { width: SIDE, height: SIDE, fit: 'inside' as const, withoutEnlargement: true };
    return await encode(picture.autoOrient().resize(shape));
  } catch {
    // The pipeline decoded it once; if this decoder cannot, the proxy is what that one saw.
    return undefined;
  }
}

function encode(picture: Sharp): Promise<Buffer> {
  return picture
    .timeout({ seconds: DECODE_SECONDS })
    .toColourspace('srgb')
    .webp({ quality: QUALITY, effort: 3 })
    .toBuffer();
}
