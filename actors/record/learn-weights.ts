// Learns the weights of a linkage model from compared pairs without knowing which of them match, by
// expectation-maximisation (Winkler 1988): guess how likely each pair is a match, count levels by those guesses, and
// again, until nothing changes.
import { LEVELS } from './comparators.ts';
import {
  type Agreement,
  type ComparedField,
  type FieldWeights,
  type LinkageModel,
  matchProbability,
} from './fellegi-sunter.ts';

const MAX_ROUNDS = 500;
/** No likelihood moves by more: the end. */
const SETTLED = 1e-6;
/** Counts that each level starts with, so that what was never seen is unlikely and not impossible. */
const SMOOTHING = 0.5;
const FIRST_PRIOR = 0.1;

/** Pairs with the same levels count as one, so that the time does not grow with their number. */
interface Pattern {
  readonly levels: Agreement;
  readonly count: number;
}

/**
 * The model under which what was seen is most likely, from pairs that blocking proposed. It does not depend on their
 * order.
 * @param compared Levels of each pair, by field.
 * @throws RangeError when there are no pairs
 */
export function learnWeights(compared: readonly Agreement[], fields: readonly ComparedField[]): LinkageModel {
  if (compared.length === 0) throw new RangeError('expected pairs to learn from, got none');
  const patterns = patternsOf(compared);
  let model = firstGuess(patterns, fields);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = improved(patterns, model);
    const moved = largestMove(model, next);
    model = next;
    if (moved < SETTLED) break;
  }
  return model;
}

function patternsOf(compared: readonly Agreement[]): readonly Pattern[] {
  const counts = new Map<string, number>();
  for (const levels of compared) {
    const name = JSON.stringify(levels);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => ({ levels: JSON.parse(name) as Agreement, count }));
}

/** Matches agree nine times in ten, others as often as all pairs do. */
function firstGuess(patterns: readonly Pattern[], fields: readonly ComparedField[]): LinkageModel {
  const weights = fields.map((field, at): FieldWeights => {
    const levels = LEVELS[field.comparator];
    const m = Array.from({ length: levels }, (_, level) => (level === levels - 1 ? 0.9 : 0.1 / (levels - 1)));
    return { ...field, m, u: shares(patterns, at, levels, ({ count }) => count) };
  });
  return { prior: FIRST_PRIOR, fields: weights };
}

function improved(patterns: readonly Pattern[], model: LinkageModel): LinkageModel {
  const chances = new Map(patterns.map((pattern) => [pattern, matchProbability(pattern.levels, model)]));
  const matches = (pattern: Pattern) => pattern.count * (chances.get(pattern) as number);
  const others = (pattern: Pattern) => pattern.count - matches(pattern);
  const total = patterns.reduce((sum, { count }) => sum + count, 0);
  const matching = patterns.reduce((sum, pattern) => sum + matches(pattern), 0);
  return {
    prior: (matching + SMOOTHING) / (total + 2 * SMOOTHING),
    fields: model.fields.map((field, at) => {
      const levels = LEVELS[field.comparator];
      return {
        ...field,
        m: shares(patterns, at, levels, matches),
        u: shares(patterns, at, levels, others),
      };
    }),
  };
}

/** Share of each level of one field among the pairs that say something, weighed. */
function shares(
  patterns: readonly Pattern[],
  field: number,
  levels: number,
  weigh: (pattern: Pattern) => number,
): readonly number[] {
  const counts = new Array<number>(levels).fill(SMOOTHING);
  for (const pattern of patterns) {
    const level = pattern.levels[field];
    if (level !== null && level !== undefined) counts[level] = (counts[level] as number) + weigh(pattern);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}

function largestMove(one: LinkageModel, other: LinkageModel): number {
  const numbers = ({ prior, fields }: LinkageModel) => [prior, ...fields.flatMap(({ m, u }) => [...m, ...u])];
  const before = numbers(one);
  return Math.max(...numbers(other).map((value, at) => Math.abs(value - (before[at] as number))));
}
