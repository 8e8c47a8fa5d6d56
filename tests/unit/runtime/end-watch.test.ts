// Ends of others that an actor may ask for: watched, linked and trapped ones.
import { describe, expect, it } from 'vitest';
import type { ActorContext } from '#runtime';
import { type Probe, probe, startTree, supervisor, Trace } from './harness.ts';
import { type Script, scripted } from './scripted-actor.ts';

const crashNow: Probe = { type: 'throw', text: 'boom' };

describe('watch', () => {
  it('tells the end of a life once, after what the watched actor told before', async () => {
    const trace = new Trace();
    const watcher = scripted(trace, 'watcher', {
      onStart: (context) => void context.watch(context.ref('a'), (notice) => notice),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a'), watcher]));
    trace.take();
    system.ref<Probe>('a').tell(crashNow);
    await clock.advance(0);
    system.ref<Probe>('a').tell(crashNow);
    await clock.settle();
    expect(trace.take().filter((line) => line.startsWith('watcher'))).toEqual([
      'watcher:a ended crash (boom)',
    ]);
    await system.stop();
  });

  it('tells at once that nobody is there', async () => {
    const trace = new Trace();
    const watcher = scripted(trace, 'watcher', {
      onStart: (context) => void context.watch(context.ref('nobody'), (notice) => notice),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [watcher]));
    await clock.settle();
    expect(trace.take()).toContain('watcher:nobody ended no_actor');
    await system.stop();
  });

  it('tells nothing once it was ended', async () => {
    const trace = new Trace();
    const watcher = scripted(trace, 'watcher', {
      onStart: (context) => context.watch(context.ref('a'), (notice) => notice)(),
    });
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a'), watcher]));
    system.ref<Probe>('a').tell(crashNow);
    await clock.settle();
    expect(trace.lines.filter((line) => line.startsWith('watcher:'))).toEqual([]);
    await system.stop();
  });

  it('reaches no later life of the watcher', async () => {
    const trace = new Trace();
    let lives = 0;
    const watcher = scripted(trace, 'watcher', {
      onStart: (context) => {
        lives += 1;
        if (lives === 1) context.watch(context.ref('a'), (notice) => notice);
      },
      handle: () => {
        throw new Error('down');
      },
    });
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a'), watcher]));
    system.ref<Script>('watcher').tell('crash');
    await clock.advance(0);
    system.ref<Probe>('a').tell(crashNow);
    await clock.settle();
    expect(trace.lines.filter((line) => line.startsWith('watcher:'))).toEqual(['watcher:crash']);
    await system.stop();
  });
});

describe('link', () => {
  const linked = (trace: Trace, trap: boolean) =>
    scripted(trace, 'b', {
      onStart: (context) => {
        if (trap) context.trapExits((notice) => notice);
        context.link(context.ref('a'));
      },
      handle: (message) => {
        if (message === 'crash') throw new Error('bang');
      },
    });

  it('crashes either when the other crashes', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(
      trace,
      supervisor('root', [probe(trace, 'a'), linked(trace, false)]),
    );
    system.ref<Probe>('a').tell(crashNow);
    await clock.advance(0);
    const crashes = trace.eventsOf('crashed').map(({ path, error }) => `${path}: ${error.message}`);
    expect(crashes).toEqual(['a: boom', 'b: b is linked with a, which ended: crash']);
    trace.take();
    system.ref<Script>('b').tell('crash');
    await clock.advance(1_000);
    expect(
      trace
        .eventsOf('crashed')
        .slice(2, 4)
        .map(({ path }) => path),
    ).toEqual(['b', 'a']);
    await system.stop();
  });

  it('leaves the other alone after an end that was normal, and tells it all the same if it traps exits', async () => {
    for (const trap of [false, true]) {
      const trace = new Trace();
      const a = scripted(trace, 'a', { restart: 'temporary', handle: (_message, context) => context.stop() });
      const { system, clock } = await startTree(trace, supervisor('root', [a, linked(trace, trap)]));
      trace.take();
      system.ref<Script>('a').tell('end');
      await clock.settle();
      expect(trace.take()).toEqual(['a:end', '-a normal', ...(trap ? ['b:a ended normal'] : [])]);
      await system.stop();
    }
  });

  it('is a crash where nobody is there, unless exits are trapped', async () => {
    const trace = new Trace();
    const link = (context: ActorContext<Script>) => void context.link(context.ref('nobody'));
    const caller = scripted(trace, 'c', { handle: (_message, context) => link(context) });
    const { system, clock } = await startTree(trace, supervisor('root', [caller]));
    system.ref<Script>('c').tell('go');
    await clock.settle();
    expect(trace.eventsOf('crashed').map(({ error }) => error.message)).toEqual([
      'c is linked with nobody, which ended: no_actor',
    ]);
    await system.stop();
  });
});
