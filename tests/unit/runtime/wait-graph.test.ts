import { afterEach, describe, expect, it } from 'vitest';
import { type ActorContext, type ActorSpec, ActorSystem, type Reply, type SystemEvent } from '#runtime';
import { ManualClock, WaitCycle, WaitGraph } from '#testkit';

/** Ask the first of these paths with the rest, then answer. */
interface Chain {
  readonly through: readonly string[];
  readonly reply: Reply<string>;
}

const timeoutMs = 1_000;
let system: ActorSystem | undefined;
afterEach(() => system?.stop());

/** Asks on and waits for the answer before it replies. */
function link(id: string): ActorSpec<Chain> {
  return {
    type: 'actor',
    id,
    start: (context) => ({ receive: (message) => passOn(context, message) }),
  };
}

async function passOn(context: ActorContext<Chain>, { through, reply }: Chain): Promise<void> {
  const [next, ...rest] = through;
  if (next !== undefined) {
    const other = next === context.path ? context.self : context.ref<Chain>(next);
    await other.ask<string>((inner) => ({ through: rest, reply: inner }), { timeoutMs });
  }
  reply.ok(context.path);
}

async function start(...children: readonly ActorSpec<Chain>[]) {
  const graph = new WaitGraph();
  const clock = new ManualClock();
  const events: SystemEvent[] = [];
  const started = await ActorSystem.start({
    name: 'test',
    root: { type: 'supervisor', id: 'root', strategy: 'one_for_one', children },
    clock,
    checks: [graph],
    onEvent: (event) => void events.push(event),
  });
  system = started;
  const ask = (first: string, ...through: readonly string[]) =>
    started.ref<Chain>(first).ask<string>((reply) => ({ through, reply }), { timeoutMs });
  return { graph, clock, events, ask };
}

describe('the wait graph', () => {
  it('lets actors ask each other in a fixed order', async () => {
    const { graph, ask } = await start(link('a'), link('b'), link('c'));
    expect(await Promise.all([ask('a', 'b', 'c'), ask('a', 'c'), ask('b', 'c')])).toEqual(['a', 'a', 'b']);
    graph.assertNone();
    expect([graph.cycles, graph.possibleCycles]).toEqual([[], []]);
  });

  it.each([
    [['a'], ['a']],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    [
      ['a', 'b', 'c'],
      ['c', 'a', 'b'],
    ],
  ] as const)('rejects the ask that closes a circle and names it: %j', async (asked, cycle) => {
    const { graph, events, ask } = await start(link('a'), link('b'), link('c'));
    const [first, ...rest] = asked;
    await expect(ask(first, ...rest, first)).rejects.toMatchObject({ name: 'ActorEnded' });
    expect(graph.cycles.map((found) => found.cycle)).toEqual([cycle]);
    expect(() => graph.assertNone()).toThrow(
      `expected asks without a circle, but ${[...cycle, cycle[0]].join(' asks ')}`,
    );
    const crash = events.find((event) => event.type === 'crashed');
    expect(crash?.type === 'crashed' && crash.error).toBeInstanceOf(WaitCycle);
  });

  it('remembers a circle that the interleaving of this run did not close', async () => {
    const { graph, ask } = await start(link('a'), link('b'));
    expect(await ask('a', 'b')).toBe('a');
    expect(await ask('b', 'a')).toBe('b');
    expect(graph.cycles).toEqual([]);
    expect(graph.possibleCycles.map(({ cycle }) => cycle)).toEqual([['b', 'a']]);
    expect(() => graph.assertNone()).toThrow(WaitCycle);
  });

  it('counts a wait for room as a wait', async () => {
    const waiting: ActorSpec<Chain> = {
      type: 'actor',
      id: 'a',
      start: (context) => ({
        receive: async ({ reply }) => {
          await context.ref('b').room();
          reply.ok('room');
        },
      }),
    };
    const { graph, ask } = await start(waiting, link('b'));
    await expect(ask('b', 'a')).rejects.toMatchObject({ name: 'ActorEnded' });
    expect(graph.cycles.map(({ cycle }) => cycle)).toEqual([['a', 'b']]);
  });

  it('knows what an actor waits for that has become another, and one that was spawned', async () => {
    const becoming: ActorSpec<Chain> = {
      type: 'actor',
      id: 'a',
      start: (context) => ({
        receive: async ({ reply }) => {
          await context.spawn(link('below'));
          context.become((message) => passOn(context, message));
          reply.ok('other');
        },
      }),
    };
    const { graph, ask } = await start(becoming, link('b'));
    expect(await ask('a')).toBe('other');
    await expect(ask('a', 'a/below', 'b', 'a')).rejects.toMatchObject({ name: 'ActorEnded' });
    expect(graph.cycles.map(({ cycle }) => cycle)).toEqual([['b', 'a', 'a/below']]);
  });

  it('does not count an ask whose answer nobody holds a message for', async () => {
    const asides: Promise<unknown>[] = [];
    const free: ActorSpec<Chain> = {
      type: 'actor',
      id: 'a',
      start: (context) => ({
        receive: ({ through, reply }) => {
          if (through.length === 0) reply.ok('free');
          else {
            const asked = context
              .ref<Chain>('b')
              .ask<string>((inner) => ({ through: ['a'], reply: inner }), { timeoutMs });
            asides.push(asked);
            reply.ok('asked');
          }
        },
      }),
    };
    const { graph, ask } = await start(free, link('b'));
    expect(await ask('a', 'b')).toBe('asked');
    expect(await Promise.all(asides)).toEqual(['b']);
    expect(graph.cycles).toEqual([]);
  });
});
