// Worker threads as supervised children, with real threads: each way to fail costs one actor one restart, and
// its neighbours go on.

import { afterEach, describe, expect, it } from 'vitest';
import {
  type ActorRef,
  ActorSystem,
  isolatedCall,
  leastLoaded,
  type SupervisorSpec,
  type SystemEvent,
  systemClock,
  type ThreadActorOptions,
  type ThreadCall,
  ThreadCrashed,
  threadActor,
  withQuarantine,
} from '#runtime';
import { until } from './nats-harness.ts';
import type { Order, Outcome, WorkerData } from './threads/worker.ts';

const module = new URL('./threads/worker.ts', import.meta.url);
const timeoutMs = 30_000;
type Call = ThreadCall<Order, Outcome>;
/** A heartbeat that finds a loop soon, also with a request in hand; above what a busy machine does to a thread. */
const quick = { intervalMs: 50, idleLimitMs: 3_000, busyLimitMs: 3_000 };
/** Requests are on their way to their thread before a stop is: both are handled in order. */
const inHand = () => new Promise<void>((resolve) => setImmediate(resolve));

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

/** What the supervisor saw of an actor's crashes: each error's name, and for a thread's end how it ended. */
function crashesOf(events: readonly SystemEvent[], path: string): readonly string[] {
  return events.flatMap((event) => {
    if (event.type !== 'crashed' || event.path !== path) return [];
    const { error } = event;
    return [error instanceof ThreadCrashed ? `${error.name} ${error.how}` : error.name];
  });
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
    ['exits', 'exit', {}, 'ThreadCrashed exit'],
    ['throws outside of a request', 'stray', {}, 'ThreadCrashed throw'],
    ['hangs past its deadline', 'hang', { deadlineMs: 300 }, 'ThreadTimeout'],
    ['holds its event loop too long before its deadline', 'hang', { heartbeat: quick }, 'ThreadCrashed hang'],
    ['never answers', 'never', { deadlineMs: 300 }, 'ThreadTimeout'],
    ['outgrows its memory', 'grow', { maxOldGenerationMb: 24 }, 'ThreadCrashed memory'],
  ] as const)(
    'is replaced when its thread %s; the queue and the neighbours go on',
    async (_, order, options, crash) => {
      const { system, events } = await start([thread('a', { label: 'new' }, options), thread('b')]);
      const a = system.ref<Call>('a');
      const bad = ask(a, { do: order });
      const queued = ask(a, { do: 'thread-data' });
      const neighbour = ask(system.ref('b'), { do: 'double', of: 4 });
      await expect(bad).rejects.toMatchObject({ name: crash.split(' ')[0] });
      expect(await queued).toBe('new');
      expect(await neighbour).toBe(8);
      expect(crashesOf(events, 'a')).toEqual([crash]);
      expect(crashesOf(events, 'b')).toEqual([]);
      const [first, second] = system.snapshot().children;
      expect([first?.restarts, second?.restarts]).toEqual([1, 0]);
    },
  );

  it('is replaced when its thread hangs with no request in hand', async () => {
    const heartbeat = { intervalMs: 20, idleLimitMs: 400 };
    const { system, events } = await start([thread('a', { label: 'new' }, { heartbeat })]);
    const a = system.ref<Call>('a');
    expect(await ask(a, { do: 'hang-after' })).toBe('answered');
    await until('its thread is replaced', () => system.snapshot().children[0]?.restarts === 1);
    expect(await ask(a, { do: 'thread-data' })).toBe('new');
    expect(crashesOf(events, 'a')).toEqual(['ThreadCrashed hang']);
  });

  it('may hold its event loop for as long as the deadline of the request in hand allows', async () => {
    const heartbeat = { intervalMs: 20, idleLimitMs: 100 };
    const { system, events } = await start([thread('a', {}, { heartbeat })]);
    expect(await ask(system.ref('a'), { do: 'work', forMs: 1_000 })).toBe('done');
    expect(crashesOf(events, 'a')).toEqual([]);
  });

  it('is not taken for late when it was this process that was held up', async () => {
    const { system, events } = await start([thread('a', {}, { deadlineMs: 1_000 })]);
    const asked = ask(system.ref('a'), { do: 'double', of: 6 });
    await inHand();
    const end = performance.now() + 2_000;
    while (performance.now() < end);
    expect(await asked).toBe(12);
    expect(crashesOf(events, 'a')).toEqual([]);
  });

  it('fails the requests that its thread had beside a late one as well; the queue goes on', async () => {
    const { system, events } = await start([thread('a', {}, { deadlineMs: 400, concurrency: 2 })]);
    const a = system.ref<Call>('a');
    const late = ask(a, { do: 'never' });
    const together = ask(a, { do: 'never' });
    const after = ask(a, { do: 'double', of: 5 });
    const [lateEnd, togetherEnd] = await Promise.allSettled([late, together]);
    expect(lateEnd).toMatchObject({ reason: { name: 'ThreadTimeout' } });
    expect(togetherEnd).toMatchObject({ reason: { name: 'ThreadCrashed' } });
    expect(togetherEnd).toMatchObject({ reason: { how: 'hang', cause: { name: 'ThreadTimeout' } } });
    expect(await after).toBe(10);
    expect(crashesOf(events, 'a')).toEqual(['ThreadTimeout']);
  });

  it('is not terminated inside native code: another thread answers in its place, and it ends itself when it is out', async () => {
    const { system, events } = await start([thread('t', {}, { deadlineMs: 300 })]);
    const ref = system.ref<Call>('t');
    const flag = new Int32Array(new SharedArrayBuffer(8));
    await expect(ask(ref, { do: 'native', flag })).rejects.toMatchObject({ name: 'ThreadTimeout' });
    expect(await ask(ref, { do: 'double', of: 4 })).toBe(8);
    expect(crashesOf(events, 't')).toEqual(['ThreadTimeout']);
    expect(Atomics.load(flag, 1)).toBe(0);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    await until('it is out', () => Atomics.load(flag, 1) === 1);
  });

  it('has as many requests at once as its concurrency allows', async () => {
    const { system } = await start([
      thread('a', {}, { concurrency: 2, shutdownMs: 0 }),
      thread('b', {}, { shutdownMs: 0 }),
    ]);
    const [a, b] = [system.ref<Call>('a'), system.ref<Call>('b')];
    const stuck = Promise.allSettled([ask(a, { do: 'never' }), ask(b, { do: 'never' })]);
    expect(await ask(a, { do: 'double', of: 3 })).toBe(6);
    const waiting = ask(b, { do: 'double', of: 3 }).catch((error: unknown) => error);
    await system.stop();
    for (const end of await stuck) expect(end).toMatchObject({ reason: { name: 'ActorEnded' } });
    expect(await waiting).toMatchObject({ name: 'ActorEnded' });
  });

  it('goes on by itself with what lies there ahead of its turn, in order', async () => {
    const { system } = await start([thread('a', {}, { ahead: 2 })]);
    const a = system.ref<Call>('a');
    const gate = new Int32Array(new SharedArrayBuffer(8));
    const first = ask(a, { do: 'native', flag: gate });
    const marks = new Int32Array(new SharedArrayBuffer(4));
    const marked = [1, 2, 3].map(() => ask(a, { do: 'next', marks }));
    await inHand();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    // This side is held up: whatever is answered now, the thread went on to it alone.
    Atomics.wait(marks, 0, 0, 10_000);
    Atomics.wait(marks, 0, 1, 10_000);
    expect(Atomics.load(marks, 0)).toBe(2);
    expect(await first).toBe('out');
    expect(await Promise.all(marked)).toEqual([0, 1, 2]);
  });

  it.each([
    ['exits', 'exit', {}],
    ['hangs past its deadline', 'hang', { deadlineMs: 300 }],
  ] as const)(
    'does not blame what lay ahead for a request with which its thread %s',
    async (_, order, options) => {
      const { system, events } = await start([thread('a', {}, { ahead: 1, ...options })]);
      const a = system.ref<Call>('a');
      const [bad, ahead] = [ask(a, { do: order }), ask(a, { do: 'double', of: 1 })];
      const queued = ask(a, { do: 'double', of: 2 });
      const [badEnd, aheadEnd] = await Promise.allSettled([bad, ahead]);
      expect(badEnd).toMatchObject({ reason: { code: expect.stringMatching(/thread_(crashed|timeout)/) } });
      expect(aheadEnd).toMatchObject({
        reason: { name: 'ThreadNotBegun', cause: { name: expect.any(String) } },
      });
      expect(await queued).toBe(4);
      expect(crashesOf(events, 'a')).toHaveLength(1);
    },
  );

  it('counts the time of what lies ahead from when it begins', async () => {
    const { system, events } = await start([thread('a', {}, { ahead: 2, deadlineMs: 1_500 })]);
    const a = system.ref<Call>('a');
    const all = [1, 2, 3].map(() => ask(a, { do: 'work', forMs: 800 }));
    expect(await Promise.all(all)).toEqual(['done', 'done', 'done']);
    expect(crashesOf(events, 'a')).toEqual([]);
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

  it('lets the requests in hand end when it is stopped, and tells them by their signal', async () => {
    const { system, events } = await start([thread('a', {}, { concurrency: 3 })]);
    const a = system.ref<Call>('a');
    const waiting = ask(a, { do: 'until-stopped' });
    const working = ask(a, { do: 'work', forMs: 200 });
    await inHand();
    await system.stop();
    expect(await Promise.all([waiting, working])).toEqual(['stopped', 'done']);
    expect(events.filter(({ type }) => type === 'abandoned')).toEqual([]);
  });

  it.each([0, 300])(
    'terminates a hanging thread when its shutdown time of %i ms is over',
    async (shutdownMs) => {
      const { system, events } = await start([thread('a', {}, { shutdownMs })]);
      const end = ask(system.ref('a'), { do: 'hang' }).catch((error: unknown) => error);
      await inHand();
      await system.stop();
      expect(await end).toMatchObject({ name: 'ActorEnded' });
      expect(events.filter(({ type }) => type === 'abandoned')).toEqual([]);
      expect(crashesOf(events, 'a')).toEqual([]);
    },
  );
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

describe('a pool of thread actors under poison', () => {
  /** A pool as a user would set one up: the supervisor has its default budget of 3 restarts in a minute. */
  async function pool(size: number) {
    const paths = Array.from({ length: size }, (_, at) => `thread-${at}`);
    const limits = { maxOldGenerationMb: 24, deadlineMs: 20_000, heartbeat: quick };
    const { system, events } = await start(paths.map((path) => thread(path, {}, limits)));
    const shared = leastLoaded(paths.map((path) => system.ref<Call>(path)));
    const alone: Order['do'][] = [];
    const handle = (request: Order): Promise<Outcome> =>
      withQuarantine((where) => {
        if (where === 'shared')
          return shared.ask<Outcome>((reply) => ({ request, reply }), { timeoutMs: 60_000 });
        alone.push(request.do);
        return isolatedCall({ name: 'alone', clock: systemClock, module, data: {}, ...limits }, request);
      });
    return { system, events, paths, handle, alone };
  }

  it.each([
    { poison: ['exit', 'stray', 'hang'] },
    { poison: ['grow', 'grow', 'grow'] },
    { poison: ['hang', 'grow', 'exit'] },
  ] as const)('sets three at once apart after three attempts each: $poison', async ({ poison }) => {
    const { system, events, paths, handle, alone } = await pool(3);
    const good = (from: number) =>
      Array.from({ length: 30 }, (_, of) => handle({ do: 'double', of: from + of }));
    const before = good(0);
    const bad = poison.map((name) => handle({ do: name }));
    const after = good(30);
    const ends = await Promise.allSettled(bad);
    // The neighbours' answers are theirs, each to its own request.
    expect(await Promise.all([...before, ...after])).toEqual(Array.from({ length: 60 }, (_, of) => of * 2));
    const how = { exit: 'exit', stray: 'throw', hang: 'hang', grow: 'memory' };
    expect(ends.map((end) => end.status === 'rejected' && end.reason)).toMatchObject(
      poison.map((name) => ({ name: 'Quarantined', attempts: 3, cause: { how: how[name] } })),
    );
    expect([...alone].sort()).toEqual(poison.flatMap((name) => [name, name]).sort());
    // One restart for each of them, and none of anything else.
    expect(events.filter(({ type }) => type === 'crashed')).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'escalated')).toEqual([]);
    await until('every thread is up again', () =>
      system.snapshot().children.every(({ state }) => state === 'running'),
    );
    for (const path of paths) expect(await ask(system.ref(path), { do: 'double', of: 1 })).toBe(2);
  });

  it('keeps the order in which one thread answers its neighbours', async () => {
    const { handle } = await pool(1);
    const answers: Outcome[] = [];
    const good = (of: number) => handle({ do: 'double', of }).then((answer) => answers.push(answer));
    const before = Array.from({ length: 10 }, (_, of) => good(of));
    const poison = handle({ do: 'exit' });
    const after = Array.from({ length: 10 }, (_, of) => good(10 + of));
    await expect(poison).rejects.toMatchObject({ name: 'Quarantined' });
    await Promise.all([...before, ...after]);
    expect(answers).toEqual(Array.from({ length: 20 }, (_, of) => of * 2));
  });

  it('has the answer of an attempt alone, when it was not the request', async () => {
    const { handle, system, events } = await pool(1);
    // The neighbour that hangs its thread afterwards takes an innocent one with it, whose second attempt succeeds.
    expect(await handle({ do: 'hang-after' })).toBe('answered');
    expect(await handle({ do: 'double', of: 8 })).toBe(16);
    await until('its thread is replaced', () => system.snapshot().children[0]?.restarts === 1);
    expect(crashesOf(events, 'thread-0')).toEqual(['ThreadCrashed hang']);
  });
});
