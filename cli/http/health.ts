// Whether a node is alive and ready, and what is wrong with it: a pure reading of what it knows of itself. Alive means
// that only a restart of the process could help; ready, that it takes part in the work.
import type { ActorSnapshot, BreakerSnapshot, FailingShard } from '#runtime';

/** Where a node is in its life. `ended`: it must stop, by itself. */
export type NodePhase = 'joining' | 'active' | 'draining' | 'ended';

/** What a node knows of itself. */
export interface HealthFacts {
  readonly node: string;
  readonly version: string;
  readonly phase: NodePhase;
  /** Why it ended. */
  readonly end?: { readonly reason: string; readonly message: string };
  readonly connected: boolean;
  /** Whether its lease holds, so that it may answer for its shards. */
  readonly holdsLease: boolean;
  readonly publishesWaiting: number;
  readonly failingShards: readonly FailingShard[];
  readonly datasets: readonly {
    readonly name: string;
    readonly tree: ActorSnapshot;
    readonly breakers: readonly BreakerSnapshot[];
    readonly shards: readonly string[];
  }[];
  /** That it serves for others. */
  readonly models: readonly { readonly name: string; readonly breakers: readonly BreakerSnapshot[] }[];
}

export interface Health {
  /** `degraded`: it works, but something waits or is being started again. */
  readonly status: 'ok' | 'degraded' | 'unready' | 'dead';
  readonly live: boolean;
  readonly ready: boolean;
  /** What keeps it from being ready. */
  readonly notReady: readonly string[];
  /** What is not as it should be, though it works. */
  readonly problems: readonly string[];
  readonly node: string;
  readonly version: string;
  readonly phase: NodePhase;
  readonly nats: { readonly connected: boolean; readonly publishesWaiting: number };
  readonly lease: { readonly held: boolean };
  readonly datasets: readonly {
    readonly name: string;
    readonly shards: readonly string[];
    /** Actors that are not running now. */
    readonly down: readonly { readonly path: string; readonly state: ActorSnapshot['state'] }[];
    readonly breakers: readonly { readonly name: string; readonly state: BreakerSnapshot['state'] }[];
  }[];
  /** Models that it serves for others. */
  readonly models: readonly { readonly name: string; readonly breakers: readonly BreakerState[] }[];
}

type BreakerState = BreakerSnapshot['state'];

export function healthOf(facts: HealthFacts): Health {
  const { node, version, phase, connected, publishesWaiting, holdsLease } = facts;
  const datasets = facts.datasets.map(({ name, shards, tree, breakers }) => ({
    name,
    shards,
    down: [...downIn(tree)],
    breakers: breakers.map(({ name: guarded, state }) => ({ name: guarded, state })),
  }));
  const models = facts.models.map(({ name, breakers }) => ({
    name,
    breakers: breakers.map(({ state }) => state),
  }));
  const live = phase !== 'ended';
  const notReady = reasonsNotReady(facts);
  const problems = datasets.flatMap(({ down, breakers }) => [
    ...down.map(({ path, state }) => `${path} is ${state}`),
    ...breakers
      .filter(({ state }) => state !== 'closed')
      .map(({ name, state }) => `the breaker of ${name} is ${state}`),
  ]);
  for (const { name, breakers } of models) {
    const state = breakers.find((each) => each !== 'closed');
    if (state !== undefined) problems.push(`the breaker of ${name}, served for others, is ${state}`);
  }
  for (const { shard } of facts.failingShards) problems.push(`${shard} could not be started`);
  if (publishesWaiting > 0) problems.push(`${publishesWaiting} messages wait for room in a stream`);
  const ready = live && notReady.length === 0;
  const status = !live ? 'dead' : !ready ? 'unready' : problems.length > 0 ? 'degraded' : 'ok';
  return {
    status,
    live,
    ready,
    notReady,
    problems,
    node,
    version,
    phase,
    nats: { connected, publishesWaiting },
    lease: { held: holdsLease },
    datasets,
    models,
  };
}

function reasonsNotReady({ phase, end, connected, holdsLease }: HealthFacts): readonly string[] {
  if (phase === 'ended') return [`the node ended (${end?.reason ?? 'unknown'}): ${end?.message ?? ''}`];
  if (phase !== 'active') return [`the node is ${phase}`];
  return [
    ...(connected ? [] : ['the connection to NATS is down']),
    ...(holdsLease ? [] : ['the lease of the node is not renewed']),
  ];
}

function* downIn(actor: ActorSnapshot): Generator<{ path: string; state: ActorSnapshot['state'] }> {
  const { path, state } = actor;
  if (state !== 'running' && state !== 'passive') yield { path, state };
  for (const child of actor.children) yield* downIn(child);
}
