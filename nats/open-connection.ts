// Opens a connection to NATS with the settings which the system needs (reconnect for ever, notice a dead peer soon),
// probes what its server can do, and names the reason where no server can be used.
import type { JetStreamManager } from '@nats-io/jetstream';
import { AuthorizationError, connect, type NatsConnection, type TlsOptions } from 'nats';
import { type Clock, type Logger, type RandomSource, systemClock } from '#runtime';
import { type Credentials, credentialOptions } from './credentials.ts';
import { CertificateRefused, CredentialsRefused, NatsUnreachable } from './errors.ts';
import { featuresOf, type ServerFeatures } from './features.ts';
import { isJetStreamAway, patiently } from './patience.ts';
import { certificateProblem, tlsOptions } from './tls.ts';

/** Longest that a cluster may take to elect a leader before it counts as one without. */
const ELECTION_MS = 20_000;
/** Long enough for what a publisher has in flight on a slow line, as a ping goes behind that. */
const PING_MS = 15_000;
const PINGS_UNANSWERED = 2;

/** Where to connect and as whom. */
export interface ConnectOptions extends Credentials {
  /** One or more server URLs, separated by commas. */
  readonly servers: string;
  readonly tls?: TlsOptions;
  /** Name of this connection in the server's reports. */
  readonly name: string;
  /** Default: silent. */
  readonly log?: Logger;
  /** Default: the process's own clock. */
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** How long the first connect may take; default 5,000 ms. */
  readonly connectTimeoutMs?: number;
  /** How long a request is repeated while a cluster has no leader, before `NoQuorum`; default 20,000 ms for the first one. */
  readonly patienceMs?: number;
  /** A server that has answered nothing for three of these times is left for another one; default 15,000 ms. */
  readonly pingMs?: number;
  /** Pause between attempts to reconnect; default 500 ms. */
  readonly reconnectWaitMs?: number;
  /** First tokens of reply subjects, where permissions ask for them; default `_INBOX`. */
  readonly inboxPrefix?: string;
}

/** Connects; what breaks later is connected again for ever. @throws NatsUnreachable naming the server and a remedy */
export async function openConnection(options: ConnectOptions): Promise<NatsConnection> {
  const servers = options.servers.split(',').map((server) => server.trim());
  try {
    return await connect({
      ...credentialOptions(options),
      servers,
      name: options.name,
      ...(options.tls === undefined ? {} : { tls: tlsOptions(options.tls, servers) }),
      ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
      timeout: options.connectTimeoutMs ?? 5_000,
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      // A server restarted with other credentials for a moment must not end the process.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: options.reconnectWaitMs ?? 500,
      reconnectJitter: 100,
      pingInterval: options.pingMs ?? PING_MS,
      maxPingOut: PINGS_UNANSWERED,
    });
  } catch (cause) {
    throw refusalOf(options.servers, cause);
  }
}

/**
 * What the server can do, as it says itself; a cluster is asked until it has a leader. Rejects at once where there is no
 * JetStream. @throws NoQuorum
 */
export async function probeFeatures(
  { servers, clock = systemClock, patienceMs = ELECTION_MS }: ConnectOptions,
  connection: NatsConnection,
  manager: JetStreamManager,
): Promise<ServerFeatures> {
  const ask = async () => {
    try {
      return await manager.getAccountInfo();
    } catch (error) {
      if (isJetStreamAway(error)) throw new Error('JetStream is not enabled', { cause: error });
      throw error;
    }
  };
  const account = await patiently({ servers, connection, clock }, ask, patienceMs);
  return featuresOf(connection.info?.version ?? '', account.api.level ?? 0);
}

/** Why no server could be used, as an error named for it. Nothing of what was given to prove who we are is told. */
function refusalOf(servers: string, cause: unknown): NatsUnreachable {
  const text = cause instanceof Error ? cause.message : String(cause);
  const certificate = certificateProblem(cause);
  if (certificate !== undefined) {
    const remedy = 'give the authority that signed it, or have the server renew it';
    return new CertificateRefused(servers, `${certificate}; ${remedy}`, { cause });
  }
  if (cause instanceof AuthorizationError || /authorization|authentication/i.test(text)) {
    const reason =
      `it refused the credentials (${text}): they are unknown there, or were revoked; ` +
      'give a token, user and password, credentials or nkey file that count';
    return new CredentialsRefused(servers, reason, { cause });
  }
  const reason = `no connection (${text}); check that a nats-server listens there, or name another with --server or NATS_URL`;
  return new NatsUnreachable(servers, reason, { cause });
}
