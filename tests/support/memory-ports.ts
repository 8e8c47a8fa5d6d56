// The ports of a dataset's actors over the test kit's stand-ins in memory. Deterministic: nothing happens but by a call
// or the manual clock.
import {
  ByteBudget,
  CircuitBreaker,
  type Clock,
  type FaultPoints,
  type SystemCheck,
  type SystemHappening,
  silentLogger,
} from '#runtime';
import {
  CrashPoint,
  ManualClock,
  MemoryBlobs,
  MemoryJournal,
  MemoryPublisher,
  MemoryQueue,
  MemoryRecords,
} from '#testkit';
import { datasetConfigSchema, FIRST_GENERATION, type IndexGeneration } from '../../actors/config/index.ts';
import { imageKind } from '../../actors/image/kind.ts';
import type { Kind } from '../../actors/kinds/kind.ts';
import type {
  ContentSource,
  DatasetPorts,
  ModelIdentity,
  Stage,
} from '../../actors/pipeline/dataset-ports.ts';
import { carriedOn } from '../../actors/pipeline/item-tracer.ts';
import { noMeter } from '../../actors/pipeline/stage-meter.ts';
import { SourceGuard } from '../../actors/sources/source-guard.ts';
import { type SourceRate, SourceRates } from '../../actors/sources/source-rates.ts';
import { oneOwner } from './one-owner.ts';
import { memoryCodec, systemChecks } from './system-checks.ts';

/** A model that is never opened. */
export const MEMORY_MODEL: ModelIdentity = {
  name: 'tiny',
  digest: 'd'.repeat(64),
  recipe: 'e'.repeat(64),
  precision: 'f32',
  provider: 'cpu',
  dimension: 1,
  batch: 32,
  session: {},
};

export { memoryCodec };

/** When the breakers of these ports open: after three failures, for 10 s at first. */
export const MEMORY_BREAKER = {
  failures: 3,
  failureRate: 1,
  minCalls: 1,
  windowMs: 60_000,
  minOpenMs: 10_000,
  maxOpenMs: 60_000,
  jitter: 0,
};

/** A guard whose breakers open as `MEMORY_BREAKER` says. */
export function memoryGuard(
  clock: Clock,
  options: { readonly giveUpAfterMs?: number; readonly emit?: (happening: SystemHappening) => void } = {},
): SourceGuard {
  return new SourceGuard({
    path: 'photos/intake',
    breaker: MEMORY_BREAKER,
    giveUpAfterMs: options.giveUpAfterMs ?? 3_600_000,
    clock,
    random: { next: () => 0.5 },
    emit: options.emit ?? (() => {}),
  });
}

/** All outcomes share a stream; every other subject has one of its own. */
function streamOf(subject: string): string {
  return subject.startsWith('outcome.') ? 'outcome' : subject;
}

/**
 * A kind whose proxies are single numbers: two contents are as far apart as their first bytes, over 255. Score is
 * the signal `sharpness` where the weights are `sharpnessAlone`; quality is the signal `area`.
 */
export const numberKind: Kind = {
  name: 'number',
  version: 'number@1',
  analyserModule: new URL('file:///nowhere'),
  analyse: () => Promise.reject(new Error('this kind analyses nothing')),
  indexes: ({ phashRadius }) => ({ hashes: { phash: { radius: phashRadius } } }),
  verify: (_, a, b) => ({ distance: Math.abs((a[0] ?? 0) - (b[0] ?? 0)) / 255, algorithm: 'number@1' }),
  signals: imageKind.signals,
  quality: ({ signals }) => [Number(signals.area ?? 0)],
};

/** Weights by which the score is the signal `sharpness`. */
export const sharpnessAlone = {
  resolution: { weight: 0 },
  sharpness: { weight: 1, value: 'signals.sharpness' },
  entropy: { weight: 0 },
};

export interface MemoryDataset {
  readonly ports: DatasetPorts;
  readonly clock: ManualClock;
  /** For the system that runs its actors. */
  readonly checks: readonly SystemCheck[];
  readonly trace: string[];
  readonly publisher: MemoryPublisher;
  readonly attempts: MemoryRecords;
  readonly heads: MemoryRecords;
  readonly blobs: MemoryBlobs;
  readonly snapshots: MemoryBlobs;
  readonly manifests: MemoryBlobs;
  readonly fencedBy: Error[];
  /** Changes of breakers, as `name state`. */
  readonly breakerChanges: string[];
  queue(stage: Stage): MemoryQueue;
  /** The journal as a whole; each `ports.journal` call gives a handle of its own. */
  journal(actor: 'index' | 'keeper', shard: number): MemoryJournal;
}

