// The supervision tree of one dataset. Started left to right, so that whoever is asked is there before whoever
// asks; stopped right to left, so that intake dries up first and the keeper ends last.
import { type SupervisorSpec, threadActor } from '#runtime';
import { type BreakerOptions, callsToTheDead, leafIntensity } from '#supervision';
import { shardNumbers } from '../config/index.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { deskActor } from './desk.ts';
import { embedderActor } from './embedder.ts';
import { ErasureGate } from './erasure-guard.ts';
import { heldIngestorActor, type IngestorOptions, ingestorActor } from './ingestor.ts';
import { IntakeGate } from './intake-gate.ts';
import { KnownContents } from './known-contents.ts';
import { replayerActor } from './replayer.ts';
import { ROLE_OF_STAGE, ROLES, type Role } from './roles.ts';
import { scorerActor } from './scorer.ts';
import { INDEX_PARENT, KEEPER_PARENT, shardPath } from './shard-path.ts';
import { WORKING_PARTS, type WorkingPart } from './stage-meter.ts';
import { vectorKey } from './vector-store.ts';

export interface DatasetSizing {
  /** Items that are fetched and stored at once. */
  readonly ingestors: number;
  /** Threads that decode and hash. */
  readonly decodeThreads: number;
  readonly decodeTimeoutMs: number;
  readonly desks: number;
  readonly embedBatch: number;
  /** Longest time of one run of the model. */
  readonly embedTimeoutMs: number;
}

type ThreadSpec = ReturnType<typeof threadActor>;

const ASK_TIMEOUT_MS = 20_000;
/** Opening a large model tries it in every batch size. */
const SESSION_START_MS = 300_000;
const SESSION_MEMORY_MB = 512;
const DECODER_MEMORY_MB = 512;
/** Threads are stopped after all that ask them: nobody waits for what they still have in hand. */
const ASKERS_ARE_GONE_MS = 0;
/** Those that take up items which were held back. */
const HELD_INGESTORS = 2;

/** Children of a dataset's supervisor that own nothing, in start order. */
export const STATELESS_PARTS = ['scorer', 'desks', 'embedding', 'replay', 'intake'] as const;

/** The role for which a node has a part of the tree, by the part's id. */
const ROLE_OF_PART: Readonly<Record<string, Role>> = {
  [KEEPER_PARENT]: 'shards',
  [INDEX_PARENT]: 'shards',
  scorer: 'score',
  desks: 'dedup',
  embedding: 'embed',
  replay: 'embed',
  intake: 'ingest',
};

/** How many workers each part has on a node with these roles; of keepers, which come and go, there is one at most. */
export function workersOf(
  sizing: DatasetSizing,
  roles: readonly Role[],
): Readonly<Record<WorkingPart, number>> {
  const workers: Readonly<Record<WorkingPart, number>> = {
    intake: sizing.ingestors,
    held: HELD_INGESTORS,
    decode: sizing.decodeThreads,
    embed: 1,
    dedup: sizing.desks,
    replay: 1,
    score: 1,
    keep: 1,
  };
  const isHere = (part: WorkingPart) => roles.includes(part === 'decode' ? 'ingest' : ROLE_OF_STAGE[part]);
  return Object.fromEntries(
    WORKING_PARTS.map((part) => [part, isHere(part) ? workers[part] : 0]),
  ) as Readonly<Record<WorkingPart, number>>;
}

/** Specification of the supervisor `<dataset>` with the actors of a node that has these roles; default: all. */
export function datasetTree(
  ports: DatasetPorts,
  judging: JudgingContext,
  embedModule: URL,
  sizing: DatasetSizing,
  roles: readonly Role[] = ROLES,
): SupervisorSpec {
  const at = (path: string) => `${ports.dataset}/${path}`;
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => index);
  const shards = shardNumbers(ports.generation, ports.config);
  const decoders = numbered(sizing.decodeThreads);
  const erasures = new ErasureGate(ports);
  const known = new KnownContents(ports);
  const gate = new IntakeGate({ journal: ports.journal('keeper', 0), clock: ports.clock, log: ports.log });
  const ingesting = (id: string): IngestorOptions => ({
    id,
    threads: decoders.map((decoder) => at(`intake/decoders/decoder-${decoder}`)),
    analyseTimeoutMs: sizing.decodeTimeoutMs,
    analyseMemoryMb: DECODER_MEMORY_MB,
    judging,
    gate,
    erasures,
    known,
  });
  const parts: SupervisorSpec['children'] = [
    // Their children come and go with ownership (dataset-shards.ts).
    supervisor(KEEPER_PARENT, 'one_for_one', []),
    supervisor(INDEX_PARENT, 'one_for_one', []),
    scorerActor(ports, { id: 'scorer', judging }),
    supervisor(
      'desks',
      'one_for_one',
      numbered(sizing.desks).map((desk) =>
        deskActor(ports, {
          id: `desk-${desk}`,
          shards: shards.map((shard) => at(shardPath(shard))),
          askTimeoutMs: ASK_TIMEOUT_MS,
        }),
      ),
    ),
    embedding('embedding', ports.modelBreaker.options, [
      session(ports, 'session', embedModule, sizing),
      embedderActor(ports, {
        id: 'embedder',
        session: at('embedding/session'),
        maxBatch: sizing.embedBatch,
        timeoutMs: sizing.embedTimeoutMs,
      }),
    ]),
    replaying(ports, embedModule, sizing, at),
    supervisor('intake', 'rest_for_one', [
      decoderPool(decoders.map((n) => decoder(ports, `decoder-${n}`, sizing))),
      supervisor('ingestors', 'one_for_one', [
        ...numbered(sizing.ingestors).map((n) => ingestorActor(ports, ingesting(`ingestor-${n}`))),
        ...numbered(HELD_INGESTORS).map((n) => heldIngestorActor(ports, ingesting(`held-${n}`))),
      ]),
    ]),
  ];
  const own = parts.filter(({ id }) => roles.some((role) => role === ROLE_OF_PART[id]));
  return supervisor(ports.dataset, 'rest_for_one', own);
}

