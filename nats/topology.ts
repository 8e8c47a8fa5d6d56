// Makes the streams, consumers and buckets of the table, idempotently and by any node: creates what is absent and
// compares what the server holds with what was asked, because old servers ignore fields which they do not know.
import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';
import type { NatsLink } from './connection.ts';
import {
  ReplicasRefused,
  StorageTooSmall,
  StreamsNotAsExpected,
  type TopologyDifference,
  TopologyMismatch,
} from './errors.ts';
import { namesOf, objectStream, recordStream } from './names.ts';
import { patiently } from './patience.ts';
import { absentAs, CONSUMER_NOT_FOUND, STREAM_NOT_FOUND } from './stored-message.ts';
import {
  type ConsumerPlan,
  type DatasetOptions,
  datasetPlan,
  type StreamOptions,
  type StreamPlan,
  type SystemOptions,
  streamPlan,
  systemPlan,
  type TopologyPlan,
} from './topology-table.ts';

const NAME_IN_USE = 10_058;
const STORAGE_EXCEEDED = 10_047;
/** The cluster is too small for the copies, or the server is in none. */
const REPLICAS_IMPOSSIBLE = new Set([10_005, 10_074]);

/**
 * Makes what the system keeps, whatever its datasets; does nothing where it is there as asked. Streams that have fewer
 * copies than asked for get them; more are never taken away. With `provision: false` streams are looked at only.
 * @throws TopologyMismatch, StorageTooSmall, ReplicasRefused, StreamsNotAsExpected
 */
export async function ensureSystem(link: NatsLink, options: SystemOptions): Promise<void> {
  await ensure(link, systemPlan(await withReplicas(link, options)), options);
}

/**
 * Makes what one dataset keeps, as `ensureSystem` does.
 * @throws TopologyMismatch, StorageTooSmall, ReplicasRefused, StreamsNotAsExpected, InvalidName
 */
export async function ensureDataset(link: NatsLink, dataset: string, options: DatasetOptions): Promise<void> {
  await ensure(link, datasetPlan(dataset, await withReplicas(link, options)), options);
}

/** The streams that `ensureSystem` and `ensureDataset` make, in the server's own words: for whoever makes them instead. */
export function plannedStreams(
  system: SystemOptions,
  datasets: readonly string[],
  options: DatasetOptions,
): readonly StreamPlan[] {
  const plans = [systemPlan(system), ...datasets.map((dataset) => datasetPlan(dataset, options))];
  return plans.flatMap(({ streams }) => streams);
}

/**
 * Makes a stream of a pipeline of your own; does nothing where it is there as asked.
 * @throws TopologyMismatch, StorageTooSmall, ReplicasRefused
 */
export function ensureStream(link: NatsLink, options: StreamOptions): Promise<void> {
  const { replicas, maxBytes } = options;
  return ensurePlanned(link, streamPlan(options), { replicas, bytes: maxBytes !== undefined });
}

/** Whether a system of this name keeps anything here. */
export async function systemExists(link: NatsLink, system: string): Promise<boolean> {
  const stream = recordStream(namesOf(system).records.datasets);
  const info = await absentAs(undefined, STREAM_NOT_FOUND, link.manager.streams.info(stream));
  return info !== undefined;
}

/** Whether the dataset's intake stream exists. */
export async function datasetExists(link: NatsLink, dataset: string, system: string): Promise<boolean> {
  const stream = namesOf(system).streams.intake(dataset);
  return (await streamInfo(link, stream)) !== undefined;
}

