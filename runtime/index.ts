// The public door of runtime/: actors, their system, worker threads, event-sourced state, and the ports through
// which actors reach the world. Stand-ins for tests have a door of their own, testkit/.
export type {
  ActorContext,
  ActorRef,
  ActorSpec,
  ActorStart,
  Behaviour,
  ChildSpec,
  EndNotice,
  MailboxOptions,
  Reply,
  SpawnSpec,
  StopReason,
  SupervisorSpec,
  TellOutcome,
  ThreadCall,
} from './actor.ts';
export {
  ActorEnded,
  AskTimeout,
  InvalidSpec,
  InvalidState,
  LinkedActorEnded,
  MailboxFull,
  RestartIntensityExceeded,
  StartFailed,
  StashFull,
  toError,
} from './actor-errors.ts';
export { ActorSystem, type ActorSystemOptions, type SystemEnd } from './actor-system.ts';
export { ByteBudget, ByteHold } from './byte-budget.ts';
export type { ActorSnapshot, SupervisionSnapshot } from './child.ts';
export {
  type BreakerSnapshot,
  CircuitBreaker,
  type CircuitBreakerOptions,
  type Permit,
} from './circuit-breaker.ts';
export { CodecIncompatible, NodeLeaseLost, NodeNameTaken } from './cluster/cluster-errors.ts';
export type { ClusterEvent, HandOffPhase } from './cluster/cluster-event.ts';
export { ClusterNode, type ClusterNodeOptions } from './cluster/cluster-node.ts';
export { ClusterView } from './cluster/cluster-view.ts';
export { CODEC_KEY, parseCodecRecord } from './cluster/codec-record.ts';
export { COORDINATOR_KEY, parseCoordinatorRecord } from './cluster/coordinator-record.ts';
export { type DrainRecord, drainKey, parseDrainRecord } from './cluster/drain-record.ts';
export { refuseMisfits } from './cluster/misfits.ts';
export { NodeLease, type NodeLeaseOptions } from './cluster/node-lease.ts';
export {
  type CodecRange,
  encodeRecord,
  type NodeRecord,
  ownsShards,
  parseNodeRecord,
  SHARDS_ROLE,
} from './cluster/node-record.ts';
export { type PinRecord, parsePinRecord, pinKey } from './cluster/pin-record.ts';
export type { ShardHost } from './cluster/shard-host.ts';
export {
  parseShardKey,
  parseShardRecord,
  type ShardName,
  shardKey,
  shardKeysOf,
} from './cluster/shard-record.ts';
export type { FailingShard } from './cluster/shard-retries.ts';
export type { Runnable, Scheduler } from './dispatcher.ts';
export { logHappening } from './event-log.ts';
export { EventSourced, type EventSourcedOptions, type PreparedState } from './event-sourced.ts';
export { type FaultPoints, InvalidFaultSpec, killAt, noFaults } from './fault-points.ts';
export { type IsolatedCallOptions, isolatedCall } from './isolated-call.ts';
export { JournalConflict, JournalFenced, SnapshotUnreadable, StorageFull } from './journal-errors.ts';
export { silentLogger, withFields } from './loggers.ts';
export { defaultMailbox, Mailbox, type Offer } from './mailbox.ts';
export { nativeCall } from './native-call.ts';
export { pause } from './pause.ts';
export type {
  BlobStore,
  Clock,
  Codec,
  Delivery,
  DurablePublisher,
  Journal,
  JournalFrame,
  JournalStanding,
  ListedBlobStore,
  Logger,
  NotedBlob,
  NotedBlobStore,
  OutgoingMessage,
  PublishReceipt,
  RandomSource,
  RecordChange,
  RecordStore,
  SharedRecords,
  SnapshotPointer,
  WorkSource,
  WorkSubscription,
} from './ports.ts';
export { type Attempt, Quarantined, withQuarantine } from './quarantine.ts';
export { compactCopy, MAP_ENTRY_BYTES, retainedBytes } from './retained-bytes.ts';
export { consistentHash, type KeyedPool } from './routers/consistent-hash.ts';
export { leastLoaded } from './routers/least-loaded.ts';
export { type Member, Members, type MembersOrRefs } from './routers/members.ts';
export type { Pool } from './routers/pool.ts';
export { PoolFull } from './routers/pool-errors.ts';
export { type ResizablePool, type ResizablePoolOptions, resizablePool } from './routers/resizable-pool.ts';
export { roundRobin } from './routers/round-robin.ts';
export { serveThread, type ThreadService } from './serve-thread.ts';
export { SnapshotStore, snapshotKey } from './snapshot-store.ts';
export { type ChildInfo, ChildRefused, type Refusal, type SupervisorRef } from './supervisor-ref.ts';
export type { SystemCheck } from './system-check.ts';
export { systemClock } from './system-clock.ts';
export type { DeadLetterReason, SystemEvent, SystemHappening } from './system-event.ts';
export { systemRandom } from './system-random.ts';
export { type ThreadActorOptions, threadActor } from './thread-actor.ts';
export {
  ThreadCrashed,
  type ThreadEnd,
  ThreadError,
  ThreadNotBegun,
  ThreadTimeout,
} from './thread-errors.ts';
export type { HeartbeatOptions } from './thread-heartbeat.ts';
