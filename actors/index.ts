// The public door of `actors/`: the pipeline actors, the kinds and the configuration of a dataset.

export { byteSize } from './config/byte-size.ts';
export {
  originOf,
  THRESHOLD_NAMES,
  type ThresholdName,
  type ThresholdOrigin,
  thresholdOf,
  withoutStaleOrigins,
} from './config/calibration.ts';
export {
  type DatasetConfig,
  type DecidingConfig,
  datasetConfigSchema,
  decidingConfig,
  FIRST_GENERATION,
  type IndexGeneration,
  type ModelConfig,
  modelConfigSchema,
  needsReplay,
  PROVIDERS,
  type Provider,
  parseByteSize,
  reasonTexts,
  shardNumbers,
  vectorsDrop,
} from './config/index.ts';
export { cosine } from './dedup/cosine.ts';
export { inversesOf } from './dedup/dedup-engine.ts';
export { IndexClient } from './dedup/index-client.ts';
export {
  halvesOf,
  type IndexPeers,
  type IndexRequest,
  type IndexValue,
  joinedHalves,
  type ShardDirectory,
  type ShardReply,
} from './dedup/index-exchange.ts';
export { type IndexShardMessage, indexPrefix, indexShardActor } from './dedup/index-shard.ts';
export { LocalIndex } from './dedup/local-index.ts';
export { Overloaded } from './embedding/batcher.ts';
export {
  type EmbedMeter,
  meters,
  REQUEST_OUTCOMES,
  type RequestOutcome,
} from './embedding/embed-meter.ts';
export { EmbeddingPool, type EmbeddingSizing } from './embedding/embedding-pool.ts';
export { VECTOR_CAUSES, type VectorCause } from './embedding/embeddings.ts';
export { type ReplicaLoad, Replicas } from './embedding/replicas.ts';
export { noRequestSpans, type RequestEnd, type RequestTracer } from './embedding/request-tracer.ts';
export { Tenants } from './embedding/tenants.ts';
export { VectorCache } from './embedding/vector-cache.ts';
export {
  comparePixels,
  configuredModel,
  type DescribedModel,
  defaultModel,
  describeModel,
  embedThreadModule,
  hashImage,
  inspectModel,
  type MeasuredAgreement,
  MeasuredSession,
  MeasureFailed,
  type ModelFacts,
  type ModelProposal,
  ModelUnusable,
  mustRepeat,
  onProvider,
  PictureReader,
  type ReadPicture,
  TROUPE_TINY,
  type UnavailableProvider,
} from './image/index.ts';
export { imageKind } from './image/kind.ts';
export {
  type DeadResolution,
  MAX_PERSON_LENGTH,
  type ResolutionRequest,
  type SequenceFate,
} from './keeper/dead-fate.ts';
export {
  type EraseAnswer,
  type EraseRequest,
  type ErasingAnswer,
  MAX_REASON_LENGTH,
} from './keeper/erase-request.ts';
export { keeperActor } from './keeper/keeper.ts';
export {
  type Comparing,
  type ComparingAnswer,
  type CutAnswer,
  type DeriveAnswer,
  type ExplainAnswer,
  type ExplainedItem,
  type FatesAnswer,
  type ItemsAnswer,
  type KeeperAnswer,
  type KeeperMessage,
  type KeeperRequest,
  keeperRequestSchema,
  type OutsideAnswer,
  type SettledAnswer,
} from './keeper/keeper-messages.ts';
export type { JudgedEntry } from './keeper/ledger-events.ts';
export type { ManifestEnvelope, ManifestRecord, ManifestRow, OutcomeCounts } from './keeper/manifest.ts';
export {
  COMPARED_FIELDS,
  type ComparedField,
  compareRows,
  diffRows,
  diffSettings,
  type RowChange,
  type SettingChange,
} from './keeper/manifest-diff.ts';
export { type ManifestCheck, ManifestStore } from './keeper/manifest-store.ts';
export { MAX_ASKED } from './keeper/max-asked.ts';
export type { OutcomeMessage } from './keeper/outcomes.ts';
export type { DeadSequence, OutsideSummary, RepeatedSequence } from './keeper/outside.ts';
export type { VerdictCounts } from './keeper/verdict-counts.ts';
export type { Kind } from './kinds/kind.ts';
export type { AgainstDataset } from './pipeline/against.ts';
export { canonicalJson, sha256Hex } from './pipeline/canonical.ts';
export {
  type ContentSource,
  type DatasetPorts,
  ITEM_STAGES,
  type ItemStage,
  type ModelIdentity,
  type QueueStage,
  STAGES,
  type Stage,
} from './pipeline/dataset-ports.ts';
export { DatasetShards } from './pipeline/dataset-shards.ts';
export { type DatasetSizing, datasetTree, STATELESS_PARTS, workersOf } from './pipeline/dataset-tree.ts';
export { EMBED_CAUSES, type EmbedCause, type EmbedCounts } from './pipeline/embed-contents.ts';
export type { ErasurePorts } from './pipeline/erasure-ports.ts';
export { DEAD_REASONS, type DeadReason, ItemFailure, PassingFailure } from './pipeline/item-failure.ts';
export {
  carriedOn,
  type HopEnd,
  type HopTrace,
  type ItemTracer,
  type KeptItem,
} from './pipeline/item-tracer.ts';
export { blobKeys, type Payload, payloadSchema } from './pipeline/messages.ts';
export { RecentProxies } from './pipeline/recent-proxies.ts';
export { ROLE_OF_STAGE, ROLES, type Role, unattendedStages } from './pipeline/roles.ts';
export { type DatasetShard, shardPath } from './pipeline/shard-path.ts';
export {
  JOURNALED_VERDICTS,
  type JournaledVerdict,
  metersTogether,
  noMeter,
  type StageMeter,
  WORKING_PARTS,
  type WorkingPart,
} from './pipeline/stage-meter.ts';
export {
  decodeVector,
  encodedBytes,
  VECTOR_PRECISIONS,
  type VectorPrecision,
} from './pipeline/vector-codec.ts';
export {
  type GroupFacts,
  parseGroup,
  type RecordedVersions,
  recordedPrecision,
  recordedVectorKey,
  recordedVersions,
  vectorGroup,
  vectorKey,
} from './pipeline/vector-store.ts';
export { globMatches } from './rules/glob.ts';
export { type JudgingContext, judgingContext } from './rules/judging-context.ts';
export { AddressPolicy, isNetwork } from './sources/address-policy.ts';
export { FileSource } from './sources/file-source.ts';
export { HttpSource } from './sources/http-source.ts';
export { S3Source } from './sources/s3-source.ts';
export { SchemeSource } from './sources/scheme-source.ts';
export { GuardedSource, SourceGuard } from './sources/source-guard.ts';
export { SourceRates } from './sources/source-rates.ts';
