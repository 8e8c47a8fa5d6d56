import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { BatchSize } from '../../../actors/embedding/batch-size.ts';
import { Batcher, Overloaded } from '../../../actors/embedding/batcher.ts';

interface Bench {
  readonly size: BatchSize;
  readonly clock: ManualClock;
  readonly batcher: Batcher<string, string>;
  /** Batches as they were run. */
  readonly ran: string[][];
  readonly halved: number[];
}

/** A batcher over a model that takes `runMs` for a run and fails on what `fails` says. */
function bench(
  options: {
    readonly delayMs?: number;
    readonly runMs?: number;
    readonly runs?: number;
    readonly ahead?: number;
    readonly maxWaiting?: number;
    readonly sizes?: readonly number[];
    readonly grown?: number;
    readonly fails?: (requests: readonly string[]) => Error | undefined;
  } = {},
): Bench {
  const clock = new ManualClock();
  const ran: string[][] = [];
  const halved: number[] = [];
  const size = new BatchSize({ sizes: options.sizes ?? [1, 2, 4, 8], latencyMs: 10_000 });
  // As after a while of work: sizes are of interest here, not how they are found.
  for (let at = 0; at < (options.grown ?? 40); at++) size.ran(size.limit, options.runMs ?? 10, 1_000);
  let idleFromMs = 0;
  const batcher = new Batcher<string, string>({
    size,
    ahead: options.ahead ?? 0,
    delayMs: options.delayMs ?? 0,
    runs: options.runs ?? 1,
    maxWaiting: options.maxWaiting ?? 1_000,
    clock,
    halved: (items) => void halved.push(items),
    run: (requests) =>
      new Promise((resolve, reject) => {
        ran.push([...requests]);
        // What lies ahead at a single session begins when the one before it ends.
        const beginsMs = Math.max(clock.monotonicMs(), options.ahead === undefined ? 0 : idleFromMs);
        idleFromMs = beginsMs + (options.runMs ?? 10);
        clock.schedule(idleFromMs - clock.monotonicMs(), () => {
          const error = options.fails?.(requests);
          if (error === undefined) resolve(requests.map((request) => `vector of ${request}`));
          else reject(error);
        });
      }),
  });
  return { clock, batcher, ran, halved, size };
}

const settle = async (promises: readonly Promise<string>[], clock: ManualClock, ms = 10_000) => {
  const settled = Promise.allSettled(promises);
  await clock.advance(ms);
  return settled;
};

