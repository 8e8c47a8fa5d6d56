// Gathers the state of a system from what is there: the answers of its nodes, the streams, the manifests. Works
// from any machine that reaches NATS, also when no node answers.
import { z } from 'zod';
import { STAGES, type VerdictCounts } from '#actors';
import { type ConsumerStanding, consumerStates, statsOf, streamState } from '#nats';
import type { ActorSnapshot } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { ClientSystem } from './client-system.ts';

/** Time for nodes to answer. */
const GATHER_MS = 400;

export interface ActorLine {
  /** Depth in the tree. */
  readonly depth: number;
  readonly name: string;
  readonly state: string;
  readonly restarts: number;
  readonly waiting: number;
  readonly failure?: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly started: string;
  /** What acknowledged writes survive: `process`, `disk`, or `external` (as the named server is configured). */
  readonly durability: string;
  readonly actors: readonly ActorLine[];
}

export interface StageStatus {
  readonly stage: string;
  readonly unprocessed: number;
  readonly ackPending: number;
  readonly redelivered: number;
}

export interface DatasetStatus {
  readonly name: string;
  readonly published: number;
  readonly head: { readonly number: number; readonly digest: string } | null;
  readonly stages: readonly StageStatus[];
  readonly verdicts: VerdictCounts | null;
  readonly keeperEpoch: number | null;
  readonly deadLetters: number;
}

export interface SystemStatus {
  readonly system: string;
  readonly server: { readonly version: string; readonly degraded: readonly string[] };
  readonly nodes: readonly NodeStatus[];
  readonly datasets: readonly DatasetStatus[];
  readonly problems: readonly string[];
}

const snapshotSchema: z.ZodType<ActorSnapshot> = z.lazy(() =>
  z.object({
    path: z.string(),
    type: z.enum(['actor', 'supervisor']),
    state: z.enum(['idle', 'starting', 'running', 'passive', 'waiting', 'stopping', 'stopped']),
    restarts: z.number(),
    depth: z.number(),
    lastFailure: z.object({ name: z.string(), message: z.string(), atMs: z.number() }).exactOptional(),
    nextRetryMs: z.number().exactOptional(),
    children: z.array(snapshotSchema),
  }),
);
const nodeStatsSchema = z.object({
  node: z.string(),
  durability: z.string(),
  datasets: z.array(z.object({ name: z.string(), tree: snapshotSchema })),
});

export async function readStatus(system: ClientSystem): Promise<SystemStatus> {
  const problems: string[] = [];
  const nodes: NodeStatus[] = [];
  for (const { version, started, data } of await statsOf(system.link, system.names.service, GATHER_MS)) {
    const parsed = nodeStatsSchema.safeParse(data);
    if (!parsed.success) continue;
    const actors = parsed.data.datasets.flatMap(({ tree }) =>
      tree.children.flatMap((child) => [...lines(child, 0)]),
    );
    const { node, durability } = parsed.data;
    nodes.push({ name: node, version, started, durability, actors });
    for (const { name, state } of actors) {
      if (state !== 'running' && state !== 'passive')
        problems.push(`${name} on ${parsed.data.node} is ${state}`);
    }
  }
  if (nodes.length === 0) problems.push('no node answers; items wait until one runs');
  const datasets: DatasetStatus[] = [];
  for (const name of (await system.registry.list()).keys()) datasets.push(await datasetStatus(system, name));
  const { version, degraded } = system.link.features;
  return { system: system.names.system, server: { version, degraded }, nodes, datasets, problems };
}

async function datasetStatus(system: ClientSystem, dataset: string): Promise<DatasetStatus> {
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
      if (error instanceof CommandError) return null;
      throw error;
    });
  return {
    name: dataset,
    published: intake.lastSequence,
    head: record === undefined ? null : { number: record.number, digest: record.digest },
    stages,
    verdicts: settled?.counts ?? null,
    keeperEpoch: settled?.epoch ?? null,
    deadLetters: (await streamState(system.link, streams.dead(dataset))).messages,
  };
}

async function stageStatus(system: ClientSystem, stage: string, stream: string): Promise<StageStatus> {
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
  yield {
    depth,
    name: actor.path,
    state: actor.state,
    restarts: actor.restarts,
    waiting: actor.depth,
    ...(actor.lastFailure !== undefined && {
      failure: `${actor.lastFailure.name}: ${actor.lastFailure.message}`,
    }),
  };
  for (const child of actor.children) yield* lines(child, depth + 1);
}
