// What one life of an actor may ask for: actors of its own, a stash, another handler, receive timeouts, its own stop, and
// rest.
import { describe, expect, it } from 'vitest';
import { type ActorSpec, InvalidSpec, type Reply, StashFull } from '#runtime';
import { note, type Probe, probe, startTree, supervisor, Trace } from './harness.ts';
import { type Handle, type Script, scripted } from './scripted-actor.ts';

describe('spawn', () => {
  const parent = (trace: Trace, children: readonly ActorSpec<Script>[], handle?: Handle) =>
    scripted(trace, 'p', {
      onStart: async (context) => {
        for (const child of children) await context.spawn(child);
      },
      ...(handle !== undefined && { handle }),
    });

  it('stops its actors before it stops, the youngest first', async () => {
    const trace = new Trace();
    const { system } = await startTree(
      trace,
      supervisor('root', [parent(trace, [scripted(trace, 'x'), scripted(trace, 'y')])]),
    );
    await system.stop();
    expect(trace.lines).toEqual(['+x', '+y', '+p', '-y shutdown', '-x shutdown', '-p shutdown']);
  });

  it('crashes with its actor, and the next life starts its own', async () => {
    const trace = new Trace();
    const child = scripted(trace, 'x', {
      handle: () => {
        throw new Error('boom');
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [parent(trace, [child])]));
    trace.take();
    system.ref<Script>('p/x').tell('crash');
    await clock.advance(0);
    expect(trace.take()).toEqual(['x:crash', '-x crash', '-p crash', '+x', '+p']);
    await system.stop();
    expect(system.ref<Script>('p/x').tell('anyone?')).toBe('dead');
  });

  it('is told of the end of its actor when it traps exits, and may start another in its place', async () => {
    const trace = new Trace();
    const child = scripted(trace, 'x', { handle: (_message, context) => context.stop() });
    const boss = scripted(trace, 'p', {
      onStart: async (context) => {
        context.trapExits((notice) => notice);
        await context.spawn(child);
      },
      handle: async (_message, context) => void (await context.spawn(child)),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [boss]));
    trace.take();
    system.ref<Script>('p/x').tell('end');
    await clock.settle();
    expect(trace.take()).toEqual(['x:end', '-x normal', 'p:p/x ended normal', '+x']);
    await system.stop();
  });

  it('dead-letters what waits in an actor that has ended', async () => {
    const trace = new Trace();
    const opened = Promise.withResolvers<void>();
    const child = scripted(trace, 'x', { handle: () => opened.promise });
    const { system, clock } = await startTree(trace, supervisor('root', [parent(trace, [child])]));
    const x = system.ref<Script>('p/x');
    x.tell('first');
    x.tell('second');
    await clock.settle();
    const stopping = system.stop();
    opened.resolve();
    await stopping;
    expect(trace.deadLetters()).toEqual(['p/x stopped']);
  });

  it('refuses an id that is taken', async () => {
    const trace = new Trace();
    const twice = parent(trace, [scripted(trace, 'x'), scripted(trace, 'x')]);
    await expect(startTree(trace, supervisor('root', [twice]))).rejects.toMatchObject({
      cause: expect.any(InvalidSpec),
    });
  });
});

describe('stash', () => {
  it('puts messages back before those that wait, in their order', async () => {
    const trace = new Trace();
    let open = false;
    const spec = scripted(trace, 'a', {
      handle: (message, context) => {
        if (message === 'open') {
          open = true;
          context.unstashAll();
        } else if (!open) context.stash();
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    trace.take();
    for (const message of ['1', '2', 'open', '3']) system.ref<Script>('a').tell(message);
    await clock.settle();
    expect(trace.take()).toEqual(['a:1', 'a:2', 'a:open', 'a:1', 'a:2', 'a:3']);
    await system.stop();
  });

  it('goes back to the mailbox at a crash, so that the next life gets it first', async () => {
    const trace = new Trace();
    let lives = 0;
    const spec = scripted(trace, 'a', {
      onStart: () => {
        lives += 1;
      },
      handle: (message, context) => {
        if (message === 'crash') throw new Error('boom');
        if (lives === 1) context.stash();
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    trace.take();
    for (const message of ['1', '2', 'crash', '3']) system.ref<Script>('a').tell(message);
    await clock.advance(0);
    expect(trace.take()).toEqual(['a:1', 'a:2', 'a:crash', '-a crash', '+a', 'a:1', 'a:2', 'a:3']);
    expect(trace.deadLetters()).toEqual(['a crashed']);
    await system.stop();
  });

  it('is dead-lettered when the actor ends for good, and a stashed request fails', async () => {
    const trace = new Trace();
    type Asking = { readonly reply: Reply<string> };
    const spec: ActorSpec<Asking> = {
      type: 'actor',
      id: 'a',
      start: (context) => ({ receive: () => context.stash() }),
    };
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    const answer = system.ref<Asking>('a').ask<string>((reply) => ({ reply }), { timeoutMs: 1_000 });
    const outcome = answer.catch((error: unknown) => error);
    await clock.settle();
    await system.stop();
    expect(await outcome).toMatchObject({ code: 'actor_ended' });
    expect(trace.deadLetters()).toEqual(['a stopped']);
  });

  it('is bounded: one message too many is a crash, and nothing of it is lost', async () => {
    const trace = new Trace();
    const spec = scripted(trace, 'a', {
      restart: 'temporary',
      stashCapacity: 1,
      handle: (_message, context) => context.stash(),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    system.ref<Script>('a').tell('1');
    system.ref<Script>('a').tell('2');
    await clock.settle();
    expect(trace.eventsOf('crashed').map(({ error }) => error)).toEqual([expect.any(StashFull)]);
    expect(trace.deadLetters()).toEqual(['a crashed', 'a stopped']);
    await system.stop();
  });
});

describe('become', () => {
  it('changes what handles messages until the next life', async () => {
    const trace = new Trace();
    const spec = scripted(trace, 'a', {
      handle: (message, context) => {
        if (message !== 'become') return;
        context.become((later) => {
          if (later === 'crash') throw new Error('boom');
          trace.lines.push(`other:${String(later)}`);
        });
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    trace.take();
    for (const message of ['1', 'become', '2', 'crash', '3']) system.ref<Script>('a').tell(message);
    await clock.advance(0);
    expect(trace.take()).toEqual(['a:1', 'a:become', 'other:2', '-a crash', '+a', 'a:3']);
    await system.stop();
  });
});

describe('stop of oneself', () => {
  it('ends a life after the message in hand; only a permanent actor comes again', async () => {
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      const trace = new Trace();
      const spec = scripted(trace, 'a', {
        restart,
        handle: async (message, context) => {
          if (message !== 'end') return;
          context.stop();
          await Promise.resolve();
          trace.lines.push('a still handles');
        },
      });
      const { system, clock } = await startTree(trace, supervisor('root', [spec]));
      trace.take();
      system.ref<Script>('a').tell('end');
      system.ref<Script>('a').tell('next');
      await clock.advance(0);
      const again = restart === 'permanent';
      expect(trace.take()).toEqual([
        'a:end',
        'a still handles',
        '-a normal',
        ...(again ? ['+a', 'a:next'] : []),
      ]);
      expect(trace.deadLetters()).toEqual(again ? [] : ['a stopped']);
      await system.stop();
    }
  });
});

describe('receiveTimeout', () => {
  it('tells the actor after each stretch without a message, and stops with its life', async () => {
    const trace = new Trace();
    const spec = scripted(trace, 'a', {
      onStart: (context) => context.receiveTimeout(100, 'quiet'),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    trace.take();
    await clock.advance(60);
    system.ref<Script>('a').tell('1');
    await clock.advance(99);
    expect(trace.take()).toEqual(['a:1']);
    await clock.advance(1);
    expect(trace.take()).toEqual(['a:quiet']);
    await clock.advance(100);
    expect(trace.take()).toEqual(['a:quiet']);
    await system.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('passivation', () => {
  const resting = (trace: Trace, handle?: Handle) =>
    scripted(trace, 'a', { passivateAfterMs: 1_000, ...(handle !== undefined && { handle }) });

  it('ends a life that had nothing to do, and the next message begins another one', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [resting(trace)]));
    system.ref<Script>('a').tell('1');
    await clock.advance(1_000);
    expect(trace.take()).toEqual(['+a', 'a:1', '-a passivated']);
    expect(system.snapshot().children[0]).toMatchObject({ state: 'passive', restarts: 0 });
    system.ref<Script>('a').tell('2');
    await clock.settle();
    expect(trace.take()).toEqual(['+a', 'a:2']);
    expect(system.snapshot().children[0]).toMatchObject({ state: 'running', restarts: 0 });
    await system.stop();
  });

  it('does not touch an actor that owes a reply or holds a stash', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [resting(trace, (_message, context) => context.stash())]),
    );
    system.ref<Script>('a').tell('1');
    await clock.advance(10_000);
    expect(trace.take()).toEqual(['+a', 'a:1']);
    await system.stop();
  });

  it('leaves a failed awakening to the supervisor', async () => {
    const trace = new Trace();
    let starts = 0;
    const spec = scripted(trace, 'a', {
      passivateAfterMs: 1_000,
      onStart: () => {
        starts += 1;
        if (starts === 2) throw new Error('not now');
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [spec]));
    await clock.advance(1_000);
    system.ref<Script>('a').tell('1');
    await clock.advance(0);
    expect(trace.lines).toEqual(['+a', '-a passivated', '+a', 'a:1']);
    expect(trace.eventsOf('crashed')).toMatchObject([{ path: 'a', during: 'start' }]);
    await system.stop();
  });

  it('is stopped in order while it rests', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [resting(trace)]));
    await clock.advance(1_000);
    await system.stop();
    expect(trace.lines).toEqual(['+a', '-a passivated']);
  });
});

describe('a full mailbox', () => {
  it('leaves the message with its sender, refuses it as a dead letter, or drops the oldest, as its rule says', async () => {
    const expected = {
      backpressure: { outcome: 'busy', dead: [], handled: ['a:1'] },
      reject: { outcome: 'busy', dead: ['a rejected'], handled: ['a:1'] },
      'drop-oldest': { outcome: 'queued', dead: ['a dropped'], handled: ['a:2'] },
    } as const;
    for (const overflow of ['backpressure', 'reject', 'drop-oldest'] as const) {
      const trace = new Trace();
      const spec = probe(trace, 'a', { mailbox: { capacity: 1, overflow } });
      const { system, clock } = await startTree(trace, supervisor('root', [spec]));
      trace.take();
      const a = system.ref<Probe>('a');
      a.tell(note('1'));
      const outcome = a.tell(note('2'));
      await clock.settle();
      expect({ outcome, dead: trace.deadLetters(), handled: trace.take() }).toEqual(expected[overflow]);
      await system.stop();
    }
  });
});
