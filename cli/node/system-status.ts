// Gathers the state of a system from what is there: the answers of its nodes, the streams, the manifests. Works
// from any machine that reaches NATS, also when no node answers. `cli/status/` shows it to people.
import { z } from 'zod';
import {
  type Comparing,
  EMBED_CAUSES,
  type EmbedCounts,
  STAGES,
  type Stage,
  type VerdictCounts,
  WORKING_PARTS,
} from '#actors';
import {
  type ConsumerStanding,
  consumerStates,
  explainSilence,
  statsOf,
  streamState,
  type WaitingSubject,
} from '#nats';
import type { ActorSnapshot, BreakerSnapshot, FailingShard } from '#runtime';
import { dueText } from '../duration-text.ts';
import { codeOf } from '../exit-code.ts';
import { type Bottleneck, findBottleneck } from '../status/bottleneck.ts';
import { addedCounts } from './added-counts.ts';
import { breakerSchema } from './breaker-told.ts';
import type { ClientSystem } from './client-system.ts';
import { type ClusterStatus, clusterProblems, clusterStatus, readCluster } from './cluster-status.ts';
import { datasetLoad, type NodeWork, stageRates } from './dataset-load.ts';
import { type EmbedStatus, embedStatus, type ServedModelTold, servedModelSchema } from './embed-status.ts';
import { waitingProblems } from './full-storage.ts';
import { type ModelStanding, modelStandingSchema } from './model-standing.ts';
import { readStorage, type StorageStatus } from './storage-status.ts';
import type { RecentWork } from './work-flow.ts';

/** Time for nodes to answer; less is needed when every node that renews its lease has. */
const GATHER_MS = 1_500;

/** A place of a supervision tree: the snapshot without its children, in the order of the tree. */
export interface ActorLine {
  /** Depth in the tree. */
  readonly depth: number;
  /** Its path. */
  readonly name: string;
  readonly type: ActorSnapshot['type'];
  readonly state: ActorSnapshot['state'];
  /** Since the system started. */
  readonly restarts: number;
  /** Messages in its mailbox. */
  readonly waiting: number;
  /** Milliseconds until it is started again. */
  readonly nextRetryMs?: number;
  readonly lastFailure?: NonNullable<ActorSnapshot['lastFailure']>;
  /** Of supervisors. */
  readonly supervision?: NonNullable<ActorSnapshot['supervision']>;
}

/** A model on a node. */
export interface NodeModel extends ModelStanding {
  /** The dataset, or `embed` for requests of others. */
  readonly of: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly started: string;
  /** What acknowledged writes survive: `process`, `disk`, or `external` (as the named server is configured). */
  readonly durability: string;
  readonly cores: number;
  readonly actors: readonly ActorLine[];
  readonly breakers: readonly BreakerSnapshot[];
  /** What its vectors are made by, those of datasets and those that it answers for. */
  readonly models: readonly NodeModel[];
  /** Bytes of the dataset that each actor with state holds in memory, as it accounts for them, by path. */
  readonly accountedBytes: Readonly<Record<string, number>>;
  /** Shards that it could not start and tries again. */
  readonly failingShards: readonly FailingShard[];
  /** What it holds back because a stream takes nothing now. */
  readonly waiting: readonly WaitingSubject[];
}

export interface StageStatus {
  readonly stage: Stage;
  readonly unprocessed: number;
  readonly ackPending: number;
  readonly redelivered: number;
  /** Of the last 15 seconds, over all nodes that answer. */
  readonly itemsPerS: number;
  /** Share of the time in which its workers had something in hand, 0 to 1; null: no node that answers runs any. */
  readonly busy: number | null;
}

export interface DatasetStatus {
  readonly name: string;
  readonly published: number;
  readonly head: { readonly number: number; readonly digest: string } | null;
  readonly stages: readonly StageStatus[];
  readonly verdicts: VerdictCounts | null;
  /** How far contents are compared anew. */
  readonly comparing: Comparing | null;
  readonly keeperEpoch: number | null;
  readonly deadLetters: number;
  /** Items that were embedded by the nodes that answer since they started, by where their vectors came from. */
  readonly vectors: EmbedCounts;
  /** What limits its throughput now, and what to change. */
  readonly bottleneck: Bottleneck;
}

export interface SystemStatus {
  readonly system: string;
  /** When it was gathered, wall-clock milliseconds. */
  readonly atMs: number;
  readonly server: { readonly version: string; readonly degraded: readonly string[] };
  readonly nodes: readonly NodeStatus[];
  readonly datasets: readonly DatasetStatus[];
  /** Models that answer requests of others. */
  readonly embedding: readonly EmbedStatus[];
  /** Nodes and shards by their records, whether or not a node answers. */
  readonly cluster: ClusterStatus;
  /** How the streams are kept. */
  readonly storage: Omit<StorageStatus, 'problems' | 'full'>;
  readonly problems: readonly string[];
}

