// Precision, recall and F1 of found pairs against the truth.
import type { Metric } from '../contract.ts';

/** Pairs by their names. */
export interface Found {
  readonly found: ReadonlySet<string>;
  readonly truth: ReadonlySet<string>;
}

/** One name for two things, in whichever order. */
export function pairName(one: string, other: string): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}

/** Harmonic mean of precision and recall. */
export function f1Of({ found, truth }: Found): Metric {
  const right = [...found].filter((pair) => truth.has(pair)).length;
  return share(2 * right, found.size + truth.size);
}

/** A share of 1; none of nothing is 1. */
export function share(part: number, whole: number, unit = ''): Metric {
  return { value: whole === 0 ? 1 : Number((part / whole).toFixed(4)), unit };
}
