// Children by request, auto-shutdown and the shutdown limit of supervisors, in a running system.

import { describe, expect, it } from 'vitest';
import { type ActorContext, ChildRefused, InvalidSpec, StartFailed } from '#runtime';
import { InvalidSupervisionOptions } from '#supervision';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

const boom: Probe = { type: 'throw', text: 'boom' };

describe('a reference to a supervisor', () => {
  it('starts a child, which is up and can be told when the promise resolves', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [supervisor('pool', [])]));
    const pool = system.supervisor('pool');
    const a = await pool.startChild(probe(trace, 'a', { restart: 'temporary' }));
    expect(a.path).toBe('pool/a');
    a.tell(note('1'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:1']);
    expect(pool.children()).toEqual([
      {
        id: 'a',
        path: 'pool/a',
        type: 'actor',
        restart: 'temporary',
        significant: false,
        state: 'running',
      },
    ]);
    await system.stop();
    expect(trace.take()).toEqual(['-a shutdown']);
  });

  it('starts a supervisor with children of its own, of which more can be asked for', async () => {
    const trace = new Trace();
    const { system } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const nested = await system.supervisor('/').startChild(supervisor('nested', [probe(trace, 'b')]));
    await nested.startChild(probe(trace, 'c'));
    await system.stop();
    expect(trace.take()).toEqual(['+a', '+b', '+c', '-c shutdown', '-b shutdown', '-a shutdown']);
  });

  it('is had from the context of an actor, too', async () => {
    const trace = new Trace();
    const contexts: ActorContext<Probe>[] = [];
    const onStart = (_: number, context: ActorContext<Probe>) => void contexts.push(context);
    const { system } = await startTree(trace, supervisor('root', [probe(trace, 'a', { onStart })]));
    await contexts[0]?.supervisor('/').startChild(probe(trace, 'b'));
    expect(system.supervisor('/').children()).toHaveLength(2);
    await system.stop();
  });

  it('frees the path of a temporary child that ended, and dead-letters what it held', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', []));
    const root = system.supervisor('/');
    const a = await root.startChild(probe(trace, 'a', { restart: 'temporary' }));
    a.tell(boom);
    a.tell(note('held'));
    await clock.settle();
    expect(trace.deadLetters()).toEqual(['a crashed', 'a stopped']);
    expect([root.children(), system.snapshot().children]).toEqual([[], []]);
    expect(a.tell(note('late'))).toBe('dead');
    expect(trace.deadLetters().at(-1)).toBe('a no_actor');
    await root.startChild(probe(trace, 'a', { restart: 'temporary' }));
    trace.take();
    expect(a.tell(note('again'))).toBe('queued');
    await clock.settle();
    expect(trace.take()).toEqual(['a:again']);
    await system.stop();
  });

  it('stops a child, keeps it listed, starts it again and takes it off', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const root = system.supervisor('/');
    const a = system.ref<Probe>('a');
    trace.take();
    await root.terminateChild('a');
    expect(trace.take()).toEqual(['-a shutdown']);
    expect(a.tell(note('to nobody'))).toBe('dead');
    expect(system.snapshot().children).toMatchObject([{ path: 'a', state: 'stopped' }]);
    await root.restartChild('a');
    a.tell(note('1'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:1']);
    await root.terminateChild('a');
    await root.deleteChild('a');
    expect(root.children()).toEqual([]);
    await system.stop();
  });

  it('refuses with the reason', async () => {
    const trace = new Trace();
    const { system } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const root = system.supervisor('/');
    const refusalOf = (asked: Promise<unknown>) =>
      asked.catch((error: unknown) => error instanceof ChildRefused && error.refusal);
    expect(await refusalOf(root.startChild(probe(trace, 'a')))).toBe('already_started');
    expect(await refusalOf(root.restartChild('a'))).toBe('running');
    expect(await refusalOf(root.deleteChild('a'))).toBe('running');
    expect(await refusalOf(root.terminateChild('z'))).toBe('not_found');
    expect(await refusalOf(system.supervisor('z').terminateChild('a'))).toBe('no_supervisor');
    expect(system.supervisor('z').children()).toEqual([]);
    await system.stop();
    expect(await refusalOf(root.restartChild('a'))).toBe('no_supervisor');
  });

  it('rejects with the failure of a start, and leaves no trace of the child', async () => {
    const trace = new Trace();
    const onStart = () => {
      throw new Error('no model');
    };
    const { system } = await startTree(trace, supervisor('root', []));
    const failed = await system
      .supervisor('/')
      .startChild(probe(trace, 'a', { onStart }))
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(StartFailed);
    expect(failed).toMatchObject({ path: 'a', cause: { message: 'no model' } });
    expect(system.supervisor('/').children()).toEqual([]);
    expect(trace.eventsOf('escalated')).toEqual([]);
    expect(system.ref<Probe>('a').tell(note('x'))).toBe('dead');
    await system.stop();
  });

  it('rejects a spec that makes no sense before anything is touched', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const root = system.supervisor('/');
    await expect(root.startChild(probe(trace, 'not a token'))).rejects.toThrow(InvalidSpec);
    const twins = supervisor('s', [probe(trace, 'b'), probe(trace, 'b')]);
    await expect(root.startChild(twins)).rejects.toThrow(InvalidSpec);
    const never = { ...probe(trace, 'b', { restart: 'temporary' }), significant: true };
    await expect(root.startChild(never)).rejects.toThrow(InvalidSupervisionOptions);
    await expect(
      root.startChild(probe(trace, 'b', { mailbox: { capacity: 0, overflow: 'reject' } })),
    ).rejects.toThrow(RangeError);
    system.ref<Probe>('a').tell(note('still there'));
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:still there']);
    await system.stop();
  });

  it('lists children that were asked for no more once the supervisor has been restarted', async () => {
    const trace = new Trace();
    const pool = supervisor('pool', [probe(trace, 'a'), probe(trace, 'b')], {
      intensity: { maxRestarts: 0, withinMs: 1 },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [pool]));
    const ref = system.supervisor('pool');
    const c = await ref.startChild(probe(trace, 'c'));
    await ref.terminateChild('a');
    await ref.deleteChild('a');
    const gate = Promise.withResolvers<void>();
    c.tell({ type: 'hold', opened: stand(gate.promise) });
    c.tell(note('held'));
    await clock.settle();
    system.ref<Probe>('pool/b').tell(boom);
    await clock.settle();
    gate.resolve();
    await clock.settle();
    expect(ref.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a running', 'b running']);
    expect(c.tell(note('late'))).toBe('dead');
    expect(trace.deadLetters()).toEqual(['pool/b crashed', 'pool/c stopped', 'pool/c no_actor']);
    expect(system.ref<Probe>('pool/a').tell(note('back'))).toBe('queued');
    await system.stop();
  });

  it('frees the paths below a supervisor that is taken off', async () => {
    const trace = new Trace();
    const { system } = await startTree(trace, supervisor('root', []));
    const root = system.supervisor('/');
    await root.startChild(supervisor('s', [probe(trace, 'a')]));
    await root.terminateChild('s');
    await root.deleteChild('s');
    system.ref<Probe>('s/a').tell(note('x'));
    expect(trace.deadLetters()).toEqual(['s/a no_actor']);
    expect(system.supervisor('s').children()).toEqual([]);
    await root.startChild(supervisor('s', [probe(trace, 'a')]));
    expect(system.ref<Probe>('s/a').tell(note('x'))).toBe('queued');
    await system.stop();
  });

  it('is answered while the supervisor is stopped during a start', async () => {
    const trace = new Trace();
    const gate = Promise.withResolvers<void>();
    const { system, clock } = await startTree(trace, supervisor('root', []));
    const asked = system.supervisor('/').startChild(probe(trace, 'a', { onStart: () => gate.promise }));
    const refused = expect(asked).rejects.toMatchObject({ refusal: 'supervisor_stops' });
    await clock.settle();
    const stopped = system.stop();
    gate.resolve();
    await stopped;
    await refused;
  });
});

