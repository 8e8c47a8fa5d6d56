// Makes the streams, consumers and buckets of the table, idempotently and by any node: creates what is absent and
// compares what the server holds with what was asked, because old servers ignore fields which they do not know.
import { JetStreamApiError } from '@nats-io/jetstream';
import type { NatsLink } from './connection.ts';
import { StorageTooSmall, type TopologyDifference, TopologyMismatch } from './errors.ts';
import { namesOf, objectStream, recordStream } from './names.ts';
import { CONSUMER_NOT_FOUND, STREAM_NOT_FOUND } from './stored-message.ts';
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

/**
 * Makes what the system keeps, whatever its datasets; does nothing where it is there as asked.
 * @throws TopologyMismatch, StorageTooSmall
 */
export function ensureSystem(link: NatsLink, options: SystemOptions): Promise<void> {
  return ensure(link, systemPlan(options));
}

/**
 * Makes what one dataset keeps; does nothing where it is there as asked.
 * @throws TopologyMismatch, StorageTooSmall, InvalidName
 */
export function ensureDataset(link: NatsLink, dataset: string, options: DatasetOptions): Promise<void> {
  return ensure(link, datasetPlan(dataset, options));
}

/**
 * Makes a stream of a pipeline of your own; does nothing where it is there as asked.
 * @throws TopologyMismatch, StorageTooSmall
 */
export function ensureStream(link: NatsLink, options: StreamOptions): Promise<void> {
  return ensurePlanned(link, streamPlan(options));
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
  const info = await absentAs(undefined, STREAM_NOT_FOUND, link.manager.streams.info(stream));
  return info !== undefined;
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
  for await (const name of link.manager.streams.names()) {
    if (fixed.has(name) || name.startsWith(work)) found.push(name);
  }
  // Intake first: from then on publishers are told that the dataset does not exist.
  found.sort((a, b) => Number(b === streams.intake(dataset)) - Number(a === streams.intake(dataset)));
  for (const name of found) await absentAs(true, STREAM_NOT_FOUND, link.manager.streams.delete(name));
}

async function ensure(link: NatsLink, plan: TopologyPlan): Promise<void> {
  for (const stream of plan.streams) await ensurePlanned(link, stream);
  for (const consumer of plan.consumers) await ensureConsumer(link, consumer);
}

/** Makes one stream if it is absent and compares it. */
async function ensurePlanned(link: NatsLink, plan: StreamPlan): Promise<void> {
  const { streams } = link.manager;
  const existing = await absentAs(undefined, STREAM_NOT_FOUND, streams.info(plan.name));
  const info = existing ?? (await createStream(link, plan));
  compare(`stream ${plan.name}`, plan, info.config);
}

async function createStream(link: NatsLink, plan: StreamPlan) {
  try {
    return await link.manager.streams.add(plan);
  } catch (error) {
    const code = codeOf(error);
    // Another node was first, with another configuration: the comparison tells the difference.
    if (code === NAME_IN_USE) return link.manager.streams.info(plan.name);
    if (code === STORAGE_EXCEEDED)
      throw new StorageTooSmall(plan.name, plan.max_bytes ?? -1, { cause: error });
    throw error;
  }
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

async function absentAs<T, A>(absent: A, code: number, request: Promise<T>): Promise<T | A> {
  try {
    return await request;
  } catch (error) {
    if (codeOf(error) === code) return absent;
    throw error;
  }
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}
