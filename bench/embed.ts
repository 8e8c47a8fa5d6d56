// Vectors a second through the embedding service (caches, coalescing, dynamic batches, the session in a supervised
// thread) beside a bare loop over one session in one thread, at the same batch size; how long the service's session had
// nothing to do, and the delay of the event loop meanwhile; what batching gains under many clients; the model in int8 beside
// it in float32; and what a hit of each cache costs.
//
// Both sides get the same pictures as the model takes them, decoded before the clock starts, and run the same session code on
// one thread. The service does more: each picture comes from one of 64 clients on the event loop, is looked for in memory and
// in JetStream, crosses to the thread, and its vector is stored in JetStream and in memory before the client has it. All of
// that, nats-server included, shares the machine with the session. The service finds its batch size out by itself, up to that
// of the loop: where a larger one gives no more, it takes smaller ones. A second ratio has single pictures on both sides.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { VectorCache } from '#actors';
import { ensureSystem, NatsLink, namesOf, SharedCache } from '#nats';
import type { BlobStore } from '#runtime';
import { startTestServer } from '../tests/support/nats-server.ts';
import { type Bench, type BenchOptions, BenchRefused, type Metrics, metricOf } from './contract.ts';
import { bareSession } from './embed/bare-sessions.ts';
import { int8 } from './embed/int8.ts';
import { type ServicePool, servicePool, timeOf } from './embed/service-pool.ts';
import { type ModelPicture, modelPictures, squeezenet } from './embed/squeezenet.ts';

const CLIENTS = 64;
const BATCH = 8;
const LAG_RESOLUTION_MS = 5;
const SYSTEM = 'troupe';
const DIMENSION = 512;

export const embedBench: Bench = {
  parts: ['speed', 'int8', 'caches'],
  run: async (options) => {
    const isWanted = (part: string) => options.only === undefined || options.only === part;
    await using server = await startTestServer();
    const link = await NatsLink.connect({ servers: server.url, token: server.token, name: 'bench' });
    try {
      await ensureSystem(link, { system: SYSTEM });
      const entries = new SharedCache(link, namesOf(SYSTEM).records.cache);
      return {
        ...(isWanted('speed') ? await speed(options, entries) : {}),
        ...(isWanted('int8') ? await int8(options) : {}),
        ...(isWanted('caches') ? await caches(options, entries) : {}),
      };
    } finally {
      await link.close();
    }
  },
};

interface ServiceRound {
  readonly itemsPerS: number;
  readonly lagMs: number;
  /** Share of the time in which the session had nothing to do. */
  readonly idle: number;
  /** Of the session's thread. */
  readonly cpuMs: number;
}

async function speed({ data, quick, note }: BenchOptions, shared: BlobStore): Promise<Metrics> {
  if (data === undefined) throw new BenchRefused('embed measures a real model: give --data');
  const model = await squeezenet(data, BATCH);
  note('reading pictures');
  const pictures = await modelPictures(data, model, quick ? 128 : 512);
  const bare = await bareSession(model, pictures);
  const dynamic = await servicePool(model, BATCH, shared);
  const single = await servicePool(model, 1, shared);
  const rounds = {
    bare: [] as number[],
    service: [] as number[],
    single: [] as number[],
    bareSingle: [] as number[],
    lag: [] as number[],
    idle: [] as number[],
    cpu: [] as number[],
  };
  try {
    await serviceRound(dynamic, pictures, 'warm-up');
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      const bareRound = await bare.run(BATCH);
      rounds.bare.push(bareRound.itemsPerS);
      rounds.bareSingle.push((await bare.run(1)).itemsPerS);
      const { itemsPerS, lagMs, idle, cpuMs } = await serviceRound(dynamic, pictures, `round ${round}`);
      rounds.service.push(itemsPerS);
      rounds.lag.push(lagMs);
      rounds.idle.push(idle);
      rounds.cpu.push(cpuMs / bareRound.cpuMs);
      rounds.single.push((await serviceRound(single, pictures, `single ${round}`)).itemsPerS);
      const [a, b, c] = [rounds.bare, rounds.service, rounds.single].map((of) => of.at(-1)?.toFixed(1));
      note(`round ${round + 1}: bare ${a}/s, service ${b}/s, batch 1 ${c}/s, lag p99 ${lagMs.toFixed(1)} ms`);
    }
  } finally {
    await Promise.all([bare.thread.terminate(), dynamic.pool.stop(), single.pool.stop()]);
  }
  const ratios = rounds.service.map((itemsPerS, at) => itemsPerS / (rounds.bare[at] ?? Number.NaN));
  const gains = rounds.service.map((itemsPerS, at) => itemsPerS / (rounds.single[at] ?? Number.NaN));
  const singles = rounds.single.map((itemsPerS, at) => itemsPerS / (rounds.bareSingle[at] ?? Number.NaN));
  return {
    'embed.items_per_s': metricOf(rounds.service, 'vectors/s'),
    'embed.bare_items_per_s': metricOf(rounds.bare, 'vectors/s'),
    'embed.ratio': metricOf(ratios, '', `a bare session, batch ${BATCH}, one thread, same round`),
    'embed.single_ratio': metricOf(singles, '', 'the same with single pictures on both sides'),
    'embed.session_idle': metricOf(rounds.idle, "of a round, the service's session had nothing to do"),
    'embed.session_cpu_ratio': metricOf(rounds.cpu, '', 'CPU time of the bare session, same round'),
    'embed.loop_lag_p99_ms': metricOf(rounds.lag, 'ms'),
    'embed.batching_gain': metricOf(gains, '', `batch 1 under ${CLIENTS} clients, same round`),
  };
}

/** All pictures by `CLIENTS` clients, each with one request at a time; under names that no cache knows. */
async function serviceRound(
  { pool, thread }: ServicePool,
  pictures: readonly ModelPicture[],
  name: string,
): Promise<ServiceRound> {
  const before = pool.embeddings.counts.inference;
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const time = await timeOf(thread);
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
  const { idle, cpuMs } = await time();
  const made = pool.embeddings.counts.inference - before;
  if (made !== pictures.length) throw new Error(`the service made ${made} of ${pictures.length} vectors`);
  return {
    itemsPerS: (pictures.length / ms) * 1_000,
    lagMs: Math.max(0, lag.percentile(99) / 1e6 - LAG_RESOLUTION_MS),
    idle,
    cpuMs,
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
