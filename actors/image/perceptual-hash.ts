// pHash and dHash, equal bit for bit to `imagehash.phash` and `imagehash.dhash` of Python imagehash 4.3.2, so that
// hashes can be exchanged with existing collections. Both start from Pillow's grayscale at full size.
import type { Raster } from './raster.ts';
import { resample } from './resample.ts';

const side = 32;
const low = 8;
/** Sums that are zero in exact arithmetic come out at about 1e-12; a flat image must not hash its rounding. */
const zeroBelow = 1e-6;
/**
 * Rounding the 32×32 samples to bytes alone moves a coefficient by about 18 (standard deviation). A coefficient
 * below this is noise, and so is its bit.
 */
const noiseBelow = 100;
/** With fewer meaningful coefficients than this of 63, two unrelated images agree by chance of their few bits. */
const minimumMeaningful = 12;

/** Two 64-bit hashes as 16 lower-case hex digits, most significant bit first (row-major). */
export interface PerceptualHashes {
  readonly phash: string;
  readonly dhash: string;
  /** So little structure that the hashes are mostly noise: they are neither inserted nor queried. */
  readonly lowInformation: boolean;
}

/** Hashes of a full-size grayscale raster; `coefficients` are its `lowFrequencies`, where they are there already. */
export function perceptualHashes(gray: Raster, coefficients = lowFrequencies(gray)): PerceptualHashes {
  return {
    phash: medianBits(coefficients),
    dhash: dHash(gray),
    lowInformation: isLowInformation(coefficients),
  };
}

function isLowInformation(coefficients: Float64Array): boolean {
  let meaningful = 0;
  for (let index = 1; index < coefficients.length; index += 1) {
    if (Math.abs(coefficients[index] as number) >= noiseBelow) meaningful += 1;
  }
  return meaningful < minimumMeaningful;
}

/**
 * The 8×8 lowest coefficients, DC included, of the un-normalised two-dimensional DCT-II of the picture at 32×32;
 * row-major, vertical frequency first.
 */
export function lowFrequencies(gray: Raster): Float64Array {
  const samples = resample(gray, side, side, 'lanczos').data;
  const cosines = new Float64Array(low * side);
  for (let frequency = 0; frequency < low; frequency += 1) {
    for (let at = 0; at < side; at += 1) {
      cosines[frequency * side + at] = 2 * Math.cos((Math.PI * frequency * (2 * at + 1)) / (2 * side));
    }
  }
  const columns = new Float64Array(low * side);
  for (let frequency = 0; frequency < low; frequency += 1) {
    for (let x = 0; x < side; x += 1) {
      let sum = 0;
      for (let y = 0; y < side; y += 1) {
        sum += (samples[y * side + x] as number) * (cosines[frequency * side + y] as number);
      }
      columns[frequency * side + x] = sum;
    }
  }
  const coefficients = new Float64Array(low * low);
  for (let vertical = 0; vertical < low; vertical += 1) {
    for (let horizontal = 0; horizontal < low; horizontal += 1) {
      let sum = 0;
      for (let x = 0; x < side; x += 1) {
        sum += (columns[vertical * side + x] as number) * (cosines[horizontal * side + x] as number);
      }
      coefficients[vertical * low + horizontal] = Math.abs(sum) < zeroBelow ? 0 : sum;
    }
  }
  return coefficients;
}

/** The pHash of 64 coefficients: a bit is set where one exceeds the median (mean of the 32nd and 33rd). */
export function medianBits(coefficients: Float64Array): string {
  const sorted = coefficients.slice().sort();
  const median = ((sorted[31] as number) + (sorted[32] as number)) / 2;
  return bitsToHex((index) => (coefficients[index] as number) > median);
}

/** A bit is set where a sample of the 9×8 reduction is brighter than its left neighbour. */
function dHash(gray: Raster): string {
  const { data } = resample(gray, low + 1, low, 'lanczos');
  return bitsToHex((index) => {
    const at = (index >> 3) * (low + 1) + (index & 7);
    return (data[at + 1] as number) > (data[at] as number);
  });
}

function bitsToHex(isSet: (index: number) => boolean): string {
  let hex = '';
  for (let digit = 0; digit < 16; digit += 1) {
    let value = 0;
    for (let bit = 0; bit < 4; bit += 1) value = value * 2 + (isSet(digit * 4 + bit) ? 1 : 0);
    hex += value.toString(16);
  }
  return hex;
}
