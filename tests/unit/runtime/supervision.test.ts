// Supervisors as interpreters of the pure core: a nested tree, escalation, the end of the system.

import { describe, expect, it } from 'vitest';
import { ActorSystem, RestartIntensityExceeded, StartFailed } from '#runtime';
import { ManualClock } from '#testkit';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

const boom: Probe = { type: 'throw', text: 'boom' };

describe('a tree of supervisors', () => {
  it('starts left to right and depth first, and stops the other way round', async () => {
    const trace = new Trace();
    const root = supervisor('root', [
      probe(trace, 'a'),
      supervisor('mid', [probe(trace, 'b'), probe(trace, 'c')]),
      probe(trace, 'd'),
    ]);
    const { system } = await startTree(trace, root);
    expect(trace.take()).toEqual(['+a', '+b', '+c', '+d']);
    expect(trace.eventsOf('started').map(({ path }) => path)).toEqual([
      'a',
      'mid/b',
      'mid/c',
      'mid',
      'd',
      '/',
    ]);
    await system.stop();
    expect(trace.take()).toEqual(['-d shutdown', '-c shutdown', '-b shutdown', '-a shutdown']);
    expect(await system.ended).toEqual({ reason: 'shutdown' });
  });

  it('restarts the failed child alone under one_for_one, and neighbours do not notice', async () => {
    const trace = new Trace();
    const root = supervisor('root', [
      supervisor('mid', [probe(trace, 'a'), probe(trace, 'b')]),
      probe(trace, 'c'),
    ]);
    const { system, clock } = await startTree(trace, root);
    trace.take();
    system.ref<Probe>('mid/a').tell(boom);
    system.ref<Probe>('mid/b').tell(note('1'));
    await clock.settle();
    expect(trace.take()).toEqual(['b:1', '-a crash', '+a']);
    expect(trace.eventsOf('restarting')).toMatchObject([{ path: 'mid/a', paths: ['mid/a'], delayMs: 0 }]);
    expect(trace.eventsOf('restarted')).toMatchObject([{ path: 'mid/a', restarts: 1 }]);
    await system.stop();
  });

  it('restarts what was started after the failed child under rest_for_one, nested trees and mailboxes included', async () => {
    const trace = new Trace();
    const root = supervisor(
      'root',
      [
        probe(trace, 'a'),
        probe(trace, 'b'),
        supervisor('mid', [probe(trace, 'c'), probe(trace, 'd')]),
        probe(trace, 'e'),
      ],
      { strategy: 'rest_for_one' },
    );
    const { system, clock } = await startTree(trace, root);
    const gate = Promise.withResolvers<void>();
    system.ref<Probe>('mid/c').tell({ type: 'hold', opened: stand(gate.promise) });
    system.ref<Probe>('mid/c').tell(note('kept'));
    await clock.settle();
    trace.take();
    system.ref<Probe>('b').tell(boom);
    await clock.settle();
    gate.resolve();
    await clock.settle();
    expect(trace.take()).toEqual([
      '-b crash',
      '-e shutdown',
      '-d shutdown',
      'c:held',
      '-c shutdown',
      '+b',
      '+c',
      '+d',
      'c:kept',
      '+e',
    ]);
    expect(trace.deadLetters()).toEqual(['b crashed']);
    await system.stop();
  });

  it('escalates to its own supervisor, which starts it anew with all its children', async () => {
    const trace = new Trace();
    const root = supervisor('root', [
      supervisor('mid', [probe(trace, 'a'), probe(trace, 'b')], {
        intensity: { maxRestarts: 1, withinMs: 1_000 },
      }),
      probe(trace, 'c'),
    ]);
    const { system, clock } = await startTree(trace, root);
    trace.take();
    const a = system.ref<Probe>('mid/a');
    a.tell(boom);
    a.tell(boom);
    a.tell(note('kept over the escalation'));
    await clock.settle();
    expect(trace.take()).toEqual([
      '-a crash',
      '+a',
      '-a crash',
      '-b restart_intensity',
      '+a',
      '+b',
      'a:kept over the escalation',
    ]);
    expect(trace.eventsOf('escalated')).toMatchObject([{ path: 'mid', reason: 'restart_intensity' }]);
    expect(system.snapshot().children[0]).toMatchObject({
      path: 'mid',
      type: 'supervisor',
      state: 'running',
      restarts: 1,
      lastFailure: { name: 'RestartIntensityExceeded' },
    });
    await system.stop();
  });

  it('begins a new window after an escalation, not after a restart of a child', async () => {
    const trace = new Trace();
    const root = supervisor('root', [
      supervisor('mid', [probe(trace, 'a')], { intensity: { maxRestarts: 1, withinMs: 1_000 } }),
    ]);
    const { system, clock } = await startTree(trace, root);
    const a = system.ref<Probe>('mid/a');
    for (let crash = 0; crash < 3; crash += 1) a.tell(boom);
    await clock.settle();
    expect(trace.eventsOf('escalated')).toHaveLength(1);
    await clock.advance(1_000);
    a.tell(boom);
    await clock.advance(1_000);
    expect(trace.eventsOf('escalated')).toHaveLength(1);
    await system.stop();
  });

  it('ends the system with the reason restart_intensity when the root has used up its restarts', async () => {
    const trace = new Trace();
    const root = supervisor('root', [probe(trace, 'a'), probe(trace, 'b')], {
      intensity: { maxRestarts: 0, withinMs: 1 },
    });
    const { system } = await startTree(trace, root);
    trace.take();
    system.ref<Probe>('a').tell(boom);
    system.ref<Probe>('a').tell(note('waits for ever'));
    const end = await system.ended;
    expect(end.reason).toBe('restart_intensity');
    expect(end.error).toBeInstanceOf(RestartIntensityExceeded);
    expect(end.error?.cause).toMatchObject({ message: 'boom' });
    expect(trace.take()).toEqual(['-a crash', '-b restart_intensity']);
    expect(trace.deadLetters()).toEqual(['a crashed', 'a stopped']);
    expect(system.ref<Probe>('b').tell(note('x'))).toBe('dead');
    expect(system.snapshot()).toMatchObject({
      state: 'stopped',
      children: [{ state: 'stopped' }, { state: 'stopped' }],
    });
    await system.stop();
  });

  it('counts a failed start during a restart as a restart', async () => {
    const trace = new Trace();
    const onStart = (incarnation: number) => {
      if (incarnation > 1) throw new Error(`start ${incarnation} failed`);
    };
    const root = supervisor('root', [probe(trace, 'a', { onStart })], {
      intensity: { maxRestarts: 3, withinMs: 60_000 },
    });
    const { system, clock } = await startTree(trace, root);
    system.ref<Probe>('a').tell(boom);
    await clock.advance(600);
    expect((await system.ended).error?.cause).toMatchObject({ message: 'start 4 failed' });
    expect(trace.eventsOf('restarting').map(({ delayMs }) => delayMs)).toEqual([0, 200, 400]);
  });

  it('fails to start when a child does, after stopping those that were up', async () => {
    const trace = new Trace();
    const onStart = () => {
      throw new Error('no model');
    };
    const root = supervisor('root', [
      probe(trace, 'a'),
      supervisor('mid', [probe(trace, 'b'), probe(trace, 'c', { onStart }), probe(trace, 'd')]),
    ]);
    const error = await startTree(trace, root).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartFailed);
    expect(error).toMatchObject({ path: '/', cause: { path: 'mid', cause: { message: 'no model' } } });
    expect(trace.take()).toEqual(['+a', '+b', '-b shutdown', '-a shutdown']);
  });

  it('dead-letters what a temporary child held when it ended, and refuses it from then on', async () => {
    const trace = new Trace();
    const root = supervisor('root', [probe(trace, 'a', { restart: 'temporary' })]);
    const { system, clock } = await startTree(trace, root);
    const a = system.ref<Probe>('a');
    a.tell(boom);
    a.tell(note('held'));
    await clock.settle();
    expect(trace.deadLetters()).toEqual(['a crashed', 'a stopped']);
    expect(a.tell(note('late'))).toBe('dead');
    await expect(a.room()).rejects.toMatchObject({ name: 'ActorEnded' });
    await system.stop();
  });

  it('stops while a child waits for its restart, and leaves no timer behind', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [probe(trace, 'a'), probe(trace, 'b')]),
    );
    const a = system.ref<Probe>('a');
    a.tell(boom);
    a.tell(boom);
    a.tell(note('held'));
    await clock.settle();
    await system.stop();
    expect(trace.deadLetters()).toEqual(['a crashed', 'a crashed', 'a stopped']);
    expect(clock.pendingTimers).toBe(0);
    await system.stop();
  });

  it('fails the requests to an actor that is down for good while others are still stopping', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [probe(trace, 'a'), probe(trace, 'b')]),
    );
    const gate = Promise.withResolvers<void>();
    system.ref<Probe>('a').tell({ type: 'hold', opened: stand(gate.promise) });
    await clock.settle();
    const stopped = system.stop();
    await clock.settle();
    const asked = system.ref<Probe>('b').ask((reply) => ({ type: 'keep', reply }), { timeoutMs: 60_000 });
    await expect(asked).rejects.toMatchObject({ name: 'ActorEnded' });
    gate.resolve();
    await stopped;
  });

  it('is not disturbed by a listener that throws', async () => {
    const trace = new Trace();
    const clock = new ManualClock();
    const onEvent = () => {
      throw new Error('listener broke');
    };
    const system = await ActorSystem.start({
      name: 'test',
      root: supervisor('root', [probe(trace, 'a')]),
      clock,
      onEvent,
    });
    await system.stop();
    expect(trace.take()).toEqual(['+a', '-a shutdown']);
  });
});
