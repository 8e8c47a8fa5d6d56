// What a measured pair means under a configuration. Pure, so that a changed threshold takes effect at the next cut
// without measuring anything again.
import type { Edge } from '../kinds/kind.ts';

/** Pairs beyond both are not recorded: no sensible threshold reaches them. */
const RECORDED_DISTANCE = 0.25;
const RECORDED_SIMILARITY = 0.8;

/**
 * Width of the middle band of the pixel comparison where none is configured: 594 pairs of different garments with
 * close hashes begin 0.011 above the default threshold.
 */
const DEFAULT_BAND = 0.01;

/**
 * `near`: pixels or vectors confirm the pair; `transformed`: pixels do once one of the two is mirrored or turned;
 * `semantic`: alike by vectors alone; `uncertain`: the middle band, for a person.
 */
export type PairRelation = 'near' | 'transformed' | 'semantic' | 'uncertain';

/** Thresholds of the two comparisons; null for none, of `pixels.review` for the default band. */
export interface PairThresholds {
  /** Largest distances, 0 to 1. */
  readonly pixels: { readonly near: number; readonly review: number | null };
  /** Smallest cosines. */
  readonly vectors: {
    readonly near: number | null;
    readonly review: number | null;
    readonly semantic: number | null;
  };
}

type Measured = Pick<Edge, 'distance' | 'similarity' | 'turned'>;

/** The relation of a measured pair, or undefined when the two are different. */
export function relationOf(
  { distance, similarity, turned }: Measured,
  { pixels, vectors }: PairThresholds,
): PairRelation | undefined {
  if (distance <= pixels.near || atLeast(similarity, vectors.near)) return 'near';
  if (turned !== undefined && turned.distance <= pixels.near) return 'transformed';
  if (atLeast(similarity, vectors.semantic)) return 'semantic';
  const review = pixels.review ?? pixels.near + DEFAULT_BAND;
  return distance <= review || atLeast(similarity, vectors.review) ? 'uncertain' : undefined;
}

/** Whether the pair is close enough that this configuration, or any with sensible thresholds, could relate it. */
export function isRecorded({ distance, similarity, turned }: Measured, { vectors }: PairThresholds): boolean {
  const thresholds = [vectors.near, vectors.review, vectors.semantic].filter((each) => each !== null);
  return (
    Math.min(distance, turned?.distance ?? 1) <= RECORDED_DISTANCE ||
    atLeast(similarity, Math.min(RECORDED_SIMILARITY, ...thresholds))
  );
}

/** Whether the vectors of a pair are compared at all. */
export function comparesVectors({ vectors }: PairThresholds): boolean {
  return vectors.near !== null || vectors.semantic !== null;
}

/** The thresholds that confirm a relation, for the record beside a decision. */
export function thresholdsOf(
  relation: PairRelation | 'exact' | null,
  { pixels, vectors }: PairThresholds,
): { readonly distance: number; readonly similarity: number | null } {
  return { distance: pixels.near, similarity: relation === 'semantic' ? vectors.semantic : vectors.near };
}

function atLeast(similarity: number | null, threshold: number | null): boolean {
  return similarity !== null && threshold !== null && similarity >= threshold;
}
