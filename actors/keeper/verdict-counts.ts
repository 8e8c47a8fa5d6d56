// How the sequences of a dataset ended, in numbers.

/** How many sequences ended how. */
export interface VerdictCounts {
  readonly eligible: number;
  readonly rejected: number;
  readonly review: number;
  readonly dead: number;
  readonly repeats: number;
  /** Dead once, and published again as another sequence. */
  readonly retried: number;
  /** Dead once, and deleted by a person. */
  readonly purged: number;
  /** Sequences of erased items. */
  readonly erased: number;
}

/** Counts to be kept by whoever enters verdicts. */
export function noVerdicts(): { -readonly [Outcome in keyof VerdictCounts]: number } {
  return {
    eligible: 0,
    rejected: 0,
    review: 0,
    dead: 0,
    repeats: 0,
    retried: 0,
    purged: 0,
    erased: 0,
  };
}
