// The public door of `actors/`: the pipeline actors, the kinds and the configuration of a dataset.
export {
  type DatasetConfig,
  type DecidingConfig,
  datasetConfigSchema,
  decidingConfig,
  parseByteSize,
} from './config.ts';
export { embedThreadModule, hashImage, TROUPE_TINY } from './image/index.ts';
export { imageKind } from './image/kind.ts';
export { keeperActor, RequestRefused } from './keeper/keeper.ts';
export {
  type CutAnswer,
  type DeriveAnswer,
  type ExplainAnswer,
  type ExplainedItem,
  type KeeperAnswer,
  type KeeperMessage,
  type KeeperRequest,
  keeperRequestSchema,
  type SettledAnswer,
} from './keeper/keeper-messages.ts';
export type { VerdictCounts } from './keeper/ledger.ts';
export type { ManifestEnvelope, ManifestRecord, ManifestRow, OutcomeCounts } from './keeper/manifest.ts';
export { type ManifestCheck, ManifestStore } from './keeper/manifest-store.ts';
export type { OutcomeMessage } from './keeper/outcomes.ts';
export type { Kind } from './kinds/kind.ts';
export { canonicalJson, sha256Hex } from './pipeline/canonical.ts';
export {
  type ContentSource,
  type DatasetPorts,
  type ModelIdentity,
  type QueueStage,
  STAGES,
  type Stage,
  type StageMeter,
} from './pipeline/dataset-ports.ts';
export { type DatasetSizing, datasetTree } from './pipeline/dataset-tree.ts';
export { type DeadReason, ItemFailure, PassingFailure } from './pipeline/item-failure.ts';
export { blobKeys, type Payload, payloadSchema } from './pipeline/messages.ts';
export { type JudgingContext, judgingContext } from './rules/judging-context.ts';
export { FileSource } from './sources/file-source.ts';
export { SchemeSource } from './sources/scheme-source.ts';
