import { afterEach, describe, expect, it } from 'vitest';
import { EmbeddingPool, imageKind, VectorCache } from '#actors';
import {
  ByteBudget,
  CircuitBreaker,
  type SystemEvent,
  silentLogger,
  systemClock,
  systemRandom,
} from '#runtime';
import { MemoryBlobs } from '#testkit';
import { sha } from '../support/ledger-messages.ts';
import { MEMORY_MODEL } from '../support/memory-ports.ts';
import { waitUntil } from '../support/wait-until.ts';

const [GOOD, EXITS, HANGS] = [1, 2, 3];
const pools: EmbeddingPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

async function poolOf(options: { readonly batch?: number; readonly embedTimeoutMs?: number } = {}) {
  const hangs = new Int32Array(new SharedArrayBuffer(4));
  const events: SystemEvent[] = [];
  const breaker = new CircuitBreaker({
    path: 'embed/sessions',
    name: 'model faulty',
    options: {
      failures: 3,
      minOpenMs: 200,
      maxOpenMs: 1_000,
      failureRate: 1,
      minCalls: 1,
      windowMs: 60_000,
      jitter: 0,
    },
    clock: systemClock,
    random: systemRandom,
    emit: () => {},
  });
  const pool = await EmbeddingPool.start({
    model: { ...MEMORY_MODEL, session: { hangs } },
    kind: imageKind,
    sessionModule: new URL('./threads/faulty-session.ts', import.meta.url),
    sizing: {
      sessions: 2,
      decodeThreads: 1,
      batch: options.batch ?? 32,
      delayMs: 5,
      latencyMs: 60_000,
      waiting: 1_000,
      embedTimeoutMs: options.embedTimeoutMs ?? 20_000,
      decodeTimeoutMs: 20_000,
      maxBytes: 2 ** 20,
      maxPixels: 2 ** 20,
    },
    memory: new VectorCache(0),
    shared: new MemoryBlobs(),
    breaker,
    decodeBudget: new ByteBudget(2 ** 26),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    onEvent: (event) => void events.push(event),
  });
  pools.push(pool);
  const ask = (what: number, value: number) =>
    pool.embeddings
      .vector(sha(`${what} ${value}`), async () => Uint8Array.of(what, value))
      .then(({ vector }) => vector[0]);
  return { pool, ask, hangs, breaker, events };
}

describe('a pool of sessions', () => {
  it('answers all neighbours of a picture that ends the thread of every session which sees it, and refuses that alone', async () => {
    const { ask, events } = await poolOf();
    // So that batches are large.
    await Promise.all(Array.from({ length: 250 }, (_, at) => ask(GOOD, at)));
    const all = Array.from({ length: 32 }, (_, at) => ask(at === 13 ? EXITS : GOOD, at));
    const settled = await Promise.allSettled(all);
    expect(settled.map(({ status }) => status)).toEqual(
      all.map((_, at) => (at === 13 ? 'rejected' : 'fulfilled')),
    );
    expect(settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))).toEqual(
      Array.from({ length: 32 }, (_, at) => at).filter((at) => at !== 13),
    );
    expect(events.some(({ type }) => type === 'crashed')).toBe(true);
    expect(await ask(GOOD, 99)).toBe(99);
  });

  it('gives up a run of a model that hangs, keeps what waits, and goes on when the model does', async () => {
    const { pool, ask, hangs, breaker } = await poolOf({ batch: 1, embedTimeoutMs: 2_000 });
    Atomics.store(hangs, 0, 1);
    const outcome = ask(HANGS, 7).catch((error: unknown) => error);
    await waitUntil(() => breaker.state !== 'closed' || breaker.snapshot().failures > 0, {
      what: 'the run was given up',
      deadlineMs: 20_000,
    });
    expect(pool.breaker).toMatchObject({ path: breaker.path, lastFailure: { name: 'ThreadTimeout' } });
    const waiting = Array.from({ length: 20 }, (_, at) => ask(GOOD, at));
    Atomics.store(hangs, 0, 0);
    Atomics.notify(hangs, 0);
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    await outcome;
    expect(await ask(HANGS, 7)).toBe(7);
  });
});
