// A pool spreads requests by load.

import { describe, expect, it } from 'vitest';
import { leastLoaded, type MailboxOptions, type Reply } from '#runtime';
import { type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

const timeoutMs = 60_000;
const keep = (reply: Reply<string>): Probe => ({ type: 'keep', reply });

async function pool(size: number, mailbox?: MailboxOptions) {
  const traces = Array.from({ length: size }, () => new Trace());
  const all = new Trace();
  const members = traces.map((trace, number) => probe(trace, `w${number}`, mailbox ? { mailbox } : {}));
  const tree = await startTree(all, supervisor('root', members));
  const refs = members.map(({ id }) => tree.system.ref<Probe>(id));
  const kept = () => traces.map((trace) => trace.kept.length);
  return { ...tree, traces, refs, kept, workers: leastLoaded(refs) };
}

describe('leastLoaded', () => {
  it('gives equal members their turns', async () => {
    const { system, clock, kept, traces, workers } = await pool(3);
    const answers = Array.from({ length: 6 }, () => workers.ask(keep, { timeoutMs }));
    await clock.settle();
    expect(kept()).toEqual([2, 2, 2]);
    for (const { kept: replies } of traces) for (const reply of replies) reply.ok('done');
    expect(await Promise.all(answers)).toEqual(Array(6).fill('done'));
    await system.stop();
  });

  it('prefers a member that is idle to one that has work in hand', async () => {
    const { system, clock, kept, traces, workers } = await pool(2);
    const slow = workers.ask(keep, { timeoutMs });
    for (let turn = 0; turn < 4; turn += 1) {
      const quick = workers.ask(keep, { timeoutMs });
      await clock.settle();
      traces[1]?.kept.at(-1)?.ok('quick');
      await quick;
    }
    expect(kept()).toEqual([1, 4]);
    traces[0]?.kept[0]?.ok('slow');
    await slow;
    await system.stop();
  });

  it('counts what others have sent to a member', async () => {
    const { system, clock, refs, traces, kept, workers } = await pool(2);
    const gate = Promise.withResolvers<void>();
    refs[0]?.tell({ type: 'hold', opened: stand(gate.promise) });
    refs[0]?.tell({ type: 'note', text: 'waits' });
    await clock.settle();
    expect(workers.depth).toBe(1);
    const answer = workers.ask(keep, { timeoutMs });
    await clock.settle();
    expect(kept()).toEqual([0, 1]);
    traces[1]?.kept[0]?.ok('');
    await answer;
    gate.resolve();
    await system.stop();
  });

  it('waits for room when all are full, and takes the first that has some', async () => {
    const { system, clock, refs, traces, workers } = await pool(2, { capacity: 1, overflow: 'backpressure' });
    const gates = refs.map((ref) => {
      const gate = Promise.withResolvers<void>();
      ref.tell({ type: 'hold', opened: stand(gate.promise) });
      return gate;
    });
    await clock.settle();
    for (const ref of refs) ref.tell({ type: 'note', text: 'fills' });
    const answer = workers.ask<string>((reply) => ({ type: 'echo', text: 'at last', reply }), { timeoutMs });
    await clock.advance(10 * timeoutMs);
    expect(traces.flatMap(({ lines }) => lines.filter((line) => line.endsWith('fills')))).toEqual([]);
    gates[1]?.resolve();
    expect(await answer).toBe('at last');
    gates[0]?.resolve();
    await system.stop();
  });

  it('ends its waiting with the signal, and with the end of all members', async () => {
    const { system, clock, refs, workers } = await pool(2, { capacity: 1, overflow: 'backpressure' });
    const gate = Promise.withResolvers<void>();
    for (const ref of refs) ref.tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    for (const ref of refs) ref.tell({ type: 'note', text: 'fills' });
    const abort = new AbortController();
    const given = workers.ask(keep, { timeoutMs, signal: abort.signal });
    const left = workers.ask(keep, { timeoutMs }).catch((error: unknown) => error);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    const stopped = system.stop();
    gate.resolve();
    await stopped;
    expect(await left).toMatchObject({ name: 'ActorEnded' });
  });

  it('needs a member', () => {
    expect(() => leastLoaded([])).toThrow(RangeError);
  });
});
