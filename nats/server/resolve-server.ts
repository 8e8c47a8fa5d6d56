// The search for a nats-server: an ordered list of steps, walked until one has a program that runs. It happens
// when a server is needed, never while installing, and each step leaves one line in the log.
import type { Logger } from '#runtime';
import { AptSource } from './apt-source.ts';
import { BinaryCache } from './binary-cache.ts';
import { CacheSource, NamedBinarySource, PathSource } from './installed-sources.ts';
import { LocalMachine } from './local-machine.ts';
import type { Machine } from './machine.ts';
import { ReleaseSource } from './release-source.ts';
import { NatsServerNotFound, NatsServerUnusable, type ServerAttempt } from './server-errors.ts';
import type { ServerSource } from './server-source.ts';

/**
 * Which server is wanted. `any`: what a user gets, quickest way first. `newest`: the newest that can be had.
 * `distribution`: the one that the machine's own Debian or Ubuntu suite ships, and no other.
 */
export type ServerWish = 'any' | 'newest' | 'distribution';

/** A program that was seen running. */
export interface ResolvedServer {
  /** Absolute path. */
  readonly binary: string;
  readonly version: string;
  /** The name of the step that found it. */
  readonly origin: string;
  /** Every step that was tried, in order; the last one found it. */
  readonly attempts: readonly ServerAttempt[];
}

export interface ResolveOptions {
  /** Default `any`. */
  readonly wish?: ServerWish;
  readonly log?: Logger;
  /** Default: the computer that this process runs on, with its environment. */
  readonly machine?: Machine;
  /** Default: the steps of the wish. */
  readonly sources?: readonly ServerSource[];
}

/**
 * Finds or fetches a nats-server. Throws `NatsServerNotFound` with every attempt and its remedy, or
 * `NatsServerUnusable` when `NATS_SERVER_BIN` names a program that does not serve.
 */
export async function resolveNatsServer(options: ResolveOptions = {}): Promise<ResolvedServer> {
  const machine = options.machine ?? new LocalMachine();
  const attempts: ServerAttempt[] = [noServerGiven()];
  for (const source of options.sources ?? sourcesFor(options.wish ?? 'any', machine)) {
    const started = machine.monotonicMs();
    const result = await tried(source);
    const tookMs = Math.round(machine.monotonicMs() - started);
    const attempt = { step: source.name, remedy: source.remedy, tookMs, ...result.attempt };
    attempts.push(attempt);
    options.log?.debug({ ...attempt }, 'nats-server search step');
    if (result.server === undefined) continue;
    const { binary, version } = result.server;
    options.log?.info({ binary, version, origin: source.name }, 'nats-server found');
    return { binary, version, origin: source.name, attempts };
  }
  throw new NatsServerNotFound(attempts);
}

/** The steps of the search for a wish, in order. */
export function sourcesFor(wish: ServerWish, machine: Machine): readonly ServerSource[] {
  const cache = new BinaryCache(machine);
  const named = new NamedBinarySource(machine);
  const onPath = new PathSource(machine);
  const release = new ReleaseSource(machine, cache);
  const newer = new AptSource(machine, cache, { suite: 'newer', onRequest: false });
  switch (wish) {
    case 'any': {
      const cached = new CacheSource(cache, (origin) => !origin.onRequest);
      return [
        named,
        onPath,
        cached,
        release,
        newer,
        new AptSource(machine, cache, { suite: 'own', onRequest: false }),
      ];
    }
    case 'newest': {
      const cachedRelease = new CacheSource(cache, (origin) => origin.from === 'release');
      return [newer, cachedRelease, release, named, onPath];
    }
    case 'distribution':
      return [new AptSource(machine, cache, { suite: 'own', onRequest: true })];
  }
}

/** Whoever is given a server starts none and never searches; the list still begins with that way out. */
function noServerGiven(): ServerAttempt {
  return {
    step: '--server or NATS_URL',
    outcome: 'not found',
    detail: 'no server was named',
    remedy: 'name a running server: --server nats://host:4222, or NATS_URL',
    tookMs: 0,
  };
}

type Tried = {
  readonly attempt: Pick<ServerAttempt, 'outcome' | 'detail'>;
  readonly server?: { readonly binary: string; readonly version: string };
};

async function tried(source: ServerSource): Promise<Tried> {
  try {
    const result = await source.find();
    if (!result.found) return { attempt: { outcome: 'not found', detail: result.why } };
    const { binary, version, detail } = result;
    return { attempt: { outcome: 'found', detail: `${version}: ${detail}` }, server: { binary, version } };
  } catch (error) {
    if (error instanceof NatsServerUnusable) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    return { attempt: { outcome: 'failed', detail: detail.trim() } };
  }
}