/** Deletes all streams and buckets of a dataset with everything in them; absent ones are no error. */
export async function deleteDataset(link: NatsLink, dataset: string, system: string): Promise<void> {
  const { streams, objects, records } = namesOf(system);
  const work = streams.work(dataset, 'x').slice(0, -1);
  const fixed = new Set([
    streams.intake(dataset),
    streams.journal(dataset),
    streams.dead(dataset),
    streams.outcome(dataset),
    ...[objects.blobs(dataset), objects.snapshots(dataset), objects.manifests(dataset)].map(objectStream),
    ...[records.details(dataset), records.vectors(dataset)].map(recordStream),
  ]);
  const found: string[] = [];
  for (const name of await patiently(link, () => allNames(link))) {
    if (fixed.has(name) || name.startsWith(work)) found.push(name);
  }
  // Intake first: from then on publishers are told that the dataset does not exist.
  found.sort((a, b) => Number(b === streams.intake(dataset)) - Number(a === streams.intake(dataset)));
  for (const name of found) {
    await patiently(link, () => absentAs(true, STREAM_NOT_FOUND, link.manager.streams.delete(name)));
  }
}

async function allNames(link: NatsLink): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of link.manager.streams.names()) names.push(name);
  return names;
}

/** Options with a number of copies: the one asked for, else the one that the system has, else one. */
async function withReplicas<T extends { readonly system: string; readonly replicas?: number }>(
  link: NatsLink,
  options: T,
): Promise<T & { readonly replicas: number }> {
  const replicas = options.replicas ?? (await systemReplicas(link, options.system)) ?? 1;
  return { ...options, replicas };
}

/** Copies of each stream that the system has; `undefined` where there is no such system. */
export async function systemReplicas(link: NatsLink, system: string): Promise<number | undefined> {
  return (await streamInfo(link, namesOf(system).streams.events))?.config.num_replicas;
}

async function ensure(
  link: NatsLink,
  plan: TopologyPlan,
  { replicas, provision = true }: { readonly replicas?: number; readonly provision?: boolean },
): Promise<void> {
  const asked = ({ name }: StreamPlan) => ({ replicas, bytes: plan.limited.has(name) });
  if (provision) {
    for (const stream of plan.streams) {
      await ensurePlanned(link, stream, asked(stream)).catch((error: unknown) => {
        if (!(error instanceof StorageTooSmall && plan.dispensable?.has(stream.name))) throw error;
        link.log.warn({ stream: stream.name }, `${error.message}; the system does without it`);
      });
    }
  } else await verify(link, plan, asked);
  for (const consumer of plan.consumers) await patiently(link, () => ensureConsumer(link, consumer));
}

