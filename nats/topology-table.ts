// The declarative table of everything the system keeps in JetStream: each stream with its limits and overflow rule,
// each shared consumer, each record and object bucket. `topology.ts` makes what is written here; nothing else
// creates streams. Every limit is stated, because servers differ in what they assume.
import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from 'nats';
import { namesOf, objectStream, recordStream } from './names.ts';

const GIB = 1024 * 1024 * 1024;
const MIB = 1024 * 1024;
/** About 200,000 actions of people; the oldest go first. */
const AUDIT_MAX_BYTES = 64 * MIB;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Work consumers: one of each stage, and room for a replacement. */
const WORK_CONSUMERS = 8;
/** Readers come and go on streams which keep their messages: replays, exports, other clients. */
const READERS = 512;

/** One stream as asked for. */
export type StreamPlan = Partial<StreamConfig> & { readonly name: string };

/** One durable consumer as asked for. */
export interface ConsumerPlan {
  readonly stream: string;
  readonly config: Partial<ConsumerConfig> & { readonly durable_name: string };
}

/** Streams and consumers of a system or a dataset. */
export interface TopologyPlan {
  readonly streams: readonly StreamPlan[];
  readonly consumers: readonly ConsumerPlan[];
  /** Streams whose byte limit was asked for; another limit than the planned one is no fault of the others. */
  readonly limited: ReadonlySet<string>;
  /** Streams that a system does without where the server cannot reserve their bytes. */
  readonly dispensable?: ReadonlySet<string>;
}

/** A stage with a work queue of its own. */
export interface StagePlan {
  readonly name: string;
  /** `shared`: one consumer for all nodes. `owned`: made by its owner, named with the owner's epoch. */
  readonly consumer: 'shared' | 'owned';
  /** Messages waiting before it; default `workMaxMessages`. */
  readonly maxMessages?: number;
  /** Default `workMaxBytes`. */
  readonly maxBytes?: number;
  /** Messages in hand or given back for later; default `maxAckPending`. */
  readonly maxAckPending?: number;
}

/** Name of the shared consumer of the intake stream. */
export const INTAKE_CONSUMER = 'ingestor';

/** What a system keeps, whatever its datasets. */
export interface SystemOptions {
  /** Name of the system, e.g. `troupe`. */
  readonly system: string;
  /** Copies of each stream: 1 or 3. Default: what the system has, 1 for a new one. */
  readonly replicas?: number;
  readonly storage?: 'file' | 'memory';
  /** False: streams are managed by others, who make what `plannedStreams` says; they are looked at only. Default true. */
  readonly provision?: boolean;
  /** The oldest events go first. Byte limits: default, 256 MiB here, counts for streams that are made anew. */
  readonly eventsMaxBytes?: number;
  /** Default 7 days. */
  readonly eventsMaxAgeMs?: number;
  /** Limit of the uploads bucket; default none. */
  readonly uploadsMaxBytes?: number;
  /** Limit of the vectors that nodes share, the oldest of which go first. */
  readonly cacheMaxBytes?: number;
}

/**
 * What a dataset keeps. Byte limits are reserved on the server (about 4.5 GiB with the defaults), so that those of all
 * datasets together must fit into its JetStream storage. One that is given changes the stream where it has another;
 * the default counts for streams that are made anew.
 */
export interface DatasetOptions {
  readonly system: string;
  /** As of the system. */
  readonly replicas?: number;
  readonly storage?: 'file' | 'memory';
  /** As of the system. */
  readonly provision?: boolean;
  /** The stages with a queue of their own: the pipeline names them, this folder does not. */
  readonly stages: readonly StagePlan[];
  /** Default 2 GiB; publishers wait beyond it. */
  readonly intakeMaxBytes?: number;
  /** Default none but `intakeMaxBytes`. */
  readonly intakeMaxMessages?: number;
  /** Messages waiting before one stage; default 2,000. The stage before it waits beyond that. */
  readonly workMaxMessages?: number;
  /** Default 128 MiB for each stage. */
  readonly workMaxBytes?: number;
  /** Default 1 GiB for all journals of the dataset. */
  readonly journalMaxBytes?: number;
  /** Default 512 MiB; a full one pauses the stage which wants to add to it. */
  readonly deadMaxBytes?: number;
  /** Default 256 MiB and 30 days; the oldest go first. */
  readonly outcomeMaxBytes?: number;
  readonly outcomeMaxAgeMs?: number;
  /** How long a message id is remembered, about 220 bytes of the server's memory each; default 120,000 ms. */
  readonly duplicateWindowMs?: number;
  /** Default 30,000 ms; at most the lease time of nodes. */
  readonly ackWaitMs?: number;
  /** At least 2 × nodes × prefetch, as a dead node keeps its credits for `ackWaitMs`; default 1,024. */
  readonly maxAckPending?: number;
}