const failureSchema = z.object({ name: z.string(), message: z.string(), atMs: z.number() });
const snapshotSchema: z.ZodType<ActorSnapshot> = z.lazy(() =>
  z.object({
    path: z.string(),
    type: z.enum(['actor', 'supervisor']),
    state: z.enum(['idle', 'starting', 'running', 'passive', 'waiting', 'stopping', 'stopped']),
    restarts: z.number(),
    depth: z.number(),
    lastFailure: failureSchema.exactOptional(),
    nextRetryMs: z.number().exactOptional(),
    supervision: z
      .object({
        strategy: z.enum(['one_for_one', 'rest_for_one', 'one_for_all']),
        intensity: z.object({ maxRestarts: z.number(), withinMs: z.number() }),
        restartsInWindow: z.number(),
      })
      .exactOptional(),
    children: z.array(snapshotSchema),
  }),
);
const partSchema = z.object({ items: z.number(), busyMs: z.number(), workers: z.number() });
const workSchema: z.ZodType<RecentWork> = z.object({
  windowMs: z.number(),
  parts: z.record(z.enum(WORKING_PARTS), partSchema),
});
const noVectors: EmbedCounts = { stored: 0, shared: 0, flight: 0, inference: 0 };
const vectorCountsSchema = z.record(z.enum(EMBED_CAUSES), z.number()).default({ ...noVectors });
const nodeStatsSchema = z.object({
  node: z.string(),
  durability: z.string(),
  cores: z.number().default(1),
  failingShards: z
    .array(
      z.object({ shard: z.string(), failures: z.number(), retryMs: z.number(), lastFailure: failureSchema }),
    )
    .default([]),
  waiting: z
    .array(
      z.object({
        subject: z.string(),
        messages: z.number(),
        code: z.number(),
        why: z.string(),
        forMs: z.number(),
      }),
    )
    .default([]),
  embedding: z.record(z.string(), servedModelSchema).default({}),
  datasets: z.array(
    z.object({
      name: z.string(),
      tree: snapshotSchema,
      breakers: z.array(breakerSchema).default([]),
      /** Absent where an older program answers. */
      work: workSchema.optional(),
      model: modelStandingSchema.exactOptional(),
      vectors: vectorCountsSchema,
      accountedBytes: z.record(z.string(), z.number()).default({}),
    }),
  ),
});

/** @throws NoQuorum within half a minute where a cluster of NATS servers has no leader */
export async function readStatus(system: ClientSystem): Promise<SystemStatus> {
  try {
    return await gather(system);
  } catch (error) {
    throw await explainSilence(system.link, error);
  }
}

async function gather(system: ClientSystem): Promise<SystemStatus> {
  const { problems: storageProblems, full, ...storage } = await readStorage(system);
  const cluster = clusterStatus(await readCluster(system));
  const expected = Math.max(1, cluster.members.filter(({ state }) => state === 'active').length);
  const recorded = [...(await system.registry.list()).keys()];
  const [answers, datasets] = await Promise.all([
    statsOf(system.link, system.names.service, GATHER_MS, expected),
    Promise.all(recorded.map((name) => datasetStatus(system, name))),
  ]);
  const nodes: NodeStatus[] = [];
  const works = new Map<string, NodeWork[]>();
  const vectors = new Map<string, EmbedCounts>();
  const serving: { readonly node: string; readonly embedding: Readonly<Record<string, ServedModelTold>> }[] =
    [];
  for (const { version, started, data } of answers) {
    const parsed = nodeStatsSchema.safeParse(data);
    if (!parsed.success) continue;
    const { node: name, durability, cores, failingShards, waiting, datasets: own } = parsed.data;
    serving.push(parsed.data);
    for (const { name: dataset, work, breakers, vectors: counts } of own) {
      vectors.set(dataset, addedCounts(vectors.get(dataset) ?? noVectors, counts));
      if (work === undefined) continue;
      works.set(dataset, [...(works.get(dataset) ?? []), { node: name, cores, work, breakers }]);
    }
    const actors = own.flatMap(({ tree }) => tree.children.flatMap((child) => [...lines(child, 0)]));
    const { embedding } = parsed.data;
    const breakers = [...own, ...Object.values(embedding)].flatMap((part) => part.breakers);
    const accountedBytes = Object.fromEntries(
      own.flatMap(({ name: dataset, accountedBytes: held }) =>
        Object.entries(held).map(([actor, bytes]) => [`${dataset}/${actor}`, bytes] as const),
      ),
    );
    const models = [
      ...own.map(({ name: of, model }) => ({ of, model })),
      ...Object.values(embedding).map(({ model }) => ({ of: 'embed', model })),
    ].flatMap(({ of, model }) => (model === undefined ? [] : [{ of, ...model }]));
    const told = { durability, cores, actors, breakers, models, accountedBytes, failingShards, waiting };
    nodes.push({ name, version, started, ...told });
  }
  nodes.sort((one, other) => (one.name < other.name ? -1 : 1));
  const { version, degraded } = system.link.features;
  const room = [...full, ...nodes.flatMap(({ name, waiting }) => waitingProblems(name, waiting))];
  const syncsEachWrite = nodes.some(({ durability }) => durability === 'disk');
  const busy = datasets.map((dataset): DatasetStatus => {
    const ofNodes = works.get(dataset.name) ?? [];
    const stages = dataset.stages.map((stage) => ({ ...stage, ...stageRates(stage.stage, ofNodes) }));
    const load = datasetLoad({
      dataset: dataset.name,
      stages,
      works: ofNodes,
      cluster,
      room,
      syncsEachWrite,
    });
    const counts = vectors.get(dataset.name) ?? noVectors;
    return { ...dataset, stages, vectors: counts, bottleneck: findBottleneck(load) };
  });
  return {
    system: system.names.system,
    atMs: system.link.clock.wallMs(),
    server: { version, degraded },
    nodes,
    datasets: busy,
    embedding: embedStatus(serving),
    cluster,
    storage,
    problems: [
      ...problemsOf(nodes),
      ...silentNodes(nodes, cluster),
      ...clusterProblems(cluster),
      ...storageProblems,
    ],
  };
}

