// Every metric of a node: name, type, labels with all values that they can have, and meaning. The instruments are made
// from it, docs/observability.md has it as a table, dashboards may name nothing else, and a test holds a live node to it.
import {
  EMBED_CAUSES,
  JOURNALED_VERDICTS,
  REQUEST_OUTCOMES,
  STAGES,
  VECTOR_CAUSES,
  WORKING_PARTS,
} from '#actors';
import { DEAD_CLASSES } from './dead-class.ts';
import { ACTOR_LABELS, HAND_OFF_PHASES } from './event-labels.ts';

/** Values of a label: a closed list, or one name for each thing that the configuration names. */
export type LabelValues = readonly string[] | 'the datasets' | 'the models' | 'this node' | 'this program';

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram, in the unit that its name ends with. */
  readonly buckets?: readonly number[];
}

const dataset = 'the datasets';
const model = 'the models';
const stage = ['intake', ...STAGES] as const;
const HOP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
const ITEM_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const BATCH_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Streams of a dataset whose size is told. */
export const SIZED_STREAMS = [...stage, 'journal', 'dead', 'outcome'] as const;
/** What nodes say of themselves, or what follows from their silence. */
export const NODE_STATES = ['joining', 'active', 'draining', 'unreachable', 'gone'] as const;
export const DEPENDENCIES = ['model', 'source', 'node'] as const;
export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;
export const OUTCOMES = ['kept', 'duplicate', 'rejected', 'review'] as const;

