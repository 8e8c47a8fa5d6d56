import { afterEach, describe, expect, it } from 'vitest';
import { type ActorContext, type ActorSpec, ActorSystem, type Reply, type SupervisorSpec } from '#runtime';
import { ManualClock, NotForTheWire, Probe, WireCheck } from '#testkit';
import { memoryCodec } from '../../support/system-checks.ts';

type Message = Readonly<Record<string, unknown>>;
interface Asked {
  readonly value: unknown;
  readonly reply: Reply<unknown>;
}

let system: ActorSystem | undefined;
afterEach(() => system?.stop());

async function start(...children: SupervisorSpec['children']): Promise<ActorSystem> {
  const root = { type: 'supervisor', id: 'root', strategy: 'one_for_one', children } as const;
  const checks = [new WireCheck(memoryCodec)];
  system = await ActorSystem.start({ name: 'test', root, clock: new ManualClock(), checks });
  return system;
}

/** Answers what `answer` makes of the value; keeps its context for the test. */
function answering(answer: (value: unknown) => unknown) {
  const made: { context?: ActorContext<Asked> } = {};
  const spec: ActorSpec<Asked> = {
    type: 'actor',
    id: 'a',
    start: (context) => {
      made.context = context;
      return { receive: ({ value, reply }) => reply.ok(answer(value)) };
    },
  };
  return { spec, made };
}

describe('the wire check', () => {
  it('gives the receiver a copy, as another process would have it', async () => {
    const probe = new Probe<Message>('a');
    const a = (await start(probe.spec)).ref<Message>('a');
    const sent = { list: [1, 'two', null], bytes: Uint8Array.of(1, 2), nothing: undefined, on: new Date(5) };
    expect(a.tell(sent)).toBe('queued');
    const received = await probe.next();
    expect(received).toEqual(sent);
    expect(received.list).not.toBe(sent.list);
  });

  it.each([
    ['a function', { callback: () => {} }, 'it.callback is a function'],
    ['an instance of a class', { list: [new (class Crate {})()] }, 'it.list[0] is an instance of Crate'],
    ['a map', { map: new Map([[1, 2]]) }, 'it.map is an instance of Map'],
    ['a promise', { later: Promise.resolve() }, 'it.later is an instance of Promise'],
    ['a symbol', { kind: Symbol('x') }, 'the codec refused it'],
  ])('refuses %s in the hand of the sender', async (_, message, what) => {
    const probe = new Probe<Message>('a');
    const a = (await start(probe.spec)).ref<Message>('a');
    expect(() => a.tell(message)).toThrow(NotForTheWire);
    expect(() => a.tell(message)).toThrow(`what is sent to a or back to survive the codec, but ${what}`);
    const asked = a.ask((reply) => ({ ...message, reply }), { timeoutMs: 1_000 });
    await expect(asked).rejects.toThrow(what);
    expect(probe.received).toEqual([]);
  });

  it('lets reply handles, references to actors and buffers for threads pass as they are', async () => {
    const probe = new Probe<Message>('a', {
      receive: ({ reply }) => {
        if (reply !== undefined) (reply as Reply<string>).ok('answered');
      },
    });
    const running = await start(probe.spec);
    const a = running.ref<Message>('a');
    expect(await a.ask((reply) => ({ deep: [{ reply }], reply }), { timeoutMs: 1_000 })).toBe('answered');
    const pixels = Uint8Array.of(1, 2, 3);
    const vector = Float32Array.of(0.1);
    const answerTo = running.ref('b');
    a.tell({ answerTo, pixels, vector, buffer: vector.buffer, transfer: [pixels.buffer] });
    await probe.next();
    const received = await probe.next();
    expect(received.answerTo).toBe(answerTo);
    expect(received.pixels).toBe(pixels);
    expect(received.vector).toBe(vector);
    expect(received.buffer).toBe(vector.buffer);
  });

  it('checks replies: one that cannot leave its process crashes the actor that gave it', async () => {
    const { spec } = answering((value) => (value === 'good' ? { value } : new Set([value])));
    const a = (await start(spec)).ref<Asked>('a');
    const ask = (value: unknown) => a.ask((reply) => ({ value, reply }), { timeoutMs: 1_000 });
    expect(await ask('good')).toEqual({ value: 'good' });
    await expect(ask('bad')).rejects.toMatchObject({ name: 'ActorEnded', cause: { name: 'NotForTheWire' } });
  });

  it('leaves alone what an actor tells itself', async () => {
    const handled: unknown[] = [];
    const { spec, made } = answering((value) => handled.push(value));
    await start(spec);
    const callback = () => {};
    made.context?.self.tell({ value: callback, reply: { ok: () => {}, fail: () => {} } });
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(handled).toEqual([callback]);
  });
});
