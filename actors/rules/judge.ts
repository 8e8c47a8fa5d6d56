// Judges one item by the rules of one configuration. Pure, so that the scorer judges when an item arrives and a
// cut judges again what was decided under another configuration, with the same result everywhere.
import type { ContentFacts } from '../kinds/kind.ts';
import type { Judgement } from '../pipeline/messages.ts';
import { flaggedSource, refusedSource, sourceRank } from './governance.ts';
import type { JudgingContext } from './judging-context.ts';

/** What the rules see of an item. */
export interface JudgedItem {
  readonly source: string;
  /** Declared time, RFC 3339, or null. */
  readonly time: string | null;
  readonly metadataCount: number;
  readonly facts: ContentFacts;
}

/** Judgement of an item whose source governance refuses; its content is never read. */
export function judgeRefused(pattern: string): Judgement {
  return {
    verdict: 'rejected',
    score: null,
    reasons: [`governance.refuse:${pattern}`],
    contributions: {},
    rank: [],
  };
}

/** Score, verdict, reasons and keep-best rank of one item. */
export function judge(item: JudgedItem, { config, kind }: JudgingContext): Judgement {
  const refused = refusedSource(config.governance, item.source);
  if (refused !== undefined) return judgeRefused(refused);
  const flagged = flaggedSource(config.governance, item.source);
  const { score, contributions } = weigh(kind.contributions(item.facts.signals), config.score.weights);
  const reasons: string[] = [];
  if (flagged !== undefined) reasons.push(`governance.flag:${flagged}`);
  const verdict =
    score < config.score.rejectBelow ? 'rejected' : score < config.score.keepAt ? 'review' : 'eligible';
  if (verdict === 'rejected') reasons.push('score.below_reject');
  if (verdict === 'review') reasons.push('score.borderline');
  return {
    verdict,
    score,
    contributions,
    reasons: reasons.sort(),
    rank: [
      sourceRank(config.governance, item.source),
      flagged === undefined ? 1 : 0,
      ...kind.quality(item.facts),
      item.metadataCount,
      earliness(item.time),
    ],
  };
}

/** Weighted mean of the contributions that have a weight; each weighted share is on record. */
function weigh(
  values: Readonly<Record<string, number>>,
  weights: Readonly<Record<string, number>>,
): { score: number; contributions: Record<string, number> } {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const contributions: Record<string, number> = {};
  let score = 0;
  for (const name of Object.keys(weights).sort()) {
    const share = total === 0 ? 0 : ((weights[name] ?? 0) / total) * (values[name] ?? 0);
    contributions[name] = round(share);
    score += share;
  }
  return { score: round(score), contributions };
}

/** Earlier declared times rank higher; an undeclared one ranks lowest. */
function earliness(time: string | null): number {
  return time === null ? -Number.MAX_SAFE_INTEGER : -Date.parse(time);
}

/** Six decimals, so that a digest does not depend on the order of additions. */
export function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
