// The threads behind an embedding service: sessions of one model and decoders, supervised, and what makes the vector of a
// content with them.
import { createHash } from 'node:crypto';
import {
  ActorSystem,
  type BlobStore,
  type BreakerSnapshot,
  type ByteBudget,
  type CircuitBreaker,
  type Clock,
  type Logger,
  leastLoaded,
  type RandomSource,
  type SupervisorSpec,
  type SystemEvent,
  type ThreadCall,
  threadActor,
} from '#runtime';
import { callsToTheDead } from '#supervision';
import { analysisPool } from '../kinds/analysis-pool.ts';
import type { AnalysisPool, Kind } from '../kinds/kind.ts';
import { analyseWithAttempts } from '../pipeline/analysis-attempts.ts';
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import { type EmbedCall, GuardedSession } from '../pipeline/guarded-session.ts';
import { BatchSize } from './batch-size.ts';
import { Batcher } from './batcher.ts';
import { Embeddings, type FoundVector } from './embeddings.ts';
import type { VectorCache } from './vector-cache.ts';

export interface EmbeddingSizing {
  /** Sessions, each with a thread of its own. */
  readonly sessions: number;
  readonly decodeThreads: number;
  /** Most pictures in one run. */
  readonly batch: number;
  /** How long the first of a batch waits for others, in ms. */
  readonly delayMs: number;
  /** Longest time that a run should take before batches get smaller, in ms. */
  readonly latencyMs: number;
  /** Requests that may wait for a session. */
  readonly waiting: number;
  readonly embedTimeoutMs: number;
  readonly decodeTimeoutMs: number;
  readonly maxBytes: number;
  readonly maxPixels: number;
}

export interface EmbeddingPoolOptions {
  readonly model: ModelIdentity;
  readonly kind: Kind;
  readonly sessionModule: URL;
  readonly sizing: EmbeddingSizing;
  readonly memory: VectorCache;
  readonly shared: BlobStore;
  readonly breaker: CircuitBreaker;
  readonly decodeBudget: ByteBudget;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly onEvent: (event: SystemEvent) => void;
  /** Told of each run of the model. */
  readonly ran?: (items: number) => void;
}

const SESSION_START_MS = 300_000;
const THREAD_MEMORY_MB = 512;
/** Full batches that lie at a session while it runs another: it goes on without waiting for this thread. */
const AHEAD = 1;
/** Restarts are counted over this time. */
const WITHIN_MS = 300_000;

export class EmbeddingPool {
  readonly #options: EmbeddingPoolOptions;
  readonly #system: ActorSystem;
  readonly #decoders: AnalysisPool;
  readonly #batcher: Batcher<Uint8Array, Float32Array>;
  readonly #size: BatchSize;
  readonly embeddings: Embeddings;
  readonly #over = new AbortController();

  /** Resolves when the model is open in every session. @throws StartFailed */
  static async start(options: EmbeddingPoolOptions): Promise<EmbeddingPool> {
    const { model, clock, random, log, onEvent } = options;
    const system = await ActorSystem.start({
      name: `embed-${model.name}`,
      root: treeOf(options),
      clock,
      random,
      log,
      onEvent,
    });
    return new EmbeddingPool(options, system);
  }

