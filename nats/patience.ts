// Repeats a request to JetStream while the answer may be another one soon: the server is away or starting, or a cluster
// elects a leader, which takes it up to about ten seconds. Only for requests that do no harm when they come twice.
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from 'nats';
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { NoQuorum, NoResponders, RequestTimeout } from './errors.ts';
import { silentServers } from './silent-servers.ts';

const GIVE_UP_MS = 30_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** Answers of a cluster that has no leader for the moment (server/errors.json). */
const PASSING = new Set([
  10_004, // incomplete results
  10_008, // JetStream system temporarily unavailable
  10_009, // JetStream cluster can not handle request
  10_010, // JetStream cluster not assigned to this server
  10_118, // stream is offline
  10_119, // consumer is offline
]);

/** No suitable peers for placement. */
const NO_PEERS = 10_005;

/** Whether JetStream's code says that the request may succeed later. */
export function isPassingCode(code: number): boolean {
  return PASSING.has(code);
}

/**
 * Whether nobody answers for JetStream at all. It was there when the connection was made, so it is away for now: being
 * recovered, or switched off by a server whose disk is full.
 */
export function isJetStreamAway(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}

/** Whether a request that failed so may succeed later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof RequestTimeout || error instanceof NoResponders) return true;
  if (error instanceof errors.TimeoutError || isJetStreamAway(error)) return true;
  if (!(error instanceof JetStreamApiError)) return false;
  // A server that has just joined, or comes back, is not counted yet.
  return isPassingCode(error.code) || (error.code === NO_PEERS && /offline/.test(error.message));
}

/** What of a link tells why nobody answers. */
type Asked = Pick<NatsLink, 'servers' | 'connection'>;
/** What of a link tells how long to ask. */
type Patient = Pick<NatsLink, 'clock'> & Partial<Pick<NatsLink, 'patienceMs'>>;

/** `NoQuorum` for what failed although it was asked patiently, if the server is in a cluster; else the error itself. */
export async function explainSilence(link: Asked, error: unknown): Promise<unknown> {
  if (!isPassing(error) || link.connection.info?.cluster === undefined) return error;
  return noQuorum(link, error);
}

/** The error of a cluster without a leader, with those of the named servers that do not answer. */
export async function noQuorum({ servers }: Pick<NatsLink, 'servers'>, cause?: unknown): Promise<NoQuorum> {
  return new NoQuorum(servers, await silentServers(servers), { cause });
}

/**
 * The request's result; repeats it for up to `giveUpMs` (default that of the link, else 30,000) while it fails with what passes.
 * @throws NoQuorum where it failed for so long in a cluster; else what it failed with
 */
export async function patiently<T>(
  link: Asked & Patient,
  request: () => Promise<T>,
  giveUpMs = link.patienceMs ?? GIVE_UP_MS,
): Promise<T> {
  const started = link.clock.monotonicMs();
  for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await request();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (link.clock.monotonicMs() - started > giveUpMs) throw await explainSilence(link, error);
      await pause(link.clock, waitMs);
    }
  }
}
