// The life of one actor: one message at a time, restart with the same mailbox, timers, stop.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ActorContext, ActorSystem, InvalidSpec } from '#runtime';
import { ManualClock } from '#testkit';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

describe('an actor', () => {
  it('handles one message at a time: an async handler holds it', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const gate = Promise.withResolvers<void>();
    const a = system.ref<Probe>('a');
    a.tell({ type: 'hold', opened: stand(gate.promise) });
    a.tell(note('next'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:hold']);
    expect(a.depth).toBe(1);
    gate.resolve();
    await clock.settle();
    expect(trace.take()).toEqual(['a:held', 'a:next']);
    await system.stop();
  });

  it('never runs on the stack of the sender', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    trace.take();
    system.ref<Probe>('a').tell(note('x'));
    expect(trace.take()).toEqual([]);
    await clock.settle();
    expect(trace.take()).toEqual(['a:x']);
    await system.stop();
  });

  it('keeps its mailbox and its reference over a restart, and loses only the message that crashed it', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const a = system.ref<Probe>('a');
    a.tell(note('1'));
    a.tell({ type: 'throw', text: 'boom' });
    a.tell(note('2'));
    await clock.settle();
    a.tell(note('3'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:1', '-a crash', '+a', 'a:2', 'a:3']);
    expect(trace.deadLetters()).toEqual(['a crashed']);
    await system.stop();
  });

  it('takes in messages while it waits for its restart, and handles them in order afterwards', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const a = system.ref<Probe>('a');
    a.tell({ type: 'throw', text: 'one' });
    a.tell({ type: 'throw', text: 'two' });
    await clock.settle();
    expect(system.snapshot().children[0]).toMatchObject({
      path: 'a',
      state: 'waiting',
      restarts: 1,
      nextRetryMs: 200,
      lastFailure: { name: 'Error', message: 'two' },
    });
    expect([a.tell(note('1')), a.tell(note('2'))]).toEqual(['queued', 'queued']);
    trace.take();
    await clock.advance(199);
    expect(trace.take()).toEqual([]);
    await clock.advance(1);
    expect(trace.take()).toEqual(['+a', 'a:1', 'a:2']);
    await system.stop();
  });

  it('handles what each sender told in the order of telling, over restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ sender: fc.nat(2), crash: fc.boolean() }), { maxLength: 40 }),
        async (script) => {
          const trace = new Trace();
          const { system, clock } = await startTree(
            trace,
            supervisor('root', [probe(trace, 'a')], { intensity: { maxRestarts: 1_000, withinMs: 1 } }),
          );
          const a = system.ref<Probe>('a');
          script.forEach(({ sender, crash }, number) => {
            a.tell(crash ? { type: 'throw', text: 'x' } : note(`${sender}#${number}`));
          });
          await clock.advance(40 * 30_000);
          await system.stop();
          const handled = trace.lines.filter((line) => line.startsWith('a:'));
          const told = script.flatMap(({ sender, crash }, number) =>
            crash ? [] : [`a:${sender}#${number}`],
          );
          expect(handled).toEqual(told);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('finishes the message in hand when it is asked to stop, ahead of those that wait', async () => {
    const trace = new Trace();
    let signal: AbortSignal | undefined;
    const onStart = (_: number, context: ActorContext<Probe>) => {
      signal = context.signal;
    };
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a', { onStart })]));
    const gate = Promise.withResolvers<void>();
    const a = system.ref<Probe>('a');
    a.tell({ type: 'hold', opened: stand(gate.promise) });
    a.tell(note('never handled'));
    await clock.settle();
    expect(signal?.aborted).toBe(false);
    const stopped = system.stop();
    expect(signal?.aborted).toBe(true);
    gate.resolve();
    await stopped;
    expect(trace.take()).toEqual(['+a', 'a:hold', 'a:held', '-a shutdown']);
    expect(trace.deadLetters()).toEqual(['a stopped']);
    expect(a.tell(note('too late'))).toBe('dead');
    expect(trace.deadLetters()).toEqual(['a stopped', 'a ended']);
  });

  it('is abandoned past its shutdown time, and what it does later has no effect', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [probe(trace, 'a', { shutdownMs: 300 })]),
    );
    const gate = Promise.withResolvers<void>();
    system.ref<Probe>('a').tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    const stopped = system.stop();
    await clock.advance(299);
    expect(trace.eventsOf('abandoned')).toEqual([]);
    await clock.advance(1);
    await stopped;
    expect(trace.eventsOf('abandoned')).toMatchObject([{ path: 'a', afterMs: 300 }]);
    expect(trace.take()).toEqual(['+a', 'a:hold', '-a shutdown']);
    const events = trace.events.length;
    gate.resolve();
    await clock.settle();
    expect(trace.events.length).toBe(events);
  });

  it('gives up a start that is under way when it is asked to stop, and lets go of what came of it', async () => {
    const trace = new Trace();
    const clock = new ManualClock();
    const gate = Promise.withResolvers<void>();
    const abort = new AbortController();
    const root = supervisor('root', [probe(trace, 'a'), probe(trace, 'b', { onStart: () => gate.promise })]);
    const started = ActorSystem.start({ name: 'test', root, clock, signal: abort.signal });
    const outcome = started.catch((error: unknown) => error);
    await clock.settle();
    abort.abort(new Error('interrupted'));
    gate.resolve();
    expect(await outcome).toMatchObject({ message: 'interrupted' });
    expect(trace.take()).toEqual(['+a', '+b', '-b shutdown', '-a shutdown']);
  });

  it('crashes from outside its handler by its context, once for each incarnation', async () => {
    const trace = new Trace();
    const contexts: ActorContext<Probe>[] = [];
    const onStart = (_: number, context: ActorContext<Probe>) => void contexts.push(context);
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a', { onStart })]));
    contexts[0]?.crash(new Error('subscription broke'));
    contexts[0]?.crash(new Error('again'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', '-a crash', '+a']);
    contexts[0]?.crash(new Error('from a former life'));
    await clock.settle();
    expect(trace.take()).toEqual([]);
    expect(trace.eventsOf('crashed').map(({ error }) => error.message)).toEqual(['subscription broke']);
    await system.stop();
  });

  it('does not start its next incarnation while the handler of the crashed one still runs', async () => {
    const trace = new Trace();
    const contexts: ActorContext<Probe>[] = [];
    const onStart = (_: number, context: ActorContext<Probe>) => void contexts.push(context);
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a', { onStart })]));
    const gate = Promise.withResolvers<void>();
    system.ref<Probe>('a').tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    contexts[0]?.crash(new Error('broke'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:hold']);
    gate.resolve();
    await clock.settle();
    expect(trace.take()).toEqual(['a:held', '-a crash', '+a']);
    await system.stop();
  });

  it('tells itself after a delay, unless that was cancelled or it restarted', async () => {
    const trace = new Trace();
    const onStart = (incarnation: number, context: ActorContext<Probe>) => {
      context.after(100, note(`timer of ${incarnation}`));
      context.after(50, note('cancelled'))();
    };
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a', { onStart })]));
    await clock.advance(99);
    system.ref<Probe>('a').tell({ type: 'throw', text: 'boom' });
    await clock.advance(1);
    expect(trace.take()).toEqual(['+a', '-a crash', '+a']);
    await clock.advance(99);
    expect(trace.take()).toEqual(['a:timer of 2']);
    await system.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('handles its own timer though its mailbox is full, but not one of a former life', async () => {
    const trace = new Trace();
    const mailbox = { capacity: 1, overflow: 'backpressure' as const };
    const onStart = (incarnation: number, context: ActorContext<Probe>) =>
      void context.after(incarnation === 1 ? 10 : 20, note(`timer of ${incarnation}`));
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [probe(trace, 'a', { onStart, mailbox })]),
    );
    const gate = Promise.withResolvers<void>();
    const a = system.ref<Probe>('a');
    a.tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    a.tell({ type: 'throw', text: 'boom' });
    await clock.advance(10);
    expect(a.depth).toBe(2);
    gate.resolve();
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:hold', 'a:held', '-a crash', '+a']);
    await clock.advance(20);
    expect(trace.take()).toEqual(['a:timer of 2']);
    await system.stop();
  });

  it('reaches another actor by path, even one that starts later', async () => {
    const trace = new Trace();
    const onStart = (_: number, context: ActorContext<Probe>) =>
      void context.ref<Probe>('group/b').tell(note('from a'));
    const root = supervisor('root', [
      probe(trace, 'a', { onStart }),
      supervisor('group', [probe(trace, 'b')]),
    ]);
    const { system, clock } = await startTree(trace, root);
    await clock.settle();
    expect(trace.take()).toEqual(['+a', '+b', 'b:from a']);
    await system.stop();
  });

  it('gives the event loop its turn while two actors keep each other busy for ever', async () => {
    const trace = new Trace();
    const pingPong = (id: string, other: string) => ({
      type: 'actor' as const,
      id,
      start: (context: ActorContext<null>) => ({
        receive: () => void context.ref<null>(other).tell(null),
      }),
    });
    const { system } = await startTree(trace, supervisor('root', [pingPong('a', 'b'), pingPong('b', 'a')]));
    system.ref<null>('a').tell(null);
    for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    await system.stop();
  });
});

describe('a spec', () => {
  it.each([['a/b'], [''], ['with space']])('is refused for the id "%s"', async (id) => {
    const trace = new Trace();
    await expect(startTree(trace, supervisor('root', [probe(trace, id)]))).rejects.toThrow(InvalidSpec);
  });

  it('is refused when siblings share an id', async () => {
    const trace = new Trace();
    const root = supervisor('root', [probe(trace, 'a'), probe(trace, 'a')]);
    await expect(startTree(trace, root)).rejects.toThrow('"a" is there twice');
  });
});
