// Requests and replies: timeouts, late replies, refusals, ends.

import { describe, expect, it } from 'vitest';
import { ActorEnded, AskTimeout, MailboxFull, type Reply } from '#runtime';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

const keep = (reply: Reply<string>): Probe => ({ type: 'keep', reply });
const timeoutMs = 1_000;

describe('ask', () => {
  it('resolves with what the actor replies and rejects with what it fails with', async () => {
    const trace = new Trace();
    const { system } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const a = system.ref<Probe>('a');
    await expect(
      a.ask<string>((reply) => ({ type: 'echo', text: 'hello', reply }), { timeoutMs }),
    ).resolves.toBe('hello');
    const error = new RangeError('no');
    await expect(
      a.ask<string>((reply) => ({ type: 'fail', error: stand(error), reply }), { timeoutMs }),
    ).rejects.toBe(error);
    await system.stop();
  });

  it('times out at its timeout and ignores a late reply', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const answer = system.ref<Probe>('a').ask(keep, { timeoutMs });
    const outcome = answer.catch((error: unknown) => error);
    await clock.advance(timeoutMs - 1);
    expect(trace.kept).toHaveLength(1);
    await clock.advance(1);
    const error = await outcome;
    expect(error).toBeInstanceOf(AskTimeout);
    trace.kept[0]?.ok('late');
    trace.kept[0]?.fail(new Error('later'));
    expect(await outcome).toBe(error);
    await system.stop();
    expect(trace.deadLetters()).toEqual([]);
  });

  it('takes the first of several replies and leaves no timer behind', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const answer = system.ref<Probe>('a').ask(keep, { timeoutMs });
    await clock.settle();
    trace.kept[0]?.ok('first');
    trace.kept[0]?.fail(new Error('second'));
    await expect(answer).resolves.toBe('first');
    await system.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('is refused at once by a full mailbox and by a path that nobody has', async () => {
    const trace = new Trace();
    const mailbox = { capacity: 1, overflow: 'backpressure' as const };
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a', { mailbox })]));
    const gate = Promise.withResolvers<void>();
    const a = system.ref<Probe>('a');
    a.tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    a.tell(note('fills the mailbox'));
    await expect(a.ask(keep, { timeoutMs })).rejects.toThrow(MailboxFull);
    await expect(system.ref<Probe>('nobody').ask(keep, { timeoutMs })).rejects.toThrow(ActorEnded);
    expect(trace.deadLetters()).toEqual(['nobody no_actor']);
    gate.resolve();
    await system.stop();
  });

  it('ends with its signal, before or after it was sent', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const abort = new AbortController();
    const a = system.ref<Probe>('a');
    const answer = a.ask(keep, { timeoutMs, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    await expect(a.ask(keep, { timeoutMs, signal: abort.signal })).rejects.toThrow('enough');
    await clock.settle();
    expect(trace.kept).toHaveLength(1);
    await system.stop();
  });

  it('fails with the crash as its cause when the actor throws while it handles it, or owes it a reply', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const a = system.ref<Probe>('a');
    const owed = a.ask(keep, { timeoutMs });
    const inHand = a.ask<string>((reply) => ({ type: 'throw-asked', text: 'boom', reply }), { timeoutMs });
    const queued = a.ask<string>((reply) => ({ type: 'echo', text: 'after', reply }), { timeoutMs });
    const ends = Promise.allSettled([owed, inHand, queued]);
    await clock.settle();
    const [owedEnd, inHandEnd, queuedEnd] = await ends;
    for (const end of [owedEnd, inHandEnd]) {
      expect(end).toMatchObject({
        status: 'rejected',
        reason: { name: 'ActorEnded', cause: { message: 'boom' } },
      });
    }
    expect(queuedEnd).toEqual({ status: 'fulfilled', value: 'after' });
    expect(trace.deadLetters()).toEqual(['a crashed', 'a crashed']);
    await system.stop();
  });

  it('fails with ActorEnded when the actor stops while the request waits or its reply is owed', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const a = system.ref<Probe>('a');
    const owed = a.ask(keep, { timeoutMs });
    await clock.settle();
    const gate = Promise.withResolvers<void>();
    a.tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    const queued = a.ask(keep, { timeoutMs });
    const ends = Promise.allSettled([owed, queued]);
    const stopped = system.stop();
    gate.resolve();
    await stopped;
    for (const end of await ends)
      expect(end).toMatchObject({ status: 'rejected', reason: { name: 'ActorEnded' } });
    expect(trace.deadLetters()).toEqual(['a stopped', 'a stopped']);
    await expect(a.ask(keep, { timeoutMs })).rejects.toThrow(ActorEnded);
  });

  it('fails with MailboxFull when a newer message takes its place', async () => {
    const trace = new Trace();
    const mailbox = { capacity: 1, overflow: 'drop-oldest' as const };
    const { system } = await startTree(trace, supervisor('root', [probe(trace, 'a', { mailbox })]));
    const a = system.ref<Probe>('a');
    const answer = a.ask(keep, { timeoutMs });
    a.tell(note('newer'));
    await expect(answer).rejects.toThrow(MailboxFull);
    expect(trace.deadLetters()).toEqual(['a dropped']);
    await system.stop();
  });

  it('rejects with what its builder throws and leaves no timer behind', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const build = (): Probe => {
      throw new TypeError('cannot build');
    };
    await expect(system.ref<Probe>('a').ask(build, { timeoutMs })).rejects.toThrow('cannot build');
    await system.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
