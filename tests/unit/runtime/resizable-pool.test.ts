// A pool that changes its size: by load, within its limits, and without a message lost.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ActorSpec,
  leastLoaded,
  type Pool,
  type Reply,
  type ResizablePoolOptions,
  resizablePool,
} from '#runtime';
import { InvalidSupervisionOptions } from '#supervision';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

const timeoutMs = 600_000;
const lookEveryMs = 500;
const sizing = { min: 1, max: 4, growAboveLagMs: 200, coolDownMs: 1_000, shrinkAfterLooks: 2 };

async function pool<M>(
  trace: Trace,
  member: (number: number) => ActorSpec<M>,
  options: Partial<ResizablePoolOptions<M>> = {},
) {
  const made = resizablePool<M>({ id: 'pool', sizing, member, lookEveryMs, ...options });
  const tree = await startTree(trace, supervisor('root', [made.spec]));
  const children = () => tree.system.supervisor('pool/members').children().length;
  return { ...tree, members: made.members, router: leastLoaded(made.members), children };
}

interface Job {
  readonly number: number;
  readonly workMs: number;
}

/** Takes as long over each job as the job says. */
function worker(done: number[]) {
  return (number: number): ActorSpec<Job> => ({
    type: 'actor',
    id: `worker-${number}`,
    mailbox: { capacity: 2, overflow: 'backpressure' },
    start: ({ clock }) => ({
      receive: async (job) => {
        await new Promise<void>((resolve) => {
          clock.schedule(job.workMs, resolve);
        });
        done.push(job.number);
      },
    }),
  });
}

/** As a sender does: what the pool has no room for waits with the sender. */
async function tellAll(router: Pool<Job>, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) while (router.tell(job) === 'busy') await router.room();
}

