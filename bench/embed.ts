// Vectors a second through the embedding service (caches, coalescing, dynamic batches, the session in a supervised
// thread) beside a bare loop over one session in one thread, at the same batch size; the delay of the event loop
// meanwhile; what batching gains under many clients; and what a hit of each cache costs.
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { EmbeddingPool, embedThreadModule, imageKind, type ModelIdentity, VectorCache } from '#actors';
import { ensureSystem, NatsLink, namesOf, SharedCache } from '#nats';
import {
  type BlobStore,
  ByteBudget,
  CircuitBreaker,
  silentLogger,
  systemClock,
  systemRandom,
} from '#runtime';
import type { SessionSpec } from '../actors/image/session-spec.ts';
import { startTestServer } from '../tests/support/nats-server.ts';
import { type Bench, type BenchOptions, BenchRefused, type Metrics, metricOf } from './contract.ts';
import type { BareRun, BareSessionData } from './embed/bare-session.ts';
import { type ModelPicture, modelPictures, squeezenet } from './embed/squeezenet.ts';

const CLIENTS = 64;
const BATCH = 8;
const LAG_RESOLUTION_MS = 5;
const SYSTEM = 'troupe';
const DIMENSION = 512;

export const embedBench: Bench = {
  parts: ['speed', 'caches'],
  run: async (options) => {
    await using server = await startTestServer();
    const link = await NatsLink.connect({ servers: server.url, token: server.token, name: 'bench' });
    try {
      await ensureSystem(link, { system: SYSTEM });
      const entries = new SharedCache(link, namesOf(SYSTEM).records.cache);
      return {
        ...(options.only === 'caches' ? {} : await speed(options, entries)),
        ...(options.only === 'speed' ? {} : await caches(options, entries)),
      };
    } finally {
      await link.close();
    }
  },
};

interface ServiceRound {
  readonly itemsPerS: number;
  readonly lagMs: number;
}

async function speed({ data, quick, note }: BenchOptions, shared: BlobStore): Promise<Metrics> {
  if (data === undefined) throw new BenchRefused('embed measures a real model: give --data');
  const model = await squeezenet(data, BATCH);
  note('reading pictures');
  const pictures = await modelPictures(data, model, quick ? 128 : 512);
  const bare = await bareSession(model, pictures);
  const [dynamic, single] = await Promise.all([poolOf(model, BATCH, shared), poolOf(model, 1, shared)]);
  const rounds = {
    bare: [] as number[],
    service: [] as number[],
    single: [] as number[],
    lag: [] as number[],
  };
  try {
    await serviceRound(dynamic, pictures, 'warm-up');
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      rounds.bare.push(await bare.run(BATCH));
      const { itemsPerS, lagMs } = await serviceRound(dynamic, pictures, `round ${round}`);
      rounds.service.push(itemsPerS);
      rounds.lag.push(lagMs);
      rounds.single.push((await serviceRound(single, pictures, `single ${round}`)).itemsPerS);
      const [a, b, c] = [rounds.bare, rounds.service, rounds.single].map((of) => of.at(-1)?.toFixed(1));
      note(`round ${round + 1}: bare ${a}/s, service ${b}/s, batch 1 ${c}/s, lag p99 ${lagMs.toFixed(1)} ms`);
    }
  } finally {
    await Promise.all([bare.stop(), dynamic.stop(), single.stop()]);
  }
  const ratios = rounds.service.map((itemsPerS, at) => itemsPerS / (rounds.bare[at] ?? Number.NaN));
  const gains = rounds.service.map((itemsPerS, at) => itemsPerS / (rounds.single[at] ?? Number.NaN));
  return {
    'embed.items_per_s': metricOf(rounds.service, 'vectors/s'),
    'embed.bare_items_per_s': metricOf(rounds.bare, 'vectors/s'),
    'embed.ratio': metricOf(ratios, '', `a bare session, batch ${BATCH}, one thread, same round`),
    'embed.loop_lag_p99_ms': metricOf(rounds.lag, 'ms'),
    'embed.batching_gain': metricOf(gains, '', `batch 1 under ${CLIENTS} clients, same round`),
  };
}

