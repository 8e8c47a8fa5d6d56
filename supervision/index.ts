// The public door of supervision/: pure decisions about restarts and failures, event in, decision out.

export {
  type AllocationPlan,
  allocate,
  type Member,
  type MemberState,
  type Move,
  type OwnedShard,
  voluntaryLimit,
} from './allocation/allocation.ts';
export { withDrained } from './allocation/drained.ts';
export { type Duty, dutiesOf, heldShards, type RecordedShard } from './allocation/duties.ts';
export { handOversOf } from './allocation/hand-overs.ts';
export {
  decideOwnership,
  type OwnershipDecision,
  type OwnershipRequest,
  type ShardRecord,
} from './allocation/ownership.ts';
export { type AutoShutdown, checkSignificant } from './auto-shutdown.ts';
export {
  type BackoffOptions,
  backoffDelay,
  checkBackoff,
  defaultBackoff,
  defaultResetAfterMs,
} from './backoff.ts';
export {
  type BreakerCall,
  BreakerCore,
  type BreakerDecision,
  type BreakerEvent,
  type BreakerOptions,
  type BreakerRefusal,
  type BreakerState,
  callsToTheDead,
  checkBreaker,
} from './circuit-breaker.ts';
export {
  type CodecAgreement,
  FIRST_AGREEMENT,
  mayTakePart,
  nextAgreement,
  type VersionRange,
} from './codec-agreement.ts';
export {
  consequenceOf,
  type FailureClass,
  type FailureConsequence,
  failureClassOf,
} from './failure-class.ts';
export {
  Membership,
  type NodeSighting,
  type NodeStanding,
  type RecordedState,
} from './membership.ts';
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
export type { Strategy } from './strategy.ts';
export { SupervisorCore, type SupervisorOptions } from './supervisor-core.ts';
export type {
  ChildState,
  ListedChild,
  RequestOutcome,
  SupervisedChild,
  SupervisorAction,
  SupervisorEvent,
} from './supervisor-protocol.ts';