describe('auto-shutdown', () => {
  const stops = (context: { current?: ActorContext<Probe> }) => ({
    restart: 'transient' as const,
    onStart: (_: number, given: ActorContext<Probe>) => {
      context.current = given;
    },
  });

  it('ends a transient supervisor in order, so that its own supervisor does not start it again', async () => {
    const trace = new Trace();
    const held: { current?: ActorContext<Probe> } = {};
    const job = supervisor(
      'job',
      [probe(trace, 'helper'), { ...probe(trace, 'main', stops(held)), significant: true }],
      { autoShutdown: 'any_significant', restart: 'transient' },
    );
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a'), job]));
    trace.take();
    held.current?.stop();
    await clock.settle();
    expect(trace.take()).toEqual(['-main normal', '-helper shutdown']);
    expect(system.snapshot().children).toMatchObject([
      { state: 'running' },
      { path: 'job', state: 'stopped' },
    ]);
    expect(trace.eventsOf('escalated')).toEqual([]);
    await system.stop();
  });

  it('restarts a permanent supervisor that ended by it, which counts', async () => {
    const trace = new Trace();
    const held: { current?: ActorContext<Probe> } = {};
    const job = supervisor('job', [{ ...probe(trace, 'main', stops(held)), significant: true }], {
      autoShutdown: 'all_significant',
    });
    const { system, clock } = await startTree(trace, supervisor('root', [job]));
    held.current?.stop();
    await clock.settle();
    expect(trace.take()).toEqual(['+main', '-main normal', '+main']);
    expect(system.snapshot()).toMatchObject({
      supervision: { restartsInWindow: 1, strategy: 'one_for_one', intensity: { maxRestarts: 5 } },
      children: [{ path: 'job', restarts: 1, supervision: { restartsInWindow: 0 } }],
    });
    await system.stop();
  });

  it('of the root ends the system as if it had been stopped', async () => {
    const trace = new Trace();
    const held: { current?: ActorContext<Probe> } = {};
    const main = { ...probe(trace, 'main', stops(held)), significant: true };
    const root = supervisor('root', [probe(trace, 'a'), main], { autoShutdown: 'all_significant' });
    const { system } = await startTree(trace, root);
    held.current?.stop();
    expect(await system.ended).toEqual({ reason: 'shutdown' });
    expect(trace.take()).toEqual(['+a', '+main', '-main normal', '-a shutdown']);
  });
});

