// Judges one item by the rules of one configuration. Pure, so that the scorer judges when an item arrives and a
// cut judges again what was decided under another configuration, with the same result everywhere.
import type { ContentFacts } from '../kinds/kind.ts';
import type { Judgement } from '../pipeline/messages.ts';
import type { CompiledRules, Condition, Weight } from './compiled-rules.ts';
import { type ItemOrigin, originValues, signalValues } from './expression-values.ts';
import { flaggedSource, refusedSource, sourceRank } from './governance.ts';
import type { JudgingContext } from './judging-context.ts';

/** What the rules see of an item. */
export interface JudgedItem extends ItemOrigin {
  readonly facts: ContentFacts;
}

type Values = Readonly<Record<string, unknown>>;

/** Judgement of an item that may not enter, by its source or by a `refuse` rule, before its content is read; else undefined. */
export function judgeRefusal(
  origin: ItemOrigin,
  context: Pick<JudgingContext, 'config' | 'rules'>,
): Judgement | undefined {
  const pattern = refusedSource(context.config.governance, origin.source);
  if (pattern !== undefined) return refusedFor(`governance.refuse:${pattern}`);
  if (context.rules.refuse.length === 0) return undefined;
  const { held } = evaluateAll(context.rules.refuse, valuesOf(origin, context.rules));
  const [first] = held;
  return first && refusedFor(`rule.${first.name}`);
}

/** Score, verdict, reasons and keep-best rank of one item. */
export function judge(item: JudgedItem, context: JudgingContext): Judgement {
  const refused = judgeRefusal(item, context);
  if (refused !== undefined) return refused;
  const { config, kind, rules } = context;
  const { facts } = item;
  const values = {
    ...valuesOf(item, rules),
    signals: signalValues(facts.signals, kind.signals),
    mediaType: facts.mediaType,
    byteLength: facts.byteLength,
  };
  const { score, contributions, undecided: unweighed } = weigh(rules.weights, values);
  const { held, undecided } = evaluateAll([...rules.refuse, ...rules.conditions], values);
  const flaggedBy = flaggedSource(config.governance, item.source);
  const reasons = [
    ...(flaggedBy === undefined ? [] : [`governance.flag:${flaggedBy}`]),
    ...held.map(({ name }) => `rule.${name}`),
    ...[...unweighed, ...undecided].map(({ name }) => `rule.${name}.error`),
    ...scoreReason(score, config.rules),
  ];
  const rejected =
    score < config.rules.rejectBelow || held.some(({ consequence }) => consequence === 'reject');
  const doubtful =
    score < config.rules.keepAt ||
    held.some(({ consequence }) => consequence === 'review') ||
    undecided.some((condition) => condition.undecided === 'review');
  const flagged = flaggedBy !== undefined || held.some(({ consequence }) => consequence === 'flag');
  return {
    verdict: rejected ? 'rejected' : doubtful ? 'review' : 'eligible',
    score,
    contributions,
    reasons: reasons.sort(),
    rank: [
      sourceRank(config.governance, item.source),
      flagged ? 0 : 1,
      ...kind.quality(facts),
      Object.keys(item.metadata).length,
      earliness(item.time),
    ],
  };
}

function refusedFor(reason: string): Judgement {
  return { verdict: 'rejected', score: null, reasons: [reason], contributions: {}, rank: [] };
}

function valuesOf(origin: ItemOrigin, { readsMetadata }: CompiledRules): Values {
  return originValues(readsMetadata ? origin : { ...origin, metadata: {} });
}

/** Which conditions hold, and which cannot be evaluated for this item. */
function evaluateAll(
  conditions: readonly Condition[],
  values: Values,
): { readonly held: readonly Condition[]; readonly undecided: readonly Condition[] } {
  const held: Condition[] = [];
  const undecided: Condition[] = [];
  for (const condition of conditions) {
    const holds = condition.when.evaluate(values);
    if (holds === undefined) undecided.push(condition);
    else if (holds) held.push(condition);
  }
  return { held, undecided };
}

/** Weighted mean of the contributions, each held within 0 to 1; each weighted share is on record. */
function weigh(
  weights: readonly Weight[],
  values: Values,
): {
  readonly score: number;
  readonly contributions: Record<string, number>;
  readonly undecided: readonly Weight[];
} {
  const contributions: Record<string, number> = {};
  const undecided: Weight[] = [];
  let score = 0;
  for (const weight of weights) {
    const value = weight.share === 0 ? 0 : weight.value.evaluate(values);
    if (value === undefined) undecided.push(weight);
    const contribution = weight.share * Math.min(1, Math.max(0, value ?? 0));
    contributions[weight.name] = round(contribution);
    score += contribution;
  }
  return { score: Math.min(1, round(score)), contributions, undecided };
}

function scoreReason(
  score: number,
  { rejectBelow, keepAt }: { readonly rejectBelow: number; readonly keepAt: number },
): readonly string[] {
  if (score < rejectBelow) return ['score.below_reject'];
  return score < keepAt ? ['score.borderline'] : [];
}

/** Earlier declared times rank higher; an undeclared one ranks lowest. */
function earliness(time: string | null): number {
  return time === null ? -Number.MAX_SAFE_INTEGER : -Date.parse(time);
}

/** Six decimals, so that a digest does not depend on the order of additions. */
export function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
