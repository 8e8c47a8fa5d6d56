// Pillow's separable 8-bit resampling, bit for bit: coefficients in 22-bit fixed point, the horizontal pass first,
// a uint8 intermediate, a pass skipped where the size does not change. Perceptual hashes that must equal Python
// imagehash stand on it, and so do the proxies, because integer arithmetic gives every machine the same bytes.
import type { Raster } from './raster.ts';

/**
 * Pillow's filters: `box` averages the covered area, `bilinear` is the triangle, `bicubic` Keys' cubic with a = -0.5,
 * `lanczos` the windowed sinc with three lobes. All of them widen when they shrink a picture (antialiasing).
 */
export type ResampleFilter = 'box' | 'bilinear' | 'bicubic' | 'lanczos';

/** A part of the resampled picture, in its pixels. */
export interface ResampleWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** For each output sample the first input sample, how many count, and their weights (`stride` apart). */
interface Coefficients {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

const precisionBits = 22;
const half = 1 << (precisionBits - 1);

/** Resamples the whole of `raster` to `width × height`; the aspect ratio is the caller's business. */
export function resample(raster: Raster, width: number, height: number, filter: ResampleFilter): Raster {
  let result = raster;
  if (result.width !== width) {
    const coefficients = precompute(result.width, width, filter);
    const { channels } = result;
    const data =
      channels === 1
        ? resampleRowsOfOne(result.data, result.width, result.height, width, coefficients)
        : resampleRowsOfThree(result.data, result.width, result.height, width, coefficients);
    result = { width, height: result.height, channels, data };
  }
  if (result.height !== height) {
    const { channels } = result;
    const data = resampleColumns(
      result.data,
      width * channels,
      height,
      precompute(result.height, height, filter),
    );
    result = { width, height, channels, data };
  }
  return result;
}

/**
 * The part of `raster` resampled to `width × height` that lies in `window`: the same samples as cutting it out
 * afterwards, at the cost of the window alone, however long and thin the picture is.
 */
export function resampleWindow(
  raster: Raster,
  { width, height }: { readonly width: number; readonly height: number },
  window: ResampleWindow,
  filter: ResampleFilter,
): Raster {
  const across = precompute(raster.width, width, filter, window.left, window.width);
  const down = precompute(raster.height, height, filter, window.top, window.height);
  const from = down.first[0] as number;
  const last = window.height - 1;
  const rows = (down.first[last] as number) + (down.count[last] as number) - from;
  const { channels } = raster;
  const rowSamples = raster.width * channels;
  const source = raster.data.subarray(from * rowSamples, (from + rows) * rowSamples);
  const narrowed =
    channels === 1
      ? resampleRowsOfOne(source, raster.width, rows, window.width, across)
      : resampleRowsOfThree(source, raster.width, rows, window.width, across);
  const shifted = { ...down, first: down.first.map((row) => row - from) };
  const data = resampleColumns(narrowed, window.width * channels, window.height, shifted);
  return { width: window.width, height: window.height, channels, data };
}

const kernels: Readonly<
  Record<ResampleFilter, { readonly support: number; readonly weight: (x: number) => number }>
> = {
  box: { support: 0.5, weight: box },
  bilinear: { support: 1, weight: triangle },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: lanczos },
};

/**
 * Weights of `outCount` samples from `outFrom` on, of `outSize` over `inSize` samples; each sample's weights sum to 1
 * before they are rounded.
 */
function precompute(
  inSize: number,
  outSize: number,
  filter: ResampleFilter,
  outFrom = 0,
  outCount = outSize,
): Coefficients {
  const { support: reach, weight: kernel } = kernels[filter];
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = reach * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outCount);
  const count = new Int32Array(outCount);
  const weights = new Int32Array(outCount * stride);
  const exact = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let out = 0; out < outCount; out += 1) {
    const center = (outFrom + out + 0.5) * scale;
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const taps = Math.min(inSize, Math.trunc(center + support + 0.5)) - from;
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const weight = kernel((tap + from - center + 0.5) * inverse);
      exact[tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap += 1) {
      const weight = sum === 0 ? (exact[tap] as number) : (exact[tap] as number) / sum;
      const scaled = weight * (1 << precisionBits);
      weights[out * stride + tap] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    first[out] = from;
    count[out] = taps;
  }
  return { first, count, weights, stride };
}

function box(x: number): number {
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

function triangle(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

function cubic(x: number): number {
  const a = -0.5;
  const size = Math.abs(x);
  if (size < 1) return ((a + 2) * size - (a + 3)) * size * size + 1;
  return size < 2 ? (((size - 5) * size + 8) * size - 4) * a : 0;
}

function lanczos(x: number): number {
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

function clampToByte(sum: number): number {
  const value = sum >> precisionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function resampleRowsOfOne(
  source: Uint8Array,
  inWidth: number,
  rows: number,
  outWidth: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(outWidth * rows);
  for (let row = 0; row < rows; row += 1) {
    for (let out = 0; out < outWidth; out += 1) {
      const taps = count[out] as number;
      const base = row * inWidth + (first[out] as number);
      const weightBase = out * stride;
      let sum = half;
      for (let tap = 0; tap < taps; tap += 1) {
        sum = (sum + Math.imul(source[base + tap] as number, weights[weightBase + tap] as number)) | 0;
      }
      target[row * outWidth + out] = clampToByte(sum);
    }
  }
  return target;
}

function resampleRowsOfThree(
  source: Uint8Array,
  inWidth: number,
  rows: number,
  outWidth: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(outWidth * rows * 3);
  for (let row = 0; row < rows; row += 1) {
    for (let out = 0; out < outWidth; out += 1) {
      const taps = count[out] as number;
      let at = (row * inWidth + (first[out] as number)) * 3;
      const weightBase = out * stride;
      let red = half;
      let green = half;
      let blue = half;
      for (let tap = 0; tap < taps; tap += 1, at += 3) {
        const weight = weights[weightBase + tap] as number;
        red = (red + Math.imul(source[at] as number, weight)) | 0;
        green = (green + Math.imul(source[at + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(source[at + 2] as number, weight)) | 0;
      }
      const to = (row * outWidth + out) * 3;
      target[to] = clampToByte(red);
      target[to + 1] = clampToByte(green);
      target[to + 2] = clampToByte(blue);
    }
  }
  return target;
}

/** `rowSamples` is samples per row (width × channels): columns need not know of channels. */
function resampleColumns(
  source: Uint8Array,
  rowSamples: number,
  outHeight: number,
  { first, count, weights, stride }: Coefficients,
): Uint8Array {
  const target = new Uint8Array(rowSamples * outHeight);
  const sums = new Int32Array(rowSamples);
  for (let out = 0; out < outHeight; out += 1) {
    const taps = count[out] as number;
    sums.fill(half);
    for (let tap = 0; tap < taps; tap += 1) {
      const weight = weights[out * stride + tap] as number;
      const base = ((first[out] as number) + tap) * rowSamples;
      for (let sample = 0; sample < rowSamples; sample += 1) {
        sums[sample] = (sums[sample] as number) + Math.imul(source[base + sample] as number, weight);
      }
    }
    for (let sample = 0; sample < rowSamples; sample += 1) {
      target[out * rowSamples + sample] = clampToByte(sums[sample] as number);
    }
  }
  return target;
}
