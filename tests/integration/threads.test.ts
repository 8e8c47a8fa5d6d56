// Worker threads as supervised children, with real threads: each way to fail costs one actor one restart, and
// its neighbours go on.

import { afterEach, describe, expect, it } from 'vitest';
import {
  type ActorRef,
  ActorSystem,
  leastLoaded,
  type SupervisorSpec,
  type SystemEvent,
  type ThreadActorOptions,
  type ThreadCall,
  threadActor,
} from '#runtime';
import type { Order, Outcome, WorkerData } from './threads/worker.ts';

const module = new URL('./threads/worker.ts', import.meta.url);
const timeoutMs = 30_000;
type Call = ThreadCall<Order, Outcome>;

let systems: ActorSystem[] = [];
afterEach(async () => {
  for (const system of systems) await system.stop();
  systems = [];
});

function thread(id: string, data: WorkerData = {}, options: Partial<ThreadActorOptions> = {}) {
  return threadActor<Order, Outcome>({ id, module, data, deadlineMs: 20_000, ...options });
}

async function start(children: SupervisorSpec['children']) {
  const events: SystemEvent[] = [];
  const system = await ActorSystem.start({
    name: 'threads',
    root: { type: 'supervisor', id: 'root', strategy: 'one_for_one', children },
    onEvent: (event) => void events.push(event),
  });
  systems.push(system);
  return { system, events };
}

function ask(ref: ActorRef<Call>, request: Order, transfer?: readonly ArrayBuffer[]): Promise<Outcome> {
  return ref.ask<Outcome>((reply) => ({ request, reply, ...(transfer && { transfer }) }), { timeoutMs });
}

function crashesOf(events: readonly SystemEvent[], path: string): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'crashed' && event.path === path ? [event.error.name] : [],
  );
}

