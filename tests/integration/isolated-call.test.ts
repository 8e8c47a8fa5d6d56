// One request on a thread of its own, with real threads: however the thread ends, the call ends, and the thread is gone.
import type { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, type IsolatedCallOptions, isolatedCall, systemClock } from '#runtime';
import type { Order, Outcome, WorkerData } from './threads/worker.ts';

const call = (order: Order, options: Partial<IsolatedCallOptions> & { readonly data?: WorkerData } = {}) =>
  isolatedCall<Order, Outcome>(
    {
      name: 'a test',
      clock: systemClock,
      module: new URL('./threads/worker.ts', import.meta.url),
      data: {},
      deadlineMs: 20_000,
      ...options,
    },
    order,
  );

const started: Worker[] = [];
const note = (worker: Worker) => void started.push(worker);
beforeAll(() => void process.on('worker', note));
afterAll(() => void process.off('worker', note));
// A thread that has ended has no number any more.
afterEach(() => {
  const left = started.splice(0).filter(({ threadId }) => threadId !== -1);
  expect(left).toEqual([]);
});

describe('an isolated call', () => {
  it('answers', async () => {
    expect(await call({ do: 'double', of: 21 })).toBe(42);
    expect(started).toHaveLength(1);
    expect(await call({ do: 'thread-data' }, { data: { label: 'mine' } })).toBe('mine');
  });

  it('fails with what the handler threw', async () => {
    await expect(call({ do: 'throw', message: 'no image', code: 'bad' })).rejects.toMatchObject({
      name: 'RangeError',
      message: 'no image',
      code: 'bad',
    });
  });

  it.each([
    ['exits', 'exit', {}, { name: 'ThreadCrashed', message: expect.stringContaining('exited with code 3') }],
    ['throws outside of the request', 'stray', {}, { name: 'ThreadCrashed', cause: { message: 'stray' } }],
    ['loops', 'hang', { deadlineMs: 300 }, { name: 'ThreadTimeout' }],
    ['never answers', 'never', { deadlineMs: 300 }, { name: 'ThreadTimeout' }],
    [
      'outgrows its memory',
      'grow',
      { maxOldGenerationMb: 24 },
      { name: 'ThreadCrashed', cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } },
    ],
  ] as const)('says how its thread ended: it %s', async (_, order, options, failure) => {
    await expect(call({ do: order }, options)).rejects.toMatchObject(failure);
  });

  it('gives the start a time of its own, so that a short deadline is not spent on loading the module', async () => {
    const slow = { data: { startMs: 2_500 }, deadlineMs: 2_000, startDeadlineMs: 20_000 };
    expect(await call({ do: 'double', of: 2 }, slow)).toBe(4);
    await expect(
      call({ do: 'double', of: 2 }, { data: { hangStart: true }, startDeadlineMs: 300 }),
    ).rejects.toMatchObject({ name: 'ThreadTimeout' });
  });

  it('fails as its start did', async () => {
    await expect(call({ do: 'double', of: 2 }, { data: { failStart: true } })).rejects.toMatchObject({
      message: 'the model is broken',
      code: 'bad_model',
    });
    const module = new URL('./threads/absent.ts', import.meta.url);
    await expect(call({ do: 'double', of: 2 }, { module })).rejects.toMatchObject({ name: 'ThreadCrashed' });
  });

  it('ends with the reason of its signal, before, while the thread starts and while it works', async () => {
    const reason = new Error('stopped');
    await expect(call({ do: 'hang' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const starting = new AbortController();
    const early = call({ do: 'hang' }, { signal: starting.signal, data: { hangStart: true } });
    starting.abort(reason);
    await expect(early).rejects.toBe(reason);
    const working = new AbortController();
    const clock: Clock = {
      ...systemClock,
      // The deadline of the request is set when the thread has it.
      schedule: (delayMs, action) => {
        if (delayMs === 5_000) queueMicrotask(() => working.abort(reason));
        return systemClock.schedule(delayMs, action);
      },
    };
    const busy = call({ do: 'hang' }, { signal: working.signal, clock, deadlineMs: 5_000 });
    await expect(busy).rejects.toBe(reason);
  });
});
