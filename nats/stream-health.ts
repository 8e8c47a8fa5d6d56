// How the streams of a system are kept: copies, leaders, and how full each is. For status; no consumer is made.
import { DiscardPolicy, type StreamInfo } from '@nats-io/jetstream';
import type { NatsLink } from './connection.ts';
import { patiently } from './patience.ts';

/** How one stream is kept. */
export interface StreamHealth {
  readonly stream: string;
  /** Copies that there are, up to date or not. */
  readonly replicas: number;
  /** False while no server leads it: then it neither takes nor gives anything. */
  readonly led: boolean;
  /** Servers whose copy is not up to date. */
  readonly behind: readonly { readonly server: string; readonly offline: boolean }[];
  readonly bytes: number;
  /** `Infinity` where the stream has no limit of its own. */
  readonly maxBytes: number;
  readonly messages: number;
  readonly maxMessages: number;
  /** A full one refuses what comes; others drop the oldest. */
  readonly refusesWhenFull: boolean;
}

/** As long as an election may take. */
const GIVE_UP_MS = 10_000;

/** Every stream of the system, by name. */
export async function streamHealth(link: NatsLink, system: string): Promise<readonly StreamHealth[]> {
  const isOurs = (name: string) =>
    [`${system.toUpperCase()}_`, `KV_${system}-`, `OBJ_${system}-`].some((prefix) => name.startsWith(prefix));
  const health = new Map<string, StreamHealth>();
  const { streams } = link.manager;
  await patiently(
    link,
    async () => {
      // Those which have no leader have a name and nothing else.
      for await (const name of streams.names()) if (isOurs(name)) health.set(name, leaderless(name));
      for await (const info of streams.list())
        if (isOurs(info.config.name)) health.set(info.config.name, of(info));
    },
    GIVE_UP_MS,
  );
  return [...health.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
}

function of({ config, state, cluster }: StreamInfo): StreamHealth {
  const { name: stream, num_replicas: configured, discard } = config;
  return {
    stream,
    // A server of 2.9 in no cluster may be configured for more copies than it makes.
    replicas: Math.min(configured, 1 + (cluster?.replicas?.length ?? 0)),
    // A server in no cluster names no leader.
    led: cluster?.leader !== '',
    behind: (cluster?.replicas ?? [])
      .filter(({ current, offline }) => !current || offline === true)
      .map(({ name, offline }) => ({ server: name, offline: offline === true })),
    bytes: state.bytes,
    maxBytes: limit(config.max_bytes),
    messages: state.messages,
    maxMessages: limit(config.max_msgs),
    refusesWhenFull: discard === DiscardPolicy.New,
  };
}

function leaderless(stream: string): StreamHealth {
  const unknown = { bytes: 0, messages: 0, maxBytes: limit(-1), maxMessages: limit(-1) };
  return { stream, replicas: 0, led: false, behind: [], refusesWhenFull: false, ...unknown };
}

function limit(configured: number): number {
  return configured < 0 ? Number.POSITIVE_INFINITY : configured;
}