/** The ports of a dataset `photos` of numbers, all in memory. */
export function memoryDataset(
  options: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly faults?: FaultPoints;
    readonly clock?: ManualClock;
    readonly rates?: readonly SourceRate[];
    readonly contents?: ContentSource;
    readonly bodyBudget?: ByteBudget;
    readonly kind?: Kind;
    readonly giveUpAfterMs?: number;
    readonly generation?: IndexGeneration;
  } = {},
): MemoryDataset {
  const clock = options.clock ?? new ManualClock();
  const trace: string[] = [];
  const queues = new Map<Stage, MemoryQueue>();
  const journals = new Map<string, MemoryJournal>();
  const queue = (stage: Stage): MemoryQueue => {
    const known = queues.get(stage) ?? new MemoryQueue({ clock, name: stage, trace });
    queues.set(stage, known);
    return known;
  };
  const journal = (actor: string, shard: number): MemoryJournal => {
    const name = `${actor}.${shard}`;
    const known = journals.get(name) ?? new MemoryJournal();
    journals.set(name, known);
    return known;
  };
  const publisher = new MemoryPublisher({ trace, streamOf });
  const attempts = new MemoryRecords(trace);
  const heads = new MemoryRecords();
  const blobs = new MemoryBlobs();
  const snapshots = new MemoryBlobs();
  const manifests = new MemoryBlobs();
  const fencedBy: Error[] = [];
  const breakerChanges: string[] = [];
  const emit = (happening: SystemHappening): void => {
    if (happening.type === 'breaker') breakerChanges.push(`${happening.name} ${happening.state}`);
  };
  const config = datasetConfigSchema.parse({
    rules: { weights: sharpnessAlone },
    ...options.config,
  });
  const ports: DatasetPorts = {
    dataset: 'photos',
    kind: options.kind ?? numberKind,
    config,
    incarnation: 'inc',
    subjects: {
      work: (stage) => `work.${stage}`,
      dead: (stage) => `dead.${stage}`,
      outcome: (outcome) => `outcome.${outcome}`,
    },
    codec: memoryCodec,
    publisher,
    source: queue,
    journal: (actor, shard) => journal(actor, shard).rival(),
    blobs,
    snapshots,
    manifests,
    vectors: new MemoryBlobs(),
    sharedVectors: new MemoryBlobs(),
    heads,
    attempts,
    rates: new SourceRates({ rates: options.rates ?? [], clock }),
    guard: memoryGuard(clock, { giveUpAfterMs: options.giveUpAfterMs ?? 3_600_000, emit }),
    modelBreaker: new CircuitBreaker({
      path: 'photos/embedding',
      name: 'model tiny',
      options: MEMORY_BREAKER,
      clock,
      random: { next: () => 0.5 },
      emit,
    }),
    generation: options.generation ?? FIRST_GENERATION,
    index: oneOwner((shard) => journal('index', shard).frames.at(-1)?.epoch ?? 1),
    contents: options.contents ?? { read: () => Promise.reject(new Error('no contents are read here')) },
    bodyBudget: options.bodyBudget ?? new ByteBudget(2 ** 26),
    decodeBudget: new ByteBudget(2 ** 26),
    erasure: {
      queue: async (stage) => queue(stage).standing,
      deadLetters: async () => [],
      deleteDeadLetter: async () => {},
      deleteUpload: async () => {},
      forgetVectors: async () => {},
    },
    clock,
    faults: options.faults ?? new CrashPoint(),
    model: MEMORY_MODEL,
    meter: noMeter,
    tracer: carriedOn,
    log: silentLogger,
    fenced: (error) => void fencedBy.push(error),
  };
  return {
    ports,
    clock,
    checks: systemChecks(),
    trace,
    publisher,
    attempts,
    heads,
    blobs,
    snapshots,
    manifests,
    fencedBy,
    breakerChanges,
    queue,
    journal,
  };
}
