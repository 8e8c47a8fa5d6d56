// The picture as a model gets it, before its numbers are scaled: resized, cropped or padded to the model's size,
// 8-bit RGB. The analysis makes it while the picture is decoded, so that embedding never decodes again; it is stored
// under the digest of its specification, and models with the same geometry share it.
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import type { Raster } from './raster.ts';
import { type ResampleFilter, resampleWindow } from './resample.ts';

/** Version of the arithmetic below; it changes whenever the same picture could give other bytes. */
const MODEL_PROXY_VERSION = 'model-proxy@1';

/** Width and height in pixels. */
export type PixelSize = readonly [width: number, height: number];

/** How a picture becomes a model's input size. */
export interface ModelProxySpec {
  /**
   * - `shortest`: the short side becomes `to`, the long side follows (rounded down);
   * - `exact`: width and height become `to`, whatever the aspect ratio;
   * - `longest-pad`: the largest size within `to` that keeps the aspect ratio (rounded to the nearest pixel).
   */
  readonly resize: 'shortest' | 'exact' | 'longest-pad';
  /** Both numbers are equal for `shortest`. */
  readonly to: PixelSize;
  readonly filter: ResampleFilter;
  /** Size of the result: what is larger is cropped around its centre, what is smaller is padded around it. */
  readonly size: PixelSize;
  /** Red, green and blue of the padding. */
  readonly pad: readonly number[];
}

/** Name of the specification in object keys: 32 hex digits. */
export function modelProxyDigest(spec: ModelProxySpec): string {
  return sha256Hex(canonicalJson({ version: MODEL_PROXY_VERSION, ...spec })).slice(0, 32);
}

/** `size[0] × size[1]` pixels, rows from the top, three samples (RGB) each; a buffer of its own. */
export function modelProxy(raster: Raster, spec: ModelProxySpec): Uint8Array<ArrayBuffer> {
  const resized = resizedTo(raster, spec);
  const across = centred(resized.width, spec.size[0]);
  const down = centred(resized.height, spec.size[1]);
  const window = { left: across.from, width: across.length, top: down.from, height: down.length };
  const part = resampleWindow(raster, resized, window, spec.filter);
  return placed(part, across.at, down.at, spec);
}

/** Size of the whole picture after resizing, of which the result shows a part. */
export function resizedTo(
  { width, height }: { readonly width: number; readonly height: number },
  { resize, to }: Pick<ModelProxySpec, 'resize' | 'to'>,
): { readonly width: number; readonly height: number } {
  const [toWidth, toHeight] = to;
  switch (resize) {
    case 'exact':
      return { width: toWidth, height: toHeight };
    case 'shortest':
      return width <= height
        ? { width: toWidth, height: Math.floor((toWidth * height) / width) }
        : { width: Math.floor((toWidth * width) / height), height: toWidth };
    case 'longest-pad':
      return toWidth * height <= toHeight * width
        ? { width: toWidth, height: Math.max(1, Math.round((toWidth * height) / width)) }
        : { width: Math.max(1, Math.round((toHeight * width) / height)), height: toHeight };
  }
}

/** Which samples of `available` are shown and where the first of them lands among `wanted`; odd rests go to the end. */
function centred(available: number, wanted: number) {
  return available >= wanted
    ? { from: Math.floor((available - wanted) / 2), length: wanted, at: 0 }
    : { from: 0, length: available, at: Math.floor((wanted - available) / 2) };
}

function placed(
  part: Raster,
  left: number,
  top: number,
  { size: [width, height], pad }: ModelProxySpec,
): Uint8Array<ArrayBuffer> {
  const { channels } = part;
  const rgb = new Uint8Array(width * height * 3);
  if (part.width < width || part.height < height) {
    for (let at = 0; at < rgb.length; at += 1) rgb[at] = pad[at % 3] as number;
  }
  for (let y = 0; y < part.height; y += 1) {
    let from = y * part.width * channels;
    let to = ((y + top) * width + left) * 3;
    for (let x = 0; x < part.width; x += 1, from += channels, to += 3) {
      rgb[to] = part.data[from] as number;
      rgb[to + 1] = part.data[channels === 3 ? from + 1 : from] as number;
      rgb[to + 2] = part.data[channels === 3 ? from + 2 : from] as number;
    }
  }
  return rgb;
}
