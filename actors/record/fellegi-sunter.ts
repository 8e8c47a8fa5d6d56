// Weighs the agreement of two records' fields (Fellegi and Sunter 1969): how much more likely each level of agreement is
// among records of one thing than among records of two, multiplied over the fields.
import { agreement, type Comparator, LEVELS } from './comparators.ts';
import type { RecordFields } from './record-fields.ts';

/** A field that is compared. */
export interface ComparedField {
  readonly field: string;
  readonly comparator: Comparator;
}

/** How likely each level of a field is. */
export interface FieldWeights extends ComparedField {
  /** Among records of one thing, by level, 0 first; sums to 1. */
  readonly m: readonly number[];
  /** Among records of two things. */
  readonly u: readonly number[];
}

export interface LinkageModel {
  /** Share of compared pairs that are records of one thing, above 0 and below 1. */
  readonly prior: number;
  readonly fields: readonly FieldWeights[];
}

/** Levels by field; null where nothing is known. */
export type Agreement = readonly (number | null)[];

/** Compares two records field by field; symmetric. */
export function compareRecords(
  one: RecordFields,
  other: RecordFields,
  fields: readonly ComparedField[],
): Agreement {
  return fields.map(({ field, comparator }) => agreement(comparator, one[field], other[field]));
}

/**
 * Checks a model that was given.
 * @throws RangeError when a likelihood is not within 0 and 1, a level is missing, or a prior is 0 or 1
 */
export function checkedModel(model: LinkageModel): LinkageModel {
  const isShare = (value: number) => value > 0 && value < 1;
  if (!isShare(model.prior)) {
    throw new RangeError(`expected a prior above 0 and below 1, got ${model.prior}`);
  }
  for (const { field, comparator, m, u } of model.fields) {
    for (const [name, likelihoods] of Object.entries({ m, u })) {
      if (likelihoods.length !== LEVELS[comparator] || !likelihoods.every(isShare)) {
        throw new RangeError(
          `expected ${name} of ${field} to be ${LEVELS[comparator]} numbers above 0 and below 1, got ${likelihoods}`,
        );
      }
    }
  }
  return model;
}

/** Probability that the two records are of one thing, 0 to 1. */
export function matchProbability(levels: Agreement, { prior, fields }: LinkageModel): number {
  let odds = Math.log(prior / (1 - prior));
  for (const [at, level] of levels.entries()) {
    const weights = fields[at];
    if (level === null || weights === undefined) continue;
    odds += Math.log((weights.m[level] as number) / (weights.u[level] as number));
  }
  return 1 / (1 + Math.exp(-odds));
}
