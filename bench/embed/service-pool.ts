// The embedding service as the bench starts it: the pool of a node with one session, and that session's thread, whose time
// is looked at from outside.
import type { Worker } from 'node:worker_threads';
import { EmbeddingPool, embedThreadModule, imageKind, type ModelIdentity, VectorCache } from '#actors';
import {
  type BlobStore,
  ByteBudget,
  CircuitBreaker,
  silentLogger,
  systemClock,
  systemRandom,
} from '#runtime';

const BREAKER = {
  failures: 3,
  minOpenMs: 10_000,
  maxOpenMs: 300_000,
  failureRate: 1,
  minCalls: 1,
  windowMs: 60_000,
  jitter: 0,
};

export interface ServicePool {
  readonly pool: EmbeddingPool;
  /** The session's thread. */
  readonly thread: Worker;
}

/** A pool with batches of up to `batch`. Not to be started beside another one. */
export async function servicePool(
  model: ModelIdentity,
  batch: number,
  shared: BlobStore,
): Promise<ServicePool> {
  const threads: Worker[] = [];
  const started = (thread: Worker) => void threads.push(thread);
  process.on('worker', started);
  try {
    const pool = await EmbeddingPool.start({
      model,
      kind: imageKind,
      sessionModule: embedThreadModule(),
      sizing: {
        sessions: 1,
        decodeThreads: 1,
        batch,
        delayMs: 2,
        latencyMs: 1_000,
        waiting: 1_024,
        embedTimeoutMs: 60_000,
        decodeTimeoutMs: 60_000,
        maxBytes: 2 ** 26,
        maxPixels: 100_000_000,
      },
      memory: new VectorCache(2 ** 26),
      shared,
      breaker: new CircuitBreaker({
        path: 'bench',
        name: model.name,
        options: BREAKER,
        clock: systemClock,
        random: systemRandom,
        emit: () => {},
      }),
      decodeBudget: new ByteBudget(2 ** 29),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      onEvent: () => {},
    });
    // The sessions are the first part of the tree.
    const [thread] = threads;
    if (thread === undefined) throw new Error('the pool started no thread');
    return { pool, thread };
  } finally {
    process.off('worker', started);
  }
}

/** What a thread did over a stretch of time. */
export interface ThreadTime {
  /** Share of the time in which its event loop had nothing to do. */
  readonly idle: number;
  readonly cpuMs: number;
}

/** Begins to look at a thread; the function tells what it did since. */
export async function timeOf(thread: Worker): Promise<() => Promise<ThreadTime>> {
  const loop = thread.performance.eventLoopUtilization();
  const { user, system } = await thread.cpuUsage();
  return async () => {
    const since = thread.performance.eventLoopUtilization(loop);
    const now = await thread.cpuUsage();
    return {
      idle: since.idle / (since.idle + since.active),
      cpuMs: (now.user + now.system - user - system) / 1_000,
    };
  };
}
