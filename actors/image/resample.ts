// Pillow's separable 8-bit resampling, bit for bit: coefficients in 22-bit fixed point, the horizontal pass first,
// a uint8 intermediate, a pass skipped where the size does not change. Perceptual hashes that must equal Python
// imagehash stand on it, and so do the proxies, because integer arithmetic gives every machine the same bytes.
import type { Raster } from './raster.ts';

/** `box` averages the covered area; `lanczos` is the windowed sinc with three lobes. */
export type ResampleFilter = 'box' | 'lanczos';

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

/** Weights of `outSize` samples over `inSize` samples; each sample's weights sum to 1 before they are rounded. */
function precompute(inSize: number, outSize: number, filter: ResampleFilter): Coefficients {
  const kernel = filter === 'box' ? box : lanczos;
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = (filter === 'box' ? 0.5 : 3) * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * stride);
  const exact = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let out = 0; out < outSize; out += 1) {
    const center = (out + 0.5) * scale;
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
