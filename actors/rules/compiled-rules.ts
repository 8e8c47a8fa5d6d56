// The rules of one configuration, compiled once: what the scorer, the ingestor and a cut evaluate for each item.
import type { DatasetConfig } from '../config/index.ts';
import type { SignalCatalogue } from '../kinds/signal-catalogue.ts';
import { type Expression, RuleLanguage } from './rule-language.ts';

/** What becomes of an item for which a condition holds. */
export type Consequence = 'reject' | 'flag' | 'review';

/** A condition with a name, which the reasons of a verdict give as `rule.NAME`. */
export interface Condition {
  readonly name: string;
  readonly when: Expression<boolean>;
  readonly consequence: Consequence;
  /** What becomes of an item for which it cannot be evaluated. */
  readonly undecided: 'ignore' | 'review';
}

/** A contribution to the score. */
export interface Weight {
  readonly name: string;
  /** Its part of all weights, 0 to 1. */
  readonly share: number;
  readonly value: Expression<number>;
}

export interface CompiledRules {
  /** By name. */
  readonly weights: readonly Weight[];
  /** Evaluated before anything is fetched. */
  readonly refuse: readonly Condition[];
  readonly conditions: readonly Condition[];
  /** Whether any of them reads metadata; where none does, none is prepared. */
  readonly readsMetadata: boolean;
}

/**
 * Compiles the rules of a checked configuration.
 * @throws ExpressionError when an expression does not compile, which the configuration's schema rules out.
 */
export function compileRules(rules: DatasetConfig['rules'], signals: SignalCatalogue): CompiledRules {
  const language = new RuleLanguage(signals);
  const total = Object.values(rules.weights).reduce((sum, { weight }) => sum + weight, 0);
  const weights = Object.entries(rules.weights)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { weight, value }]) => ({ name, share: weight / total, value: language.number(value) }));
  const refuse = rules.refuse.map(
    ({ name, when }): Condition => ({
      name,
      when: language.condition(when, 'origin'),
      consequence: 'reject',
      undecided: 'ignore',
    }),
  );
  const item = (name: string, when: string, consequence: Consequence, undecided: Condition['undecided']) => ({
    name,
    when: language.condition(when, 'item'),
    consequence,
    undecided,
  });
  const conditions = [
    ...rules.reject.map(({ name, when }) => item(name, when, 'reject', 'ignore')),
    ...rules.flag.map(({ name, when }) => item(name, when, 'flag', 'ignore')),
    ...rules.compliance.map(({ name, when, action }) => item(name, when, action, 'review')),
  ];
  const expressions = [
    ...weights.map(({ value }) => value),
    ...[...refuse, ...conditions].map(({ when }) => when),
  ];
  return {
    weights,
    refuse,
    conditions,
    readsMetadata: expressions.some((expression) => expression.readsMetadata),
  };
}
