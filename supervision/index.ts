// The public door of supervision/: pure decisions about restarts and failures, event in, decision out.
export {
  type BackoffOptions,
  backoffDelay,
  checkBackoff,
  defaultBackoff,
  defaultResetAfterMs,
} from './backoff.ts';
export {
  consequenceOf,
  type FailureClass,
  type FailureConsequence,
  failureClassOf,
} from './failure-class.ts';
export { InvalidSupervisionOptions } from './options-error.ts';
export { type PoolLoad, PoolSize, type PoolSizing } from './pool-size.ts';
export { isRestarted, type RestartType } from './restart-type.ts';
export {
  defaultIntensity,
  leafIntensity,
  type RestartIntensity,
  RestartWindow,
  topIntensity,
} from './restart-window.ts';
export { type Strategy, type StrategyRule, strategyRule } from './strategy.ts';
export { SupervisorCore } from './supervisor-core.ts';
export type {
  ChildState,
  SupervisedChild,
  SupervisorAction,
  SupervisorEvent,
} from './supervisor-protocol.ts';