interface Common {
  readonly num_replicas: number;
  readonly storage: StorageType;
}

/** A stream of a pipeline that is not a dataset's. */
export interface StreamOptions {
  readonly name: string;
  /** Subjects that it stores; no other stream may have one of them. */
  readonly subjects: readonly string[];
  /** `until-acked`: a work queue, which forgets what was acknowledged. `all`: it keeps what it stores. */
  readonly keep: 'until-acked' | 'all';
  /** Default 1 GiB. Nothing is dropped beyond it: publishers wait. */
  readonly maxBytes?: number;
  /** How long a message id is remembered, about 220 bytes of the server's memory each; default 120,000 ms. */
  readonly duplicateWindowMs?: number;
  /** Default 1. */
  readonly replicas?: number;
  /** Default `file`. */
  readonly storage?: 'file' | 'memory';
}

/** The stream as asked for, with every limit stated. */
export function streamPlan(options: StreamOptions): StreamPlan {
  const { name, subjects, keep, maxBytes = GIB, duplicateWindowMs = 120_000 } = options;
  const queue = keep === 'until-acked';
  return {
    ...commonOf(options),
    name,
    subjects: [...subjects],
    retention: queue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: maxBytes,
    max_consumers: queue ? WORK_CONSUMERS : READERS,
    duplicate_window: nanos(duplicateWindowMs),
    allow_direct: false,
  };
}

/** The streams of a system. */
export function systemPlan(options: SystemOptions): TopologyPlan {
  const names = namesOf(options.system);
  const common = commonOf(options);
  const records = names.records;
  return {
    streams: [
      {
        ...common,
        name: names.streams.events,
        subjects: [`${names.system}.events.>`],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        max_bytes: options.eventsMaxBytes ?? 256 * MIB,
        max_age: nanos(options.eventsMaxAgeMs ?? 7 * DAY_MS),
        max_consumers: READERS,
        duplicate_window: nanos(120_000),
        allow_direct: false,
      },
      {
        ...common,
        name: names.streams.audit,
        subjects: [`${names.system}.audit.>`],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        max_bytes: AUDIT_MAX_BYTES,
        max_consumers: READERS,
        duplicate_window: nanos(120_000),
        // Not even an operator takes a line out of it.
        deny_delete: true,
        deny_purge: true,
        allow_direct: false,
      },
      ...[
        records.datasets,
        records.nodes,
        records.shards,
        records.heads,
        records.attempts,
        records.config,
        records.models,
      ].map((bucket) => recordBucket(common, bucket)),
      objectBucket(common, names.objects.uploads, options.uploadsMaxBytes),
      objectBucket(common, names.objects.models, undefined),
      {
        ...entryBucket(common, records.cache),
        discard: DiscardPolicy.Old,
        max_bytes: options.cacheMaxBytes ?? 256 * MIB,
      },
    ],
    consumers: [],
    dispensable: new Set([recordStream(records.cache)]),
    limited: new Set([
      ...(options.eventsMaxBytes === undefined ? [] : [names.streams.events]),
      ...(options.cacheMaxBytes === undefined ? [] : [recordStream(records.cache)]),
    ]),
  };
}