describe('the time that a supervisor has to stop', () => {
  it('gives up children that have not stopped by then, all of them at once', async () => {
    const trace = new Trace();
    const never = new Promise<void>(() => {});
    const slow = { shutdownMs: 60_000, onStopped: () => never };
    const pool = supervisor('pool', [probe(trace, 'a', slow), probe(trace, 'b', slow)], {
      shutdownMs: 1_000,
    });
    const { system, clock } = await startTree(trace, supervisor('root', [pool]));
    const stopped = system.stop();
    await clock.advance(999);
    expect(trace.eventsOf('abandoned')).toEqual([]);
    await clock.advance(1);
    await stopped;
    expect(trace.eventsOf('abandoned').map(({ path }) => path)).toEqual(['pool', 'pool/b', 'pool/a']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('reaches the children of its children', async () => {
    const trace = new Trace();
    const onStopped = () => new Promise<void>(() => {});
    const inner = supervisor('inner', [probe(trace, 'a', { shutdownMs: 60_000, onStopped })]);
    const outer = supervisor('outer', [inner], { shutdownMs: 1_000 });
    const { system, clock } = await startTree(trace, supervisor('root', [outer]));
    const stopped = system.stop();
    await clock.advance(1_000);
    await stopped;
    expect(trace.eventsOf('abandoned').map(({ path }) => path)).toEqual(['outer', 'outer/inner/a']);
  });

  it('is without effect when they stop in time', async () => {
    const trace = new Trace();
    const pool = supervisor('pool', [probe(trace, 'a')], { shutdownMs: 1_000 });
    const { system, clock } = await startTree(trace, supervisor('root', [pool]));
    await system.stop();
    await clock.advance(2_000);
    expect(trace.eventsOf('abandoned')).toEqual([]);
  });
});