describe('resizablePool', () => {
  it('grows to its maximum while messages wait, and goes back to its minimum when there is nothing to do', async () => {
    const trace = new Trace();
    const done: number[] = [];
    const { system, clock, router, children } = await pool(trace, worker(done));
    expect(children()).toBe(1);
    const told = tellAll(
      router,
      Array.from({ length: 200 }, (_, number) => ({ number, workMs: 100 })),
    );
    const sizes = [children()];
    for (let look = 0; look < 60; look += 1) {
      await clock.advance(lookEveryMs);
      if (sizes.at(-1) !== children()) sizes.push(children());
    }
    await told;
    expect(sizes).toEqual([1, 2, 3, 4, 3, 2, 1]);
    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, number) => number));
    expect(trace.deadLetters()).toEqual([]);
    await system.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('grows by the lag of the queue outside it, too', async () => {
    const trace = new Trace();
    let queueLagMs = 0;
    const { system, clock, router, children } = await pool(trace, worker([]), {
      queueLagMs: () => queueLagMs,
    });
    const work = () => router.tell({ number: 0, workMs: lookEveryMs });
    for (let look = 0; look < 4; look += 1) {
      work();
      await clock.advance(lookEveryMs);
    }
    expect(children()).toBe(1);
    queueLagMs = 60_000;
    work();
    await clock.advance(lookEveryMs);
    expect(children()).toBe(2);
    await system.stop();
  });

  it('stops a member only once it has answered what it was asked', async () => {
    const trace = new Trace();
    const { system, clock, router, members, children } = await pool(
      trace,
      (number) => probe(trace, `w${number}`),
      { sizing: { ...sizing, min: 2 } },
    );
    const spare = await system.supervisor('pool/members').startChild(probe(trace, 'w2'));
    members.add(spare);
    const keep = (reply: Reply<string>): Probe => ({ type: 'keep', reply });
    const asked = Array.from({ length: 3 }, () => router.ask(keep, { timeoutMs }));
    await clock.advance(10 * lookEveryMs);
    expect(members.all).toHaveLength(2);
    expect(children()).toBe(3);
    for (const reply of trace.kept) reply.ok('answered');
    expect(await Promise.all(asked)).toEqual(Array(3).fill('answered'));
    await clock.advance(lookEveryMs);
    expect(children()).toBe(2);
    expect(trace.take()).toContain('-w2 shutdown');
    await system.stop();
  });

  it('takes back a member that was about to leave before it starts a new one', async () => {
    const trace = new Trace();
    let queueLagMs = 0;
    const { system, clock, router, members } = await pool(trace, (number) => probe(trace, `w${number}`), {
      sizing: { ...sizing, max: 2 },
      queueLagMs: () => queueLagMs,
    });
    members.add(await system.supervisor('pool/members').startChild(probe(trace, 'w1')));
    const asked = [1, 2].map(() => router.ask<string>((reply) => ({ type: 'keep', reply }), { timeoutMs }));
    await clock.advance(6 * lookEveryMs);
    expect(members.all.map(({ ref }) => ref.path)).toEqual(['pool/members/w0']);
    const gate = Promise.withResolvers<void>();
    router.tell({ type: 'hold', opened: stand(gate.promise) });
    queueLagMs = 60_000;
    trace.take();
    await clock.advance(6 * lookEveryMs);
    expect(members.all.map(({ ref }) => ref.path)).toEqual(['pool/members/w0', 'pool/members/w1']);
    gate.resolve();
    for (const reply of trace.kept) reply.ok('answered');
    expect(await Promise.all(asked)).toEqual(['answered', 'answered']);
    await system.stop();
    expect(trace.take().filter((line) => line.startsWith('+'))).toEqual([]);
  });

  it('is at its minimum again, and at work, after its members used up their restarts', async () => {
    const trace = new Trace();
    const { system, clock, router, members, children } = await pool(
      trace,
      (number) => probe(trace, `w${number}`),
      { intensity: { maxRestarts: 1, withinMs: 60_000 } },
    );
    members.add(await system.supervisor('pool/members').startChild(probe(trace, 'w1')));
    const [first] = members.all;
    for (let crash = 0; crash < 2; crash += 1) first?.ref.tell({ type: 'throw', text: 'boom' });
    await clock.advance(lookEveryMs);
    expect(children()).toBe(1);
    expect(members.all.map(({ ref }) => ref.path)).toEqual(['pool/members/w0']);
    trace.take();
    expect(router.tell(note('x'))).toBe('queued');
    await clock.settle();
    expect(trace.take()).toEqual(['w0:x']);
    await system.stop();
  });

  it('loses no job and handles none twice, however the load comes and goes', async () => {
    const burst = fc.record({
      jobs: fc.nat(60),
      workMs: fc.constantFrom(0, 20, 150, 1_200),
      restMs: fc.constantFrom(0, 400, 3_000),
    });
    const resized = { grown: 0, shrunk: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(burst, { minLength: 1, maxLength: 8 }), async (bursts) => {
        const trace = new Trace();
        const done: number[] = [];
        const { system, clock, router, children } = await pool(trace, worker(done));
        let told = 0;
        const sent: Promise<void>[] = [];
        for (const { jobs, workMs, restMs } of bursts) {
          const numbers = Array.from({ length: jobs }, (_, job) => told + job);
          told += jobs;
          sent.push(
            tellAll(
              router,
              numbers.map((number) => ({ number, workMs })),
            ),
          );
          await clock.advance(restMs);
          expect(children()).toBeLessThanOrEqual(sizing.max);
        }
        await clock.advance(600_000);
        await Promise.all(sent);
        expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: told }, (_, number) => number));
        expect(trace.deadLetters()).toEqual([]);
        expect(children()).toBe(sizing.min);
        resized.grown += trace.eventsOf('started').filter(({ path }) => path.includes('worker')).length - 1;
        resized.shrunk += trace.eventsOf('stopped').filter(({ path }) => path.includes('worker')).length;
        await system.stop();
      }),
      { numRuns: 15 },
    );
    expect(resized.grown).toBeGreaterThan(0);
    expect(resized.shrunk).toBe(resized.grown);
  });

  it('refuses limits that make no sense when it is made', () => {
    expect(() => resizablePool({ id: 'pool', sizing: { min: 3, max: 2 }, member: worker([]) })).toThrow(
      InvalidSupervisionOptions,
    );
  });
});