/** One session in a thread of its own; `run` tells vectors a second. */
async function bareSession(model: ModelIdentity, pictures: readonly ModelPicture[]) {
  const data: BareSessionData = {
    session: model.session as SessionSpec,
    pictures: pictures.map(({ pixels }) => pixels),
  };
  const worker = new Worker(new URL('./embed/bare-session.ts', import.meta.url), { workerData: data });
  await once(worker, 'message');
  return {
    run: async (batch: number) => {
      worker.postMessage(batch);
      const [{ vectors, ms }] = (await once(worker, 'message')) as [BareRun];
      if (vectors !== pictures.length) throw new Error(`the bare loop made ${vectors} of ${pictures.length}`);
      return (vectors / ms) * 1_000;
    },
    stop: () => worker.terminate(),
  };
}

function poolOf(model: ModelIdentity, batch: number, shared: BlobStore): Promise<EmbeddingPool> {
  const breaker = {
    failures: 3,
    minOpenMs: 10_000,
    maxOpenMs: 300_000,
    failureRate: 1,
    minCalls: 1,
    windowMs: 60_000,
  };
  return EmbeddingPool.start({
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
      options: { ...breaker, jitter: 0 },
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
}

/** All pictures by `CLIENTS` clients, each with one request at a time; under names that no cache knows. */
async function serviceRound(
  pool: EmbeddingPool,
  pictures: readonly ModelPicture[],
  name: string,
): Promise<ServiceRound> {
  const before = pool.embeddings.counts.inference;
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const startedMs = performance.now();
  let next = 0;
  const client = async () => {
    for (let at = next++; at < pictures.length; at = next++) {
      const { content, pixels } = pictures[at] as ModelPicture;
      const { vector } = await pool.embeddings.vector(`${content} ${name}`, async () => pixels);
      if (vector.length !== DIMENSION) throw new Error(`a vector of ${vector.length}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const ms = performance.now() - startedMs;
  lag.disable();
  const made = pool.embeddings.counts.inference - before;
  if (made !== pictures.length) throw new Error(`the service made ${made} of ${pictures.length} vectors`);
  return {
    itemsPerS: (pictures.length / ms) * 1_000,
    lagMs: Math.max(0, lag.percentile(99) / 1e6 - LAG_RESOLUTION_MS),
  };
}

/** A hit of the cache in memory, and of the one that nodes share. */
async function caches({ quick }: BenchOptions, shared: BlobStore): Promise<Metrics> {
  const count = quick ? 1_000 : 10_000;
  const keys = Array.from({ length: count }, (_, at) => `bench/${at}`);
  const memory = new VectorCache(2 ** 28);
  for (const key of keys) memory.put(key, new Float32Array(DIMENSION));
  const l1: number[] = [];
  for (let round = 0; round < 100; round++) {
    const startedMs = performance.now();
    let found = 0;
    for (const key of keys) if (memory.get(key) !== undefined) found += 1;
    if (found !== count) throw new Error(`found ${found} of ${count}`);
    l1.push(((performance.now() - startedMs) / count) * 1_000);
  }
  const bytes = new Uint8Array(DIMENSION * 4);
  await eachBatch(keys, (key) => shared.put(key, bytes));
  const l2: number[] = [];
  const found = await eachBatch(
    keys,
    (key) => shared.get(key),
    (ms) => void l2.push(ms),
  );
  if (found.some((each) => each?.length !== bytes.length)) throw new Error('a vector is missing');
  return {
    'embed.l1_us': metricOf(l1, 'µs a hit'),
    'embed.l2_ms': metricOf(l2, 'ms a hit, in batches of 64'),
  };
}

async function eachBatch<T>(
  keys: readonly string[],
  action: (key: string) => Promise<T>,
  took: (msEach: number) => void = () => {},
): Promise<readonly T[]> {
  const results: T[] = [];
  for (let from = 0; from < keys.length; from += CLIENTS) {
    const batch = keys.slice(from, from + CLIENTS);
    const startedMs = performance.now();
    results.push(...(await Promise.all(batch.map(action))));
    took((performance.now() - startedMs) / batch.length);
  }
  return results;
}
