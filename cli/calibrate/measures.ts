// What is measured of a pair of contents, and which thresholds are set over it.
import { comparePixels, cosine, type ThresholdName } from '#actors';
import type { Scale } from './tail-curve.ts';

/** What of a content is compared; null where it is not stored. */
export interface ComparedContent {
  readonly phash: Hash | null;
  readonly dhash: Hash | null;
  /** Of unit length. */
  readonly vector: Float32Array | null;
  /** 64 × 64 RGB. */
  readonly proxy: Uint8Array | null;
}

/** 64 bits in two words. */
export type Hash = readonly [high: number, low: number];

export type MeasureName = 'cosine' | 'phash' | 'dhash' | 'pixels';

export interface Measure {
  readonly name: MeasureName;
  readonly title: string;
  readonly scale: Scale;
  /** Null where one of the two lacks what is compared. */
  of(one: ComparedContent, other: ComparedContent): number | null;
}

/** By their names. */
export const MEASURES: Readonly<Record<MeasureName, Measure>> = {
  cosine: {
    name: 'cosine',
    title: 'cosine of the vectors, at least',
    scale: { passes: 'atLeast', steps: 10_000, min: 0, max: 1 },
    of: ({ vector: one }, { vector: other }) =>
      one === null || other === null || one.length !== other.length ? null : cosine(one, other),
  },
  phash: {
    name: 'phash',
    title: 'bits of pHash, at most',
    scale: { passes: 'atMost', steps: 1, min: 0, max: 16 },
    of: ({ phash: one }, { phash: other }) => (one && other ? bitsBetween(one, other) : null),
  },
  dhash: {
    name: 'dhash',
    title: 'bits of dHash, at most',
    scale: { passes: 'atMost', steps: 1, min: 0, max: 16 },
    of: ({ dhash: one }, { dhash: other }) => (one && other ? bitsBetween(one, other) : null),
  },
  pixels: {
    name: 'pixels',
    title: 'distance of the pixels, at most',
    scale: { passes: 'atMost', steps: 10_000, min: 0, max: 1 },
    of: ({ proxy: one }, { proxy: other }) =>
      one === null || other === null ? null : comparePixels(one, other).distance,
  },
};

/** A threshold that can be calibrated. */
export interface Threshold {
  readonly name: ThresholdName;
  readonly measure: MeasureName;
  /** It makes items duplicates that are dropped by default, where others only propose or group. */
  readonly drops: boolean;
}

/** In the order of tables. */
export const THRESHOLDS: readonly Threshold[] = [
  { name: 'vectors.semantic', measure: 'cosine', drops: false },
  { name: 'vectors.near', measure: 'cosine', drops: true },
  { name: 'phashRadius', measure: 'phash', drops: false },
  { name: 'dhashRadius', measure: 'dhash', drops: false },
  { name: 'pixels.near', measure: 'pixels', drops: true },
];

/** 16 hex digits as two words; null for anything else. */
export function hashOf(hex: string | undefined): Hash | null {
  if (hex === undefined || !/^[0-9a-f]{16}$/.test(hex)) return null;
  return [Number.parseInt(hex.slice(0, 8), 16), Number.parseInt(hex.slice(8), 16)];
}

function bitsBetween(one: Hash, other: Hash): number {
  return bitCount(one[0] ^ other[0]) + bitCount(one[1] ^ other[1]);
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555);
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