describe('a batcher', () => {
  it('runs one alone at once, and then whatever came meanwhile in one batch', async () => {
    const { batcher, clock, ran } = bench();
    const first = batcher.submit('a', 'a');
    const others = ['b', 'c', 'd', 'e'].map((key) => batcher.submit(key, key));
    expect(ran).toEqual([['a']]);
    await settle([first, ...others], clock);
    expect(ran).toEqual([['a'], ['b', 'c', 'd', 'e']]);
    expect(await others[3]).toBe('vector of e');
  });

  it('waits for others as long as its delay and no longer, and not at all once a batch is full', async () => {
    const { batcher, clock, ran } = bench({ delayMs: 5, sizes: [1, 2, 4] });
    const first = batcher.submit('a', 'a');
    await clock.advance(4);
    expect(ran).toEqual([]);
    await clock.advance(1);
    expect(ran).toEqual([['a']]);
    await settle([first], clock);
    const four = ['b', 'c', 'd', 'e'].map((key) => batcher.submit(key, key));
    expect(ran.at(-1)).toEqual(['b', 'c', 'd', 'e']);
    await settle(four, clock);
  });

  it('has as many runs at once as there are sessions', async () => {
    const { batcher, clock, ran } = bench({ runs: 2, sizes: [1] });
    const all = ['a', 'b', 'c'].map((key) => batcher.submit(key, key));
    expect(ran).toEqual([['a'], ['b']]);
    await settle(all, clock);
    expect(ran).toHaveLength(3);
  });

  it('hands a whole batch over while its run is busy, and nothing less', async () => {
    const { batcher, clock, ran } = bench({ ahead: 1, sizes: [1, 2, 4] });
    const keys = Array.from({ length: 11 }, (_, at) => `k${at}`);
    const all = keys.slice(0, 4).map((key) => batcher.submit(key, key));
    expect(ran.map(({ length }) => length)).toEqual([1]);
    all.push(...keys.slice(4).map((key) => batcher.submit(key, key)));
    expect(ran.map(({ length }) => length)).toEqual([1, 4]);
    await clock.advance(10);
    // Six wait: a whole batch goes ahead again, the other two have to wait for a run.
    expect(ran.map(({ length }) => length)).toEqual([1, 4, 4]);
    await clock.advance(10);
    expect(ran.map(({ length }) => length)).toEqual([1, 4, 4]);
    await settle(all, clock);
    expect(ran.map(({ length }) => length)).toEqual([1, 4, 4, 2]);
  });

  it('counts as the time of a run that of the model, not that in which it lay ahead', async () => {
    const { batcher, clock, size } = bench({ ahead: 1, sizes: [1], grown: 0, runMs: 10 });
    const took: number[] = [];
    const { ran } = size;
    size.ran = (items, ms, waiting) => {
      took.push(ms);
      ran.call(size, items, ms, waiting);
    };
    const all = Array.from({ length: 5 }, (_, at) => batcher.submit(`k${at}`, `k${at}`));
    await settle(all, clock);
    expect(took).toEqual([10, 10, 10, 10, 10]);
  });

  it('makes one place for all requests of a key that are under way', async () => {
    const { batcher, clock, ran } = bench();
    const [one, other] = [batcher.submit('a', 'a'), batcher.submit('a', 'again')];
    expect(await settle([one, other], clock)).toMatchObject([
      { value: 'vector of a' },
      { value: 'vector of a' },
    ]);
    expect(ran).toEqual([['a']]);
    await settle([batcher.submit('a', 'later')], clock);
    expect(ran).toEqual([['a'], ['later']]);
  });

  it('refuses what is more than may wait, saying when to ask again, and loses nothing that it took', async () => {
    const { batcher, clock } = bench({ maxWaiting: 2 });
    const taken = ['a', 'b', 'c'].map((key) => batcher.submit(key, key));
    const refused = await batcher.submit('d', 'd').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Overloaded);
    expect((refused as Overloaded).retryAfterMs).toBeGreaterThanOrEqual(1);
    expect(await settle(taken, clock)).toMatchObject(taken.map(() => ({ status: 'fulfilled' })));
    await settle([batcher.submit('d', 'd')], clock);
  });

  it('fails alone what makes any batch fail, and answers all others', async () => {
    const requests = fc.uniqueArray(fc.nat({ max: 99 }).map(String), { minLength: 1, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(requests, fc.nat({ max: 99 }), fc.nat({ max: 99 }), async (keys, one, other) => {
        const poison = new Set([String(one), String(other)]);
        const { batcher, clock } = bench({
          sizes: [1, 2, 4, 8, 16, 32],
          grown: 100,
          fails: (of) => (of.some((key) => poison.has(key)) ? new Error('the model failed') : undefined),
        });
        const all = keys.map((key) => batcher.submit(key, key));
        const settled = await settle(all, clock);
        expect(settled.map(({ status }) => status)).toEqual(
          keys.map((key) => (poison.has(key) ? 'rejected' : 'fulfilled')),
        );
        expect(batcher.load).toBe(0);
      }),
    );
  });

  it('tries what fails alone once more, so that a session which ends costs nobody a request', async () => {
    let runs = 0;
    const { batcher, clock, ran } = bench({ fails: () => (++runs === 1 ? new Error('killed') : undefined) });
    expect(await settle([batcher.submit('a', 'a')], clock)).toMatchObject([{ value: 'vector of a' }]);
    expect(ran).toEqual([['a'], ['a']]);
  });

  it('halves a batch for which memory runs out, says so, and makes smaller ones from then on', async () => {
    const { batcher, clock, ran, halved } = bench({
      fails: (of) =>
        of.length > 4 ? Object.assign(new Error('out of memory'), { failureClass: 'resource' }) : undefined,
    });
    const keys = Array.from({ length: 17 }, (_, at) => `k${at}`);
    const all = keys.map((key) => batcher.submit(key, key));
    expect(await settle(all, clock)).toMatchObject(all.map(() => ({ status: 'fulfilled' })));
    expect(halved).toEqual([8]);
    expect(ran.map(({ length }) => length)).toEqual([1, 8, 4, 4, 4, 4]);
  });

  it('answers each request once and in its own name, whatever comes when', async () => {
    const arrivals = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 20 })), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        arrivals,
        fc.nat({ max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat({ max: 2 }),
        async (all, delayMs, runs, ahead) => {
          const { batcher, clock, ran } = bench({ delayMs, runs, ahead });
          const answers: Promise<string>[] = [];
          const keys: string[] = [];
          for (const [key, waitMs] of all) {
            keys.push(`k${key}`);
            answers.push(batcher.submit(`k${key}`, `k${key}`));
            await clock.advance(waitMs);
          }
          const settled = await settle(answers, clock);
          expect(settled).toEqual(keys.map((key) => ({ status: 'fulfilled', value: `vector of ${key}` })));
          expect(ran.flat().length).toBe(batcher.counts.items);
          expect(ran.every(({ length }) => [1, 2, 4, 8].includes(length))).toBe(true);
        },
      ),
    );
  });
});
