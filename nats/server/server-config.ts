// The configuration file of the embedded nats-server. Everything is written there and nothing on the command
// line, so that the configuration's path alone tells one data folder's server from every other process.
import { dirname } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import { compareVersions } from './server-version.ts';

/** The largest body that the intake takes inline: 8 MiB. */
export const MAX_INLINE_BODY_BYTES = 8 * 1024 * 1024;

/** The server's `max_payload`, which counts headers too: a dead letter repeats a message's and adds its own. */
export const EMBEDDED_MAX_PAYLOAD_BYTES = MAX_INLINE_BODY_BYTES + 64 * 1024;

/**
 * What an acknowledged write survives. `process`: the death of any process. `disk`: a loss of power too,
 * since each write is on disk before it is acknowledged.
 */
export type Durability = 'process' | 'disk';

export interface ServerConfiguration {
  readonly folder: DataFolder;
  readonly version: string;
  readonly token: string;
  /** The port for clients; `undefined` lets the server choose. */
  readonly port: number | undefined;
  readonly durability: Durability;
  /** Most bytes that JetStream stores; default: the server's own, a share of the free disk. */
  readonly maxStoreBytes?: number;
  /** Whether the store is encrypted, under the key in `STORE_KEY_VARIABLE`; default false. */
  readonly isEncrypted?: boolean;
  /** Default: a server by itself. */
  readonly cluster?: ClusterMembership;
}

/** A server's place in a cluster. All its members run on this machine. */
export interface ClusterMembership {
  readonly clusterName: string;
  /** Name of this member, once in the cluster. */
  readonly serverName: string;
  /** Where this member takes routes. */
  readonly port: number;
  /** Ports of all members. */
  readonly routes: readonly number[];
}

/** The variable by which the server is given the key of its store: no file beside the store has it. */
export const STORE_KEY_VARIABLE = 'TROUPE_JETSTREAM_KEY';

/** The strictest durability not above `asked` that this version can keep: `disk` needs 2.10. */
export function possibleDurability(asked: Durability, version: string): Durability {
  return asked === 'disk' && compareVersions(version, '2.10.0') < 0 ? 'process' : asked;
}

/** The text of the configuration file. Options which the version does not know are left out: it would not start. */
export function renderConfiguration(configuration: ServerConfiguration): string {
  const { folder, version, token, port, durability, maxStoreBytes, isEncrypted, cluster } = configuration;
  // The server puts its `jetstream` folder inside the one it is given.
  const store = [`store_dir: ${quoted(dirname(folder.store))}`];
  if (maxStoreBytes !== undefined) store.push(`max_file_store: ${maxStoreBytes}`);
  if (possibleDurability(durability, version) === 'disk') store.push('sync_interval: always');
  if (isEncrypted === true) store.push(`key: $${STORE_KEY_VARIABLE}`, 'cipher: aes');
  // 2.15 allows 1000 consumers per stream unless told otherwise; key-value watchers are consumers too.
  if (compareVersions(version, '2.15.0') >= 0) store.push('limits { default_max_consumers: -1 }');
  return [
    `server_name: ${quoted(cluster?.serverName ?? 'troupe')}`,
    'host: "127.0.0.1"',
    `port: ${port ?? -1}`,
    'http: "127.0.0.1:-1"',
    `max_payload: ${EMBEDDED_MAX_PAYLOAD_BYTES}`,
    `authorization { token: ${quoted(token)} }`,
    `pid_file: ${quoted(folder.pidFile)}`,
    `ports_file_dir: ${quoted(folder.files)}`,
    'jetstream {',
    ...store.map((line) => `  ${line}`),
    '}',
    ...(cluster === undefined ? [] : clusterLines(cluster)),
    '',
  ].join('\n');
}

/** Clients know the members they were given: what the server would advertise to them is left out. */
function clusterLines({ clusterName, port, routes }: ClusterMembership): readonly string[] {
  const urls = routes.map((route) => quoted(`nats-route://127.0.0.1:${route}`));
  return [
    'cluster {',
    `  name: ${quoted(clusterName)}`,
    `  listen: "127.0.0.1:${port}"`,
    `  routes: [${urls.join(', ')}]`,
    '  no_advertise: true',
    '}',
  ];
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
