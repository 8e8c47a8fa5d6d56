// Finds or makes the consumer of a work source. A shared consumer is only ever created, never deleted: the living
// would get again what they hold. A consumer with one owner carries the owner's epoch in its name; the successor
// (also the owner's own actor after a restart) deletes its predecessors', whose credits are free at once, and a
// predecessor who comes late is told so.
import { type ConsumerInfo, JetStreamApiError } from '@nats-io/jetstream';
import type { NatsLink } from './connection.ts';
import { ConsumerTaken, WorkSourceFailed } from './errors.ts';
import { patiently } from './patience.ts';
import { CONSUMER_NOT_FOUND, STREAM_NOT_FOUND } from './stored-message.ts';
import { workConsumer } from './topology-table.ts';

/** The filter is taken already (by another owner's consumer), in the words of two server generations. */
const FILTER_TAKEN = new Set([10_099, 10_100]);
const TAKE_ATTEMPTS = 20;

/** Which consumer of which stream. */
export interface WorkConsumerOptions {
  readonly stream: string;
  /** Durable name; with `ownedBy`, its stem. */
  readonly consumer: string;
  /** The subject which it takes from the stream. */
  readonly subject: string;
  /** The owner's epoch, for a consumer with one owner; without it the consumer is shared. */
  readonly ownedBy?: number;
  /** Default 30,000 ms; counts when the consumer is created. */
  readonly ackWaitMs?: number;
  /** Default 1,024; counts when the consumer is created. */
  readonly maxAckPending?: number;
}

/**
 * The consumer, created if it is absent.
 * @throws ConsumerTaken, WorkSourceFailed when the stream does not exist
 */
export async function openConsumer(link: NatsLink, options: WorkConsumerOptions): Promise<ConsumerInfo> {
  try {
    const { ownedBy } = options;
    return await patiently(link, () =>
      ownedBy === undefined ? openShared(link, options) : takeOwned(link, options, ownedBy),
    );
  } catch (cause) {
    if (codeOf(cause) !== STREAM_NOT_FOUND) throw cause;
    throw new WorkSourceFailed(`stream ${options.stream} does not exist`, { cause });
  }
}

/**
 * The consumer after its deliveries stopped: found again, or made again if it is shared.
 * @throws ConsumerTaken when an owned consumer is gone; WorkSourceFailed when the stream is
 */
export async function reopenConsumer(link: NatsLink, options: WorkConsumerOptions): Promise<ConsumerInfo> {
  if (options.ownedBy === undefined) return openConsumer(link, options);
  const name = consumerName(options);
  try {
    return await link.manager.consumers.info(options.stream, name);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === CONSUMER_NOT_FOUND) throw new ConsumerTaken(options.stream, name, { cause });
    if (code === STREAM_NOT_FOUND) {
      throw new WorkSourceFailed(`stream ${options.stream} does not exist`, { cause });
    }
    throw cause;
  }
}

/** The durable name, with the epoch where there is one. */
export function consumerName(options: WorkConsumerOptions): string {
  return options.ownedBy === undefined ? options.consumer : `${options.consumer}-${options.ownedBy}`;
}

async function openShared(link: NatsLink, options: WorkConsumerOptions): Promise<ConsumerInfo> {
  try {
    return await link.manager.consumers.info(options.stream, options.consumer);
  } catch (error) {
    if (codeOf(error) !== CONSUMER_NOT_FOUND) throw error;
    return link.manager.consumers.add(options.stream, planOf(options));
  }
}

async function takeOwned(link: NatsLink, options: WorkConsumerOptions, epoch: number): Promise<ConsumerInfo> {
  for (let attempt = 1; ; attempt++) {
    await removePredecessors(link, options, epoch);
    try {
      return await link.manager.consumers.add(options.stream, planOf(options));
    } catch (error) {
      // Another owner was faster between the two steps; look again who is newer.
      if (!FILTER_TAKEN.has(codeOf(error) ?? 0) || attempt === TAKE_ATTEMPTS) throw error;
    }
  }
}

async function removePredecessors(
  link: NatsLink,
  options: WorkConsumerOptions,
  epoch: number,
): Promise<void> {
  const { stream, consumer } = options;
  const older: string[] = [];
  for await (const info of link.manager.consumers.list(stream)) {
    const found = epochOf(info.name, consumer);
    if (found !== undefined && found > epoch) throw new ConsumerTaken(stream, info.name);
    if (found !== undefined && found <= epoch) older.push(info.name);
  }
  for (const name of older) {
    try {
      await link.manager.consumers.delete(stream, name);
    } catch (error) {
      if (codeOf(error) !== CONSUMER_NOT_FOUND) throw error;
    }
  }
}

function epochOf(name: string, stem: string): number | undefined {
  if (!name.startsWith(`${stem}-`)) return undefined;
  const epoch = Number(name.slice(stem.length + 1));
  return Number.isSafeInteger(epoch) ? epoch : undefined;
}

function planOf(options: WorkConsumerOptions) {
  return workConsumer(options.stream, consumerName(options), options.subject, options).config;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}