/** The streams and shared consumers of one dataset. */
export function datasetPlan(dataset: string, options: DatasetOptions): TopologyPlan {
  const names = namesOf(options.system);
  const { streams, subjects, objects, records } = names;
  const common = commonOf(options);
  const window = { duplicate_window: nanos(options.duplicateWindowMs ?? 120_000) };
  const { stages } = options;
  const queue = {
    ...common,
    ...window,
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_consumers: WORK_CONSUMERS,
    allow_direct: false,
  };
  const kept = {
    ...common,
    ...window,
    retention: RetentionPolicy.Limits,
    max_consumers: READERS,
    allow_direct: false,
  };
  return {
    streams: [
      {
        ...queue,
        name: streams.intake(dataset),
        subjects: [subjects.intake(dataset)],
        max_bytes: options.intakeMaxBytes ?? 2 * GIB,
        max_msgs: options.intakeMaxMessages ?? -1,
      },
      ...stages.map((stage) => ({
        ...queue,
        name: streams.work(dataset, stage.name),
        subjects: [subjects.work(dataset, stage.name)],
        max_msgs: stage.maxMessages ?? options.workMaxMessages ?? 2_000,
        max_bytes: stage.maxBytes ?? options.workMaxBytes ?? 128 * MIB,
      })),
      {
        ...kept,
        name: streams.journal(dataset),
        subjects: [`${names.system}.journal.${dataset}.>`],
        discard: DiscardPolicy.New,
        max_bytes: options.journalMaxBytes ?? GIB,
      },
      {
        ...kept,
        name: streams.dead(dataset),
        subjects: [`${names.system}.dead.${dataset}.>`],
        discard: DiscardPolicy.New,
        max_bytes: options.deadMaxBytes ?? 512 * MIB,
      },
      {
        ...kept,
        name: streams.outcome(dataset),
        subjects: [`${names.system}.outcome.${dataset}.>`],
        discard: DiscardPolicy.Old,
        max_bytes: options.outcomeMaxBytes ?? 256 * MIB,
        max_age: nanos(options.outcomeMaxAgeMs ?? 30 * DAY_MS),
      },
      ...[objects.blobs(dataset), objects.snapshots(dataset), objects.manifests(dataset)].map((bucket) =>
        objectBucket(common, bucket, undefined),
      ),
      ...[records.details(dataset), records.vectors(dataset)].map((bucket) => entryBucket(common, bucket)),
    ],
    limited: limitedStreams(dataset, options),
    consumers: [
      workConsumer(streams.intake(dataset), INTAKE_CONSUMER, subjects.intake(dataset), options),
      ...stages
        .filter((stage) => stage.consumer === 'shared')
        .map((stage) =>
          workConsumer(
            streams.work(dataset, stage.name),
            stage.name,
            subjects.work(dataset, stage.name),
            stage.maxAckPending === undefined ? options : { ...options, maxAckPending: stage.maxAckPending },
          ),
        ),
    ],
  };
}

function limitedStreams(dataset: string, options: DatasetOptions): ReadonlySet<string> {
  const { streams } = namesOf(options.system);
  const asked = [
    [streams.intake(dataset), options.intakeMaxBytes],
    [streams.journal(dataset), options.journalMaxBytes],
    [streams.dead(dataset), options.deadMaxBytes],
    [streams.outcome(dataset), options.outcomeMaxBytes],
    ...options.stages.map(
      ({ name, maxBytes }) => [streams.work(dataset, name), maxBytes ?? options.workMaxBytes] as const,
    ),
  ] as const;
  return new Set(asked.filter(([, bytes]) => bytes !== undefined).map(([stream]) => stream));
}

/** The shared consumer of a work queue. Deliveries are unlimited: attempts are counted elsewhere. */
export function workConsumer(
  stream: string,
  name: string,
  subject: string,
  options: { readonly ackWaitMs?: number; readonly maxAckPending?: number },
): ConsumerPlan {
  return {
    stream,
    config: {
      durable_name: name,
      filter_subject: subject,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(options.ackWaitMs ?? 30_000),
      max_deliver: -1,
      max_ack_pending: options.maxAckPending ?? 1_024,
      replay_policy: ReplayPolicy.Instant,
    },
  };
}

/** The stream of a key-value bucket as ADR-8 lays it out, with leader reads and one value a key. */
function recordBucket(common: Common, bucket: string): StreamPlan {
  return {
    ...common,
    name: recordStream(bucket),
    subjects: [`$KV.${bucket}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_consumers: READERS,
    duplicate_window: nanos(120_000),
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: false,
  };
}

/** As `recordBucket`, for values that never change: any replica may answer. */
function entryBucket(common: Common, bucket: string): StreamPlan {
  return { ...recordBucket(common, bucket), allow_direct: true };
}

/** The stream of an object bucket as ADR-20 lays it out. */
function objectBucket(common: Common, bucket: string, maxBytes: number | undefined): StreamPlan {
  return {
    ...common,
    name: objectStream(bucket),
    subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: maxBytes ?? -1,
    max_consumers: READERS,
    duplicate_window: nanos(120_000),
    allow_rollup_hdrs: true,
    allow_direct: true,
  };
}

function commonOf(options: { readonly replicas?: number; readonly storage?: 'file' | 'memory' }): Common {
  const storage = options.storage === 'memory' ? StorageType.Memory : StorageType.File;
  return { num_replicas: options.replicas ?? 1, storage };
}
