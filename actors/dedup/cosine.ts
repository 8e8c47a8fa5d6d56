// Similarity of two vectors of unit length.
import { round } from '../rules/judge.ts';

/** Cosine, -1 to 1, rounded to 6 decimals; summed in index order in double precision, so equal everywhere. */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(`expected vectors of one length, got ${a.length} and ${b.length}`);
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return round(sum);
}
