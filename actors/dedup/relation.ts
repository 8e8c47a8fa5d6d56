// What a measured pair means under a configuration. Pure, so that a changed threshold takes effect at the next cut
// without measuring anything again.
import type { DatasetConfig } from '../config/index.ts';
import type { Edge } from '../kinds/kind.ts';

/** Pairs beyond both are not recorded: no sensible threshold reaches them. */
const RECORDED_DISTANCE = 0.25;
const RECORDED_SIMILARITY = 0.8;

/**
 * Width of the middle band of the pixel comparison where none is configured: 594 pairs of different garments with
 * close hashes begin 0.011 above the default threshold.
 */
const DEFAULT_BAND = 0.01;

/** `near`: pixels or vectors confirm the pair; `uncertain`: the middle band, for a person. */
export type PairRelation = 'near' | 'uncertain';

type Dedup = Pick<DatasetConfig['dedup'], 'pixels' | 'vectors'>;

/** The relation of a measured pair, or undefined when the two are different. */
export function relationOf(
  edge: Pick<Edge, 'distance' | 'similarity'>,
  { pixels, vectors }: Dedup,
): PairRelation | undefined {
  if (edge.distance <= pixels.near || atLeast(edge.similarity, vectors.near)) return 'near';
  const review = pixels.review ?? pixels.near + DEFAULT_BAND;
  if (edge.distance <= review || atLeast(edge.similarity, vectors.review)) return 'uncertain';
  return undefined;
}

/** Whether the pair is close enough that some configuration could relate it. */
export function isRecorded(edge: Pick<Edge, 'distance' | 'similarity'>): boolean {
  return edge.distance <= RECORDED_DISTANCE || atLeast(edge.similarity, RECORDED_SIMILARITY);
}

/** The thresholds in force, for the record beside a decision. */
export function thresholdsOf({ pixels, vectors }: Dedup): {
  readonly distance: number;
  readonly similarity: number | null;
} {
  return { distance: pixels.near, similarity: vectors.near };
}

function atLeast(similarity: number | null, threshold: number | null): boolean {
  return similarity !== null && threshold !== null && similarity >= threshold;
}