function problemsOf(nodes: readonly NodeStatus[]): readonly string[] {
  if (nodes.length === 0) return ['no node answers; items wait until one runs'];
  return nodes.flatMap(({ name: node, actors, breakers, failingShards, waiting }) => [
    ...waitingProblems(node, waiting),
    ...failingShards.map((failing) => failingProblem(failing, node)),
    ...actors
      .filter(({ state }) => state !== 'running' && state !== 'passive')
      .map(({ name, state }) => `${name} on ${node} is ${state}`),
    ...breakers.filter(({ state }) => state !== 'closed').map((breaker) => breakerProblem(breaker, node)),
  ]);
}

/** Nodes that renewed their leases a moment ago, so that nothing else tells that they do not answer. */
function silentNodes(nodes: readonly NodeStatus[], { members }: ClusterStatus): readonly string[] {
  if (nodes.length === 0) return [];
  const answering = new Set(nodes.map(({ name }) => name));
  return members
    .filter(({ name, state }) => state === 'active' && !answering.has(name))
    .map(
      ({ name }) =>
        `node ${name} does not answer, though its lease is not over: it is frozen, busy or cut off`,
    );
}

function failingProblem({ shard, failures, retryMs, lastFailure }: FailingShard, node: string): string {
  const times = failures === 1 ? 'once' : `${failures} times in a row`;
  return `${shard} could not be started on ${node}, ${times}, tried again ${dueText(retryMs)}: ${lastFailure.message}`;
}

function breakerProblem({ name, path, state, retryMs, lastFailure }: BreakerSnapshot, node: string): string {
  const when = state === 'half_open' ? 'being probed' : `tried again ${dueText(retryMs ?? 0)}`;
  const why = lastFailure === undefined ? '' : `; last failure: ${lastFailure.message}`;
  return `the breaker of ${name} on ${node} is ${state}, ${when}: what needs it waits at ${path}${why}`;
}

type QueueStatus = Omit<StageStatus, 'itemsPerS' | 'busy'>;

/** Without what the nodes tell. */
async function datasetStatus(
  system: ClientSystem,
  dataset: string,
): Promise<
  Omit<DatasetStatus, 'stages' | 'vectors' | 'bottleneck'> & { readonly stages: readonly QueueStatus[] }
> {
  const { streams } = system.names;
  const intake = await streamState(system.link, streams.intake(dataset));
  const stages = [await stageStatus(system, 'intake', streams.intake(dataset))];
  for (const stage of STAGES) stages.push(await stageStatus(system, stage, streams.work(dataset, stage)));
  const manifests = system.manifests(dataset);
  const head = await manifests.head();
  const record = head === undefined ? undefined : await manifests.record(head);
  const settled = await system
    .keeper(dataset)
    .settled(intake.lastSequence)
    .catch((error: unknown) => {
      // Nobody runs the keeper, or its node is frozen: the rest can be told all the same.
      if (codeOf(error) === 'no_answer') return null;
      throw error;
    });
  return {
    name: dataset,
    published: intake.lastSequence,
    head: record === undefined ? null : { number: record.number, digest: record.digest },
    stages,
    verdicts: settled?.counts ?? null,
    comparing: settled?.comparing ?? null,
    keeperEpoch: settled?.epoch ?? null,
    deadLetters: (await streamState(system.link, streams.dead(dataset))).messages,
  };
}

async function stageStatus(system: ClientSystem, stage: Stage, stream: string): Promise<QueueStatus> {
  const standings = await consumerStates(system.link, stream);
  const total = (field: 'unprocessed' | 'ackPending' | 'redelivered') =>
    standings.reduce((sum: number, standing: ConsumerStanding) => sum + standing[field], 0);
  return {
    stage,
    unprocessed: total('unprocessed'),
    ackPending: total('ackPending'),
    redelivered: total('redelivered'),
  };
}

function* lines(actor: ActorSnapshot, depth: number): Generator<ActorLine> {
  const { path, depth: waiting, children, ...rest } = actor;
  yield { depth, name: path, waiting, ...rest };
  for (const child of children) yield* lines(child, depth + 1);
}