export const METRICS = {
  troupe_node_info: {
    type: 'gauge',
    help: 'Always 1; its labels name the node and the version of the program.',
    labels: { node: 'this node', version: 'this program' },
  },
  troupe_ready: {
    type: 'gauge',
    help: '1 when the node takes part: it is active, connected to NATS, and neither joins nor drains.',
    labels: {},
  },
  troupe_nats_connected: { type: 'gauge', help: '1 while the connection to NATS is up.', labels: {} },
  troupe_nats_disconnects_total: {
    type: 'counter',
    help: 'How often the connection to NATS broke.',
    labels: {},
  },
  troupe_publishes_waiting: {
    type: 'gauge',
    help: 'Messages that the node holds back because a stream takes nothing now.',
    labels: {},
  },
  troupe_cluster_nodes: {
    type: 'gauge',
    help: 'Nodes of the system as this one sees them; those that have left in order are not counted.',
    labels: { state: NODE_STATES },
  },
  troupe_cluster_coordinator: {
    type: 'gauge',
    help: '1 while this node plans for the system; the sum over all nodes is 1.',
    labels: {},
  },
  troupe_shards_owned: {
    type: 'gauge',
    help: 'Index shards and keepers that this node owns.',
    labels: { dataset, actor: ['index', 'keeper'] },
  },
  troupe_shards_failing: {
    type: 'gauge',
    help: 'Shards that could not be started here and are tried again.',
    labels: { dataset },
  },
  troupe_shard_handoffs_total: {
    type: 'counter',
    help: 'Phases of changes of ownership that this node carried out.',
    labels: { dataset, phase: HAND_OFF_PHASES },
  },
  troupe_actor_crashes_total: {
    type: 'counter',
    help: 'Actors and threads that threw.',
    labels: { dataset, actor: ACTOR_LABELS },
  },
  troupe_actor_restarts_total: {
    type: 'counter',
    help: 'Actors, threads and supervisors that were started again.',
    labels: { dataset, actor: ACTOR_LABELS },
  },
  troupe_actor_escalations_total: {
    type: 'counter',
    help: 'Supervisors that used up their restarts.',
    labels: { dataset },
  },
  troupe_breakers: {
    type: 'gauge',
    help: 'Circuit breakers by what they guard: the model, places that contents come from, other nodes.',
    labels: { dataset, dependency: DEPENDENCIES, state: BREAKER_STATES },
  },
  troupe_breaker_openings_total: {
    type: 'counter',
    help: 'How often a breaker opened.',
    labels: { dataset, dependency: DEPENDENCIES },
  },
  troupe_stage_items_total: {
    type: 'counter',
    help: 'Items that a stage handled; its rate is the throughput of the stage on this node.',
    labels: { dataset, stage },
  },
  troupe_stage_batch_seconds: {
    type: 'histogram',
    help: 'Time for one batch, from when it is in hand until it is acknowledged. Intake and held take one item a batch.',
    labels: { dataset, stage },
    buckets: BATCH_BUCKETS,
  },
  troupe_stage_hop_seconds: {
    type: 'histogram',
    help: "Age of a message when it leaves a stage's queue: its wait and its handling. It compares the clocks of the server and of the node.",
    labels: { dataset, stage },
    buckets: HOP_BUCKETS,
  },
  troupe_work_busy_seconds_total: {
    type: 'counter',
    help: 'Time in which workers of a part had something in hand, added over all of them; `decode` are the threads of the intake.',
    labels: { dataset, part: WORKING_PARTS },
  },
  troupe_work_workers: {
    type: 'gauge',
    help: 'Workers of a part on this node. The rate of `troupe_work_busy_seconds_total` over it is the utilisation.',
    labels: { dataset, part: WORKING_PARTS },
  },
  troupe_queue_messages: {
    type: 'gauge',
    help: 'Lag: messages in the queue of a stage, by whether a node has them in hand. All nodes tell the same: take the maximum.',
    labels: { dataset, stage, state: ['unprocessed', 'ack_pending'] },
  },
  troupe_queue_redelivered: {
    type: 'gauge',
    help: 'Messages in hand that were delivered more than once. All nodes tell the same.',
    labels: { dataset, stage },
  },
  troupe_queue_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest message in the queue of a stage that is not acknowledged, 0 for an empty one. All nodes tell the same.',
    labels: { dataset, stage },
  },
  troupe_stream_bytes: {
    type: 'gauge',
    help: 'Bytes in a stream of the dataset. All nodes tell the same.',
    labels: { dataset, stream: SIZED_STREAMS },
  },
  troupe_stream_limit_bytes: {
    type: 'gauge',
    help: 'Most bytes of that stream; at its limit whatever would add to it waits, but outcomes drop the oldest.',
    labels: { dataset, stream: SIZED_STREAMS },
  },
  troupe_intake_last_sequence: {
    type: 'gauge',
    help: 'Messages that were ever published to the dataset. All nodes tell the same.',
    labels: { dataset },
  },
  troupe_dead_letters_total: {
    type: 'counter',
    help: 'Items that became dead letters, by the stage and by what was at fault.',
    labels: { dataset, stage: ['intake', 'embed', 'dedup', 'replay', 'score'], class: DEAD_CLASSES },
  },
  troupe_dead_letters_stored: {
    type: 'gauge',
    help: 'Dead letters that are kept. All nodes tell the same.',
    labels: { dataset },
  },
  troupe_contents_total: {
    type: 'counter',
    help: 'Items whose content was read: `known` ones are exact duplicates of an item before.',
    labels: { dataset, content: ['new', 'known'] },
  },
  troupe_vectors_total: {
    type: 'counter',
    help: 'Items that were embedded, by where their vectors came from: `stored`, the dataset had it; `shared`, the cache of all datasets; `flight`, another item of the same batch needed it; `inference`, the model.',
    labels: { dataset, cause: EMBED_CAUSES },
  },
  troupe_pairs_total: {
    type: 'counter',
    help: 'Pairs of contents that a desk measured and that are related; `uncertain` ones are for a person.',
    labels: { dataset, relation: ['near', 'transformed', 'semantic', 'uncertain'] },
  },
  troupe_verdicts_total: {
    type: 'counter',
    help: 'Sequences whose verdict was journaled; `review` is the borderline band.',
    labels: { dataset, verdict: JOURNALED_VERDICTS },
  },
  troupe_manifest_number: {
    type: 'gauge',
    help: 'Number of the newest manifest; told by the node that owns the keeper.',
    labels: { dataset },
  },
  troupe_manifest_items: {
    type: 'gauge',
    help: 'Items of the newest manifest by outcome; told by the node that owns the keeper.',
    labels: { dataset, outcome: OUTCOMES },
  },
  troupe_accounted_bytes: {
    type: 'gauge',
    help: 'Memory that the state of index shards and keepers takes on this node, by their own account.',
    labels: { dataset, actor: ['index', 'keeper'] },
  },
  troupe_embed_requests_total: {
    type: 'counter',
    help: 'Requests of others for a vector by how they ended: `forwarded` ones went to another replica, `retry_after` ones are to come again, `failed` ones had no answer of the model.',
    labels: { model, outcome: REQUEST_OUTCOMES },
  },
  troupe_embed_request_seconds: {
    type: 'histogram',
    help: 'Time from when a request is read until its vector is sent, at the replica that answers it.',
    labels: { model },
    buckets: BATCH_BUCKETS,
  },
  troupe_embed_vectors_total: {
    type: 'counter',
    help: 'Vectors of answered requests by where they came from: the cache in memory, the shared one, a request for the same content under way, or the model.',
    labels: { model, cause: VECTOR_CAUSES },
  },
  troupe_embed_batch_items: {
    type: 'histogram',
    help: 'Pictures in one run of the model; its sum is the number of inferences.',
    labels: { model },
    buckets: ITEM_BUCKETS,
  },
  troupe_embed_waiting: {
    type: 'gauge',
    help: 'Requests that wait for a session of the model on this node.',
    labels: { model },
  },
  troupe_embed_under_way: {
    type: 'gauge',
    help: 'Requests that this node has in hand, those that wait among them.',
    labels: { model },
  },
  troupe_embed_breakers: {
    type: 'gauge',
    help: 'Circuit breakers before the sessions that answer requests of others for vectors; while one is not closed they wait.',
    labels: { model, state: BREAKER_STATES },
  },
  troupe_embed_breaker_openings_total: {
    type: 'counter',
    help: 'How often such a breaker opened.',
    labels: { model },
  },
  troupe_embed_replicas: {
    type: 'gauge',
    help: 'Nodes that serve the model, as this one hears of them, itself included.',
    labels: { model },
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;

/** Metrics of the process itself, as prom-client names them for every Node.js program; dashboards use these. */
export const PROCESS_METRICS = {
  process_cpu_seconds_total: 'CPU time of the process, its threads included.',
  process_resident_memory_bytes: 'Memory of the process.',
  nodejs_eventloop_lag_p99_seconds: 'How late the event loop was, 99th percentile since the last scrape.',
  nodejs_eventloop_lag_max_seconds: 'How late the event loop was at most since the last scrape.',
  nodejs_heap_size_used_bytes: 'Heap of the main thread.',
  nodejs_external_memory_bytes: 'Memory of buffers outside the heap.',
} as const;