/**
 * The embedder addresses the session by its path and waits for it behind a breaker, so that it need not restart with it.
 * Every call that the breaker lets through may end the session, so these restarts are allowed for, and once as many for
 * items that end it while it is well; a session that cannot even start uses them up within minutes.
 */
function embedding(
  id: string,
  breaker: BreakerOptions,
  children: SupervisorSpec['children'],
): SupervisorSpec {
  const withinMs = 300_000;
  const maxRestarts = callsToTheDead(breaker, withinMs) + breaker.failures;
  return {
    ...supervisor(id, 'one_for_one', children),
    intensity: { maxRestarts, withinMs },
  };
}

/**
 * What compares contents of the ledger anew: with a session of its own for a model that is to come, and a thread that
 * reads originals again where a model works on copies of its own.
 */
function replaying(
  ports: DatasetPorts,
  embedModule: URL,
  sizing: DatasetSizing,
  at: (path: string) => string,
): SupervisorSpec {
  const { next } = ports;
  const changesModel = next !== undefined && vectorKey(next, '') !== vectorKey(ports, '');
  const readsOriginals = [ports, next].some((each) => each?.model.proxy !== undefined);
  const breaker = (next ?? ports).modelBreaker.options;
  return embedding('replay', breaker, [
    ...(readsOriginals ? [decoder(ports, 'decoder', sizing)] : []),
    ...(changesModel ? [session(next, 'session', embedModule, sizing)] : []),
    replayerActor(ports, {
      id: 'replayer',
      shardPath: (shard) => at(shardPath(shard)),
      session: (of) => at(of === next && changesModel ? 'replay/session' : 'embedding/session'),
      threads: readsOriginals ? [at('replay/decoder')] : [],
      askTimeoutMs: ASK_TIMEOUT_MS,
      embedTimeoutMs: sizing.embedTimeoutMs,
      analyseTimeoutMs: sizing.decodeTimeoutMs,
      analyseMemoryMb: DECODER_MEMORY_MB,
    }),
  ]);
}

function session(ports: DatasetPorts, id: string, module: URL, sizing: DatasetSizing): ThreadSpec {
  return threadActor({
    id,
    module,
    data: ports.model.session,
    deadlineMs: sizing.embedTimeoutMs,
    startDeadlineMs: SESSION_START_MS,
    maxOldGenerationMb: SESSION_MEMORY_MB,
    shutdownMs: ASKERS_ARE_GONE_MS,
  });
}

function decoder(ports: DatasetPorts, id: string, sizing: DatasetSizing): ThreadSpec {
  return threadActor({
    id,
    module: ports.kind.analyserModule,
    deadlineMs: sizing.decodeTimeoutMs,
    maxOldGenerationMb: DECODER_MEMORY_MB,
    shutdownMs: ASKERS_ARE_GONE_MS,
    mailbox: { capacity: 2, overflow: 'backpressure' },
  });
}

/**
 * Decoders meet hostile input: what ends a thread is set apart by its ingestor, so the pool may replace many threads
 * before that says anything about the pool, and must be back soon, since neighbours wait for it.
 */
function decoderPool(children: SupervisorSpec['children']): SupervisorSpec {
  return {
    ...supervisor('decoders', 'one_for_one', children),
    intensity: { maxRestarts: 100, withinMs: 60_000 },
    backoff: { minMs: 20, maxMs: 500, jitter: 0.2, resetAfterMs: 5_000 },
  };
}

function supervisor(
  id: string,
  strategy: SupervisorSpec['strategy'],
  children: SupervisorSpec['children'],
): SupervisorSpec {
  // Pools of leaves get the leaf budget; whatever holds other supervisors keeps the default.
  const leaves = children.every(({ type }) => type === 'actor');
  return { type: 'supervisor', id, strategy, children, ...(leaves && { intensity: leafIntensity }) };
}