/** Looks at every stream and changes none. @throws StreamsNotAsExpected with all that is wrong */
async function verify(
  link: NatsLink,
  plan: TopologyPlan,
  asked: (stream: StreamPlan) => Asked,
): Promise<void> {
  const problems: string[] = [];
  for (const stream of plan.streams) {
    const existing = await streamInfo(link, stream.name);
    if (existing === undefined) {
      problems.push(`stream ${stream.name} is missing; expected ${JSON.stringify(stream)}`);
      continue;
    }
    try {
      compare(`stream ${stream.name}`, adapted(stream, existing, asked(stream)), existing.config);
    } catch (error) {
      if (!(error instanceof TopologyMismatch || error instanceof ReplicasRefused)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new StreamsNotAsExpected(problems);
}

/** What a person asked for: a number of copies, a byte limit. What nobody asked for stays as it is found. */
interface Asked {
  readonly replicas: number | undefined;
  readonly bytes: boolean;
}

function streamInfo(link: NatsLink, stream: string): Promise<StreamInfo | undefined> {
  return patiently(link, () => absentAs(undefined, STREAM_NOT_FOUND, link.manager.streams.info(stream)));
}

/** Makes one stream if it is absent, changes what may be changed in one that is there, and compares it. */
async function ensurePlanned(link: NatsLink, plan: StreamPlan, asked: Asked): Promise<void> {
  const { name, num_replicas: planned = 1 } = plan;
  // Servers of 2.9 take such an update although they are in no cluster, and keep one copy.
  if (planned > 1 && link.connection.info?.cluster === undefined) {
    throw ReplicasRefused.impossible(name, planned, 'the server is in no cluster');
  }
  const existing = await streamInfo(link, name);
  if (existing === undefined) {
    compare(`stream ${name}`, plan, (await createStream(link, plan)).config);
    return;
  }
  const wanted = adapted(plan, existing, asked);
  compare(`stream ${name}`, wanted, (await withChanges(link, wanted, existing)).config);
}

/** The plan with what the stream has and nobody asked to change. @throws ReplicasRefused */
function adapted(plan: StreamPlan, { config: found }: StreamInfo, asked: Asked): StreamPlan {
  const { name, num_replicas: planned = 1, max_bytes: bytes = -1 } = plan;
  const spare = found.num_replicas > planned;
  if (spare && asked.replicas !== undefined) {
    throw ReplicasRefused.lower(name, found.num_replicas, asked.replicas);
  }
  return {
    ...plan,
    num_replicas: spare ? found.num_replicas : planned,
    max_bytes: asked.bytes ? bytes : found.max_bytes,
  };
}

/** The stream with the copies and the byte limit that are wanted; more of the former, any of the latter. */
async function withChanges(link: NatsLink, wanted: StreamPlan, info: StreamInfo): Promise<StreamInfo> {
  const { name: stream, num_replicas = 1, max_bytes = -1 } = wanted;
  const { config: found } = info;
  if (found.num_replicas === num_replicas && found.max_bytes === max_bytes) return info;
  const from = { replicas: found.num_replicas, maxBytes: found.max_bytes };
  link.log.info({ stream, from, to: { replicas: num_replicas, maxBytes: max_bytes } }, 'stream is changed');
  try {
    return await patiently(link, () => link.manager.streams.update(stream, { num_replicas, max_bytes }));
  } catch (error) {
    throw asRefusal(error, wanted);
  }
}

async function createStream(link: NatsLink, plan: StreamPlan): Promise<StreamInfo> {
  try {
    return await patiently(link, () => link.manager.streams.add(plan));
  } catch (error) {
    // Another node was first, with another configuration: the comparison tells the difference.
    if (codeOf(error) === NAME_IN_USE) return link.manager.streams.info(plan.name);
    throw asRefusal(error, plan);
  }
}

/** The error named for what the server has not, or the error itself. */
function asRefusal(
  error: unknown,
  { name, num_replicas: planned = 1, max_bytes: bytes = -1 }: StreamPlan,
): unknown {
  const code = codeOf(error) ?? 0;
  const answer = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  if (REPLICAS_IMPOSSIBLE.has(code)) return ReplicasRefused.impossible(name, planned, answer, options);
  return code === STORAGE_EXCEEDED ? new StorageTooSmall(name, bytes, options) : error;
}

/**
 * Makes one durable consumer if it is absent and compares it. More messages in hand than asked for do no harm; fewer are
 * raised, since an older program asked for less and more nodes need more.
 */
async function ensureConsumer(link: NatsLink, plan: ConsumerPlan): Promise<void> {
  const { consumers } = link.manager;
  const { stream, config } = plan;
  const name = config.durable_name;
  const existing = await absentAs(undefined, CONSUMER_NOT_FOUND, consumers.info(stream, name));
  const found = (existing ?? (await consumers.add(stream, config))).config;
  const asked = config.max_ack_pending ?? 0;
  const present = found.max_ack_pending ?? asked;
  const raised = present < asked ? (await consumers.update(stream, name, config)).config : found;
  const max_ack_pending = Math.max(asked, present);
  compare(`consumer ${name} of ${stream}`, { ...config, max_ack_pending }, raised);
}

function compare(resource: string, asked: object, found: object): void {
  const echoed = new Map<string, unknown>(Object.entries(found));
  const differences: TopologyDifference[] = [];
  for (const [field, value] of Object.entries(asked)) {
    const echo = echoed.get(field) ?? absentMeans(value);
    if (!equal(value, echo)) differences.push({ field, asked: value, found: echo });
  }
  if (differences.length > 0) throw new TopologyMismatch(resource, differences);
}

/** Servers leave out what is false. */
function absentMeans(asked: unknown): unknown {
  return typeof asked === 'boolean' ? false : undefined;
}

function equal(asked: unknown, found: unknown): boolean {
  if (Array.isArray(asked) && Array.isArray(found)) {
    return asked.length === found.length && asked.every((item, index) => equal(item, found[index]));
  }
  return asked === found;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}
