// A pair of contents as it was measured: what the index found, what the comparison of their copies said, and the cosine
// of their vectors, in the numbers that are journaled.
import type { CandidatePair } from '../dedup/claim.ts';
import { cosine } from '../dedup/cosine.ts';
import type { Comparison, Edge } from '../kinds/kind.ts';
import { round } from '../rules/judge.ts';

/** @param vectors Of the two contents; undefined where vectors take no part. */
export function measuredEdge(
  { a, b, distances }: CandidatePair,
  { distance, algorithm, turned }: Comparison,
  vectors: readonly [Float32Array, Float32Array] | undefined,
): Edge {
  return {
    a,
    b,
    hashes: distances,
    distance: round(distance),
    ...(turned !== undefined && { turned: { ...turned, distance: round(turned.distance) } }),
    algorithm,
    similarity: vectors === undefined ? null : cosine(...vectors),
  };
}
