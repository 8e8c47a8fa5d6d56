// Which children are restarted together when one of them fails. Each strategy is a rule of its own file; the
// supervisor's core does the same with the answer of each.
import { oneForAll } from './one-for-all.ts';
import { oneForOne } from './one-for-one.ts';
import { restForOne } from './rest-for-one.ts';

/** `one_for_one`: the failed child only; `rest_for_one`: it and those started after it; `one_for_all`: all. */
export type Strategy = 'one_for_one' | 'rest_for_one' | 'one_for_all';

/** Those of `children` (given and answered in start order) that restart when `failed`, one of them, fails. */
export type StrategyRule = <C>(failed: C, children: Iterable<C>) => C[];

/** The rule of a strategy. */
export function strategyRule(strategy: Strategy): StrategyRule {
  switch (strategy) {
    case 'one_for_one':
      return oneForOne;
    case 'rest_for_one':
      return restForOne;
    case 'one_for_all':
      return oneForAll;
  }
}
