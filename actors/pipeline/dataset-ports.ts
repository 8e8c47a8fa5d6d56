// Everything that the actors of one dataset need from outside, gathered once by the composition root.
import type {
  BlobStore,
  ByteBudget,
  CircuitBreaker,
  Clock,
  Codec,
  DurablePublisher,
  FaultPoints,
  Journal,
  ListedBlobStore,
  Logger,
  NotedBlobStore,
  RecordStore,
  WorkSource,
} from '#runtime';
import type { DatasetConfig, IndexGeneration, Provider } from '../config/index.ts';
import type { IndexPeers, ShardDirectory } from '../dedup/index-exchange.ts';
import type { UnavailableProvider } from '../image/session-spec.ts';
import type { Kind } from '../kinds/kind.ts';
import type { SourceGuard } from '../sources/source-guard.ts';
import type { SourceRates } from '../sources/source-rates.ts';
import type { AgainstDataset } from './against.ts';
import type { ErasurePorts } from './erasure-ports.ts';
import type { ItemTracer } from './item-tracer.ts';
import type { StageMeter } from './stage-meter.ts';
import type { VectorPrecision } from './vector-codec.ts';

/**
 * Stages with a durable queue of their own, in the order in which an item passes them. `held` is where those wait
 * whose source may not be asked yet; in `replay` are contents of the ledger that are to be compared anew.
 */
export const STAGES = ['held', 'embed', 'dedup', 'replay', 'score', 'keep'] as const;
export type QueueStage = (typeof STAGES)[number];
/** Stages through which items pass. */
export const ITEM_STAGES = STAGES.filter((stage) => stage !== 'replay');
export type ItemStage = Exclude<QueueStage, 'replay'>;
/** Every stage that settles messages: the intake first. */
export type Stage = 'intake' | QueueStage;

/** Within which bounds a reference is read. */
export interface ReadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** 1 (the default) for the first try of an item; later ones are given more time. */
  readonly tries?: number;
  /** Asked before a body is read: resolves when `bytes` of it may be held in all. */
  readonly admit: (bytes: number) => Promise<void>;
}

/** Reads bytes that a reference names. */
export interface ContentSource {
  /**
   * The bytes, in a buffer of their own, which the reader may move to another thread.
   * @throws ItemFailure `source_not_allowed`, `not_found`, `too_large`; PassingFailure when it may work later, of the
   * class `recoverable` where that says nothing about the item.
   */
  read(uri: string, options: ReadOptions): Promise<Uint8Array>;
  /** The place that is asked for a reference first, as its breaker is called; undefined where none guards it. */
  placeOf?(uri: string): string | undefined;
}

export interface DatasetSubjects {
  work(stage: QueueStage): string;
  dead(stage: Stage): string;
  outcome(outcome: string): string;
}

export interface DatasetPorts {
  readonly dataset: string;
  readonly kind: Kind;
  readonly config: DatasetConfig;
  /** Creation time of the intake stream: part of every hop's id, so that a recreated dataset starts afresh. */
  readonly incarnation: string;
  readonly subjects: DatasetSubjects;
  readonly codec: Codec;
  readonly publisher: DurablePublisher;
  /** The shared consumer of a stage; for `keep` a consumer owned under the journal's epoch. */
  source(stage: Stage, epoch?: number): WorkSource;
  journal(actor: 'index' | 'keeper', shard: number): Journal;
  readonly blobs: NotedBlobStore;
  readonly snapshots: ListedBlobStore;
  readonly manifests: BlobStore;
  /** State of the dataset: a vector that took part in a verdict stays until it is erased. */
  readonly vectors: BlobStore;
  /** Vectors that all datasets and the embedding service share, under the same keys; any may be gone at any time. */
  readonly sharedVectors: BlobStore;
  /** Pointers to manifests and HEAD. */
  readonly heads: RecordStore;
  /** Durable marks of suspect messages: key `dataset.stage.sequence`. */
  readonly attempts: RecordStore;
  readonly contents: ContentSource;
  /** Bytes of contents that all ingestors of the node may hold at once. */
  readonly bodyBudget: ByteBudget;
  /** Bytes that large pictures may take at once while they are decoded, on all threads of the node. */
  readonly decodeBudget: ByteBudget;
  readonly rates: SourceRates;
  /** The breakers of the places that `contents` reads from. */
  readonly guard: SourceGuard;
  readonly modelBreaker: CircuitBreaker;
  /** Where the index shards are, and the way to those of other nodes. */
  readonly index: { readonly directory: ShardDirectory; readonly peers: IndexPeers };
  /** Datasets that contents are held against; default none. */
  readonly against?: readonly AgainstDataset[];
  /** The generation of the index that `config` and `model` made. */
  readonly generation: IndexGeneration;
  /** The same dataset as it will be once its contents are compared anew; absent while nothing is being replayed. */
  readonly next?: DatasetPorts;
  /** The next generation holds everything: it is to be made the present one. */
  switched?(generation: number): void;
  /** Deletes what index shards left behind that belong to no generation of the record; nobody owns them any more. */
  forgetShards?(): Promise<void>;
  /** What only an erasure needs. */
  readonly erasure: ErasurePorts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly faults: FaultPoints;
  readonly model: ModelIdentity;
  readonly meter: StageMeter;
  readonly tracer: ItemTracer;
  /** Another node owns a journal of this one: this node must stop. */
  fenced(error: Error): void;
}

/** What a stage needs of it, whatever its handler does. */
export type StagePorts = Pick<
  DatasetPorts,
  | 'dataset'
  | 'incarnation'
  | 'subjects'
  | 'codec'
  | 'publisher'
  | 'source'
  | 'attempts'
  | 'clock'
  | 'faults'
  | 'meter'
  | 'tracer'
>;

/** The embedding model in force, with everything that determines a vector. */
export interface ModelIdentity {
  readonly name: string;
  /** sha256 of the model file, 64 hex. */
  readonly digest: string;
  /** Digest of all that is done before and after the model (resize, layout, scale, pooling …), 64 hex. */
  readonly recipe: string;
  /** In the system's registry; absent for a model of the package or of a configuration. No vector depends on it. */
  readonly version?: string;
  /** How the numbers of a vector are stored. */
  readonly precision: VectorPrecision;
  /** Where the model runs; part of the recipe. */
  readonly provider: Provider;
  /** Providers that were to come first and do not work. */
  readonly unavailable?: readonly UnavailableProvider[];
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Most items in one request to the session. */
  readonly batch: number;
  /** What the session's thread is started with; only the kind knows its shape. */
  readonly session: unknown;
  /**
   * The copy that analysis makes for the model, its name in object keys and the kind's own specification of it;
   * absent for a model that works on the proxy which pairs are verified on.
   */
  readonly proxy?: { readonly digest: string; readonly spec: unknown };
}