describe('a thread actor', () => {
  it('answers requests on its thread, started with its data', async () => {
    const { system } = await start([thread('a', { label: 'first' }), thread('b', { label: 'second' })]);
    expect(await ask(system.ref('a'), { do: 'double', of: 21 })).toBe(42);
    expect(await ask(system.ref('a'), { do: 'thread-data' })).toBe('first');
    expect(await ask(system.ref('b'), { do: 'thread-data' })).toBe('second');
  });

  it('moves buffers to the thread and back', async () => {
    const { system } = await start([thread('a')]);
    const buffer = new ArrayBuffer(1_000);
    const filled = await ask(system.ref('a'), { do: 'fill', buffer }, [buffer]);
    expect(buffer.byteLength).toBe(0);
    expect(filled).toBeInstanceOf(ArrayBuffer);
    expect(filled instanceof ArrayBuffer && new Uint8Array(filled).every((byte) => byte === 7)).toBe(true);
  });

  it('passes an error of a request back with name, message and code, and is not restarted for it', async () => {
    const { system, events } = await start([thread('a')]);
    await expect(
      ask(system.ref('a'), { do: 'throw', message: 'not an image', code: 'bad_image' }),
    ).rejects.toMatchObject({ name: 'RangeError', message: 'not an image', code: 'bad_image' });
    await expect(ask(system.ref('a'), { do: 'throw', message: 'no code' })).rejects.toMatchObject({
      code: undefined,
    });
    expect(await ask(system.ref('a'), { do: 'double', of: 1 })).toBe(2);
    expect(crashesOf(events, 'a')).toEqual([]);
  });

  it('fails a request that cannot be cloned, and nothing else', async () => {
    const { system, events } = await start([thread('a')]);
    const uncloneable = { do: 'double', of: () => 1 } as unknown as Order;
    await expect(ask(system.ref('a'), uncloneable)).rejects.toMatchObject({ name: 'DataCloneError' });
    expect(await ask(system.ref('a'), { do: 'double', of: 1 })).toBe(2);
    expect(crashesOf(events, 'a')).toEqual([]);
  });

  it.each([
    ['exits', 'exit', {}, 'ThreadCrashed'],
    ['throws outside of a request', 'stray', {}, 'ThreadCrashed'],
    ['hangs past its deadline', 'hang', { deadlineMs: 300 }, 'ThreadTimeout'],
    ['never answers', 'never', { deadlineMs: 300 }, 'ThreadTimeout'],
    ['outgrows its memory', 'grow', { maxOldGenerationMb: 24 }, 'ThreadCrashed'],
  ] as const)(
    'is replaced when its thread %s; the queue and the neighbours go on',
    async (_, order, options, name) => {
      const { system, events } = await start([thread('a', { label: 'new' }, options), thread('b')]);
      const a = system.ref<Call>('a');
      const bad = ask(a, { do: order });
      const queued = ask(a, { do: 'thread-data' });
      const neighbour = ask(system.ref('b'), { do: 'double', of: 4 });
      await expect(bad).rejects.toMatchObject({ name });
      expect(await queued).toBe('new');
      expect(await neighbour).toBe(8);
      expect(crashesOf(events, 'a')).toEqual([name]);
      expect(crashesOf(events, 'b')).toEqual([]);
      const [first, second] = system.snapshot().children;
      expect([first?.restarts, second?.restarts]).toEqual([1, 0]);
    },
  );

  it('fails the requests that its thread had beside a late one as well; the queue goes on', async () => {
    const { system, events } = await start([thread('a', {}, { deadlineMs: 400, concurrency: 2 })]);
    const a = system.ref<Call>('a');
    const late = ask(a, { do: 'never' });
    const together = ask(a, { do: 'never' });
    const after = ask(a, { do: 'double', of: 5 });
    const [lateEnd, togetherEnd] = await Promise.allSettled([late, together]);
    expect(lateEnd).toMatchObject({ reason: { name: 'ThreadTimeout' } });
    expect(togetherEnd).toMatchObject({ reason: { name: 'ThreadCrashed' } });
    expect(await after).toBe(10);
    expect(crashesOf(events, 'a')).toEqual(['ThreadTimeout']);
  });

  it('has as many requests at once as its concurrency allows', async () => {
    const { system } = await start([thread('a', {}, { concurrency: 2 }), thread('b', {})]);
    const [a, b] = [system.ref<Call>('a'), system.ref<Call>('b')];
    const stuck = Promise.allSettled([ask(a, { do: 'never' }), ask(b, { do: 'never' })]);
    expect(await ask(a, { do: 'double', of: 3 })).toBe(6);
    const waiting = ask(b, { do: 'double', of: 3 }).catch((error: unknown) => error);
    await system.stop();
    for (const end of await stuck) expect(end).toMatchObject({ reason: { name: 'ActorEnded' } });
    expect(await waiting).toMatchObject({ name: 'ActorEnded' });
  });

  it('fails its start with what the start hook threw', async () => {
    await expect(start([thread('a', { failStart: true })])).rejects.toMatchObject({
      name: 'StartFailed',
      cause: { name: 'Error', message: 'the model is broken', code: 'bad_model' },
    });
  });

  it('fails its start when the thread is not ready in time or its module cannot be loaded', async () => {
    await expect(start([thread('a', { hangStart: true }, { startDeadlineMs: 300 })])).rejects.toMatchObject({
      cause: { name: 'ThreadTimeout' },
    });
    const absent = new URL('./threads/absent.ts', import.meta.url);
    await expect(start([thread('a', {}, { module: absent })])).rejects.toMatchObject({
      cause: { name: 'ThreadCrashed', cause: { message: expect.stringContaining('absent.ts') } },
    });
  });

  it('terminates a hanging thread at once when it is stopped', async () => {
    const { system, events } = await start([thread('a')]);
    const hanging = ask(system.ref('a'), { do: 'hang' });
    const end = hanging.catch((error: unknown) => error);
    // The request is on its way to the thread before the stop is: both are handled in order.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await system.stop();
    expect(await end).toMatchObject({ name: 'ActorEnded' });
    expect(events.filter(({ type }) => type === 'abandoned')).toEqual([]);
  });
});

describe('a pool of thread actors', () => {
  it('answers everything though one of its threads dies on the way', async () => {
    const { system } = await start([thread('a'), thread('b')]);
    const pool = leastLoaded([system.ref<Call>('a'), system.ref<Call>('b')]);
    const poolAsk = (request: Order) => pool.ask<Outcome>((reply) => ({ request, reply }), { timeoutMs });
    const poison = poolAsk({ do: 'exit' });
    const rest = Array.from({ length: 50 }, (_, of) => poolAsk({ do: 'double', of }));
    await expect(poison).rejects.toMatchObject({ name: 'ThreadCrashed' });
    expect(await Promise.all(rest)).toEqual(Array.from({ length: 50 }, (_, of) => of * 2));
  });
});