  private constructor(options: EmbeddingPoolOptions, system: ActorSystem) {
    const { model, sizing, breaker, memory, shared, kind, clock, log, ran } = options;
    const refs = <M>(folder: string, count: number) =>
      Array.from({ length: count }, (_, at) => system.ref<M>(`${folder}/${at}`));
    this.#options = options;
    this.#system = system;
    this.#decoders = analysisPool(
      refs<ThreadCall<unknown, unknown>>('decoders', sizing.decodeThreads),
      options.decodeBudget,
    );
    const session = new GuardedSession({
      ref: leastLoaded(refs<EmbedCall>('sessions', sizing.sessions)),
      breaker,
      // As long as the run before it may take, and its own time.
      timeoutMs: (1 + AHEAD) * sizing.embedTimeoutMs,
    });
    this.#size = new BatchSize({ sizes: sizesUpTo(sizing.batch), latencyMs: sizing.latencyMs });
    this.#batcher = new Batcher({
      run: (pictures) => session.embed(pictures, pictures.length, this.#over.signal),
      size: this.#size,
      delayMs: sizing.delayMs,
      runs: sizing.sessions,
      ahead: AHEAD * sizing.sessions,
      maxWaiting: sizing.waiting,
      clock,
      halved: (items) =>
        log.warn({ model: model.name, items }, 'memory ran out in a batch: batches are smaller now'),
      ...(ran !== undefined && { ran }),
    });
    this.embeddings = new Embeddings({ model, kind, memory, shared, batcher: this.#batcher });
  }

  /** Resolves when the tree has ended, by `stop` or because its root gave up. */
  get ended(): ActorSystem['ended'] {
    return this.#system.ended;
  }

  /** Requests that its sessions take at once. */
  get capacity(): number {
    return this.#options.sizing.sessions * this.#size.limit;
  }

  /** Requests that wait for a session. */
  get waiting(): number {
    return this.#batcher.waiting;
  }

  /** The breaker before its sessions, as people see it. */
  get breaker(): BreakerSnapshot {
    return this.#options.breaker.snapshot();
  }

  get standing(): object {
    const { counts, load } = this.embeddings;
    const { memory, breaker, sizing } = this.#options;
    return {
      vectors: counts,
      load,
      waiting: this.#batcher.waiting,
      batch: {
        limit: this.#size.limit,
        most: sizing.batch,
        ...this.#batcher.counts,
        halved: this.#size.halved,
      },
      memory: memory.standing,
      breaker: breaker.state,
    };
  }

  /**
   * The vector of a picture, whatever its format.
   * @throws ItemFailure for a picture that cannot be read; PassingFailure, Overloaded; the signal's reason
   */
  async embed(bytes: Uint8Array, signal: AbortSignal): Promise<FoundVector & { readonly content: string }> {
    const content = createHash('sha256').update(bytes).digest('hex');
    const found = await this.embeddings.vector(content, () => this.#picture(bytes, signal));
    return { ...found, content };
  }

  async stop(): Promise<void> {
    this.#over.abort(new Error('the service stops'));
    await this.#system.stop();
  }

  async #picture(bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { kind, clock, model, sizing } = this.#options;
    const { decodeTimeoutMs: timeoutMs, maxBytes, maxPixels } = sizing;
    const request = async () => ({
      bytes,
      maxBytes,
      maxPixels,
      ...(model.proxy && { modelProxy: model.proxy.spec }),
    });
    const options = { kind, pool: this.#decoders, clock, timeoutMs, memoryMb: THREAD_MEMORY_MB };
    const { proxy, modelProxy } = await analyseWithAttempts(options, request, signal);
    return modelProxy ?? proxy;
  }
}

function treeOf({ model, kind, sessionModule, sizing, breaker }: EmbeddingPoolOptions): SupervisorSpec {
  const numbered = <T>(count: number, make: (id: string) => T) =>
    Array.from({ length: count }, (_, at) => make(String(at)));
  const restarts = callsToTheDead(breaker.options, WITHIN_MS) + breaker.options.failures;
  const pool = (id: string, maxRestarts: number, children: SupervisorSpec['children']): SupervisorSpec => ({
    type: 'supervisor',
    id,
    strategy: 'one_for_one',
    intensity: { maxRestarts, withinMs: WITHIN_MS },
    children,
  });
  return pool(`embed-${model.name}`, 3, [
    pool(
      'sessions',
      // Halving a batch may end a session several times before what fails stands alone.
      restarts * sizing.sessions * Math.ceil(Math.log2(sizing.batch + 1) + 1),
      numbered(sizing.sessions, (id) =>
        threadActor({
          id,
          module: sessionModule,
          data: model.session,
          deadlineMs: sizing.embedTimeoutMs,
          startDeadlineMs: SESSION_START_MS,
          maxOldGenerationMb: THREAD_MEMORY_MB,
          shutdownMs: 0,
          ahead: AHEAD,
        }),
      ),
    ),
    pool(
      'decoders',
      100,
      numbered(sizing.decodeThreads, (id) =>
        threadActor({
          id,
          module: kind.analyserModule,
          deadlineMs: sizing.decodeTimeoutMs,
          maxOldGenerationMb: THREAD_MEMORY_MB,
          shutdownMs: 0,
          mailbox: { capacity: 2, overflow: 'backpressure' },
        }),
      ),
    ),
  ]);
}

/** Powers of two up to the largest size, and that. */
function sizesUpTo(largest: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < largest; size *= 2) sizes.push(size);
  return [...sizes, largest];
}
