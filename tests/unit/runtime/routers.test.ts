// Routes over a pool: who gets a message, and what becomes of it when nobody can take it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistentHash,
  leastLoaded,
  type MailboxOptions,
  Members,
  PoolFull,
  type Reply,
  roundRobin,
} from '#runtime';
import {
  note,
  type Probe,
  type ProbeOptions,
  probe,
  stand,
  startTree,
  supervisor,
  Trace,
} from './harness.ts';

const timeoutMs = 60_000;
const keep = (reply: Reply<string>): Probe => ({ type: 'keep', reply });
const full: MailboxOptions = { capacity: 1, overflow: 'backpressure' };

async function workers(size: number, options: ProbeOptions = {}) {
  const trace = new Trace();
  const specs = Array.from({ length: size }, (_, number) => probe(trace, `w${number}`, options));
  const tree = await startTree(trace, supervisor('root', specs));
  const refs = specs.map(({ id }) => tree.system.ref<Probe>(id));
  trace.take();
  /** Keeps every member busy and its mailbox full until the returned function opens them. */
  const fill = async () => {
    const gates = refs.map((ref) => {
      const gate = Promise.withResolvers<void>();
      ref.tell({ type: 'hold', opened: stand(gate.promise) });
      return gate;
    });
    await tree.clock.settle();
    for (const ref of refs) ref.tell(note('fills'));
    trace.take();
    return gates.map(({ resolve }) => resolve);
  };
  const texts = () => trace.take().filter((line) => line.includes(':') && !/:(fills|held)$/.test(line));
  return { ...tree, trace, refs, fill, texts };
}

describe('roundRobin', () => {
  it('gives each member a message in turn, whatever it has to do, on tell and on ask alike', async () => {
    const { system, clock, refs, texts, trace } = await workers(3);
    const pool = roundRobin(refs);
    refs[0]?.tell({ type: 'hold', opened: stand(Promise.resolve()) });
    for (const text of ['1', '2']) expect(pool.tell(note(text))).toBe('queued');
    const asked = pool.ask(keep, { timeoutMs });
    pool.tell(note('4'));
    await clock.settle();
    expect(texts().sort()).toEqual(['w0:1', 'w0:4', 'w0:hold', 'w1:2']);
    trace.kept[0]?.ok('done');
    expect(await asked).toBe('done');
    await system.stop();
  });

  it('passes over a member without room', async () => {
    const { system, clock, refs, texts, fill } = await workers(2, { mailbox: full });
    const pool = roundRobin(refs);
    const open = await fill();
    open[1]?.();
    await clock.settle();
    expect(['a', 'b'].map((text) => pool.tell(note(text)))).toEqual(['queued', 'busy']);
    await clock.settle();
    expect(texts()).toEqual(['w1:a']);
    open[0]?.();
    await system.stop();
  });
});

describe('every route', () => {
  it.each([
    ['roundRobin', roundRobin],
    ['leastLoaded', leastLoaded],
  ] as const)('%s answers busy when all are full, and tells when there is room', async (_, route) => {
    const { system, clock, refs, texts, fill } = await workers(2, { mailbox: full });
    const pool = route(refs);
    const open = await fill();
    expect(pool.tell(note('x'))).toBe('busy');
    expect(pool.depth).toBe(2);
    let room = false;
    const waiting = pool.room().then(() => {
      room = true;
    });
    await clock.settle();
    expect(room).toBe(false);
    open[1]?.();
    await waiting;
    expect(pool.tell(note('x'))).toBe('queued');
    await clock.settle();
    expect(texts()).toEqual(['w1:x']);
    open[0]?.();
    await system.stop();
  });

  it('lets no more senders wait than it is told to', async () => {
    const { system, refs, fill } = await workers(2, { mailbox: full });
    const pool = leastLoaded(new Members(refs, { maxWaiting: 1 }));
    const open = await fill();
    const first = pool.ask(keep, { timeoutMs }).catch((error: unknown) => error);
    await expect(pool.ask(keep, { timeoutMs })).rejects.toBeInstanceOf(PoolFull);
    await expect(pool.room()).rejects.toBeInstanceOf(PoolFull);
    const stopped = system.stop();
    for (const opened of open) opened();
    await stopped;
    expect(await first).toMatchObject({ name: 'ActorEnded' });
    await expect(pool.room()).rejects.toMatchObject({ name: 'ActorEnded' });
  });

  it('leaves out a member that has ended, and says dead once all have, with one dead letter', async () => {
    const { system, clock, refs, trace, texts } = await workers(2, { restart: 'temporary' });
    const pools = [roundRobin(refs), leastLoaded(refs)];
    refs[0]?.tell({ type: 'throw', text: 'boom' });
    await clock.settle();
    for (const pool of pools) for (let n = 0; n < 2; n += 1) pool.tell(note('x'));
    await clock.settle();
    expect(texts()).toEqual(Array(4).fill('w1:x'));
    refs[1]?.tell({ type: 'throw', text: 'boom' });
    await clock.settle();
    const before = trace.deadLetters().length;
    for (const pool of pools) {
      expect(pool.tell(note('y'))).toBe('dead');
      await expect(pool.ask(keep, { timeoutMs })).rejects.toMatchObject({ name: 'ActorEnded' });
    }
    expect(trace.deadLetters().slice(before)).toEqual(Array(4).fill('w0 no_actor'));
    await system.stop();
  });

  it('tries a member that comes while it waits, and none that has left', async () => {
    const { system, clock, refs, texts, fill } = await workers(2, { mailbox: full });
    const [first, second] = refs;
    if (first === undefined || second === undefined) throw new Error('expected two');
    const members = new Members<Probe>([]);
    const pool = leastLoaded(members);
    expect(pool.tell(note('x'))).toBe('busy');
    const member = members.add(first);
    const open = await fill();
    const asked = pool.ask<string>((reply) => ({ type: 'echo', text: 'second', reply }), { timeoutMs });
    await clock.settle();
    open[1]?.();
    await clock.settle();
    members.add(second);
    members.remove(member);
    expect(await asked).toBe('second');
    open[0]?.();
    await clock.settle();
    expect(pool.tell(note('z'))).toBe('queued');
    await clock.settle();
    expect(texts()).toEqual(['w1:z']);
    await system.stop();
  });
});

describe('consistentHash', () => {
  it('gives all messages of a key to one member and waits for that one when it is full', async () => {
    const { system, clock, refs, texts, fill } = await workers(3, { mailbox: full });
    const pool = consistentHash(refs).at('cat.jpg');
    pool.tell(note('1'));
    await clock.settle();
    const [line = ''] = texts();
    const mine = Number(line.slice(1, 2));
    const open = await fill();
    open.forEach((opened, at) => {
      if (at !== mine) opened();
    });
    await clock.settle();
    expect(pool.tell(note('2'))).toBe('busy');
    const asked = pool.ask<string>((reply) => ({ type: 'echo', text: 'at last', reply }), { timeoutMs });
    await clock.advance(10 * timeoutMs);
    open[mine]?.();
    expect(await asked).toBe('at last');
    pool.tell(note('3'));
    await clock.settle();
    expect(texts()).toEqual([`w${mine}:3`]);
    await system.stop();
  });

  it('moves only the keys of the member that leaves, and none but to the one that comes', async () => {
    const { system, clock, refs, texts } = await workers(8);
    const keys = Array.from({ length: 200 }, (_, number) => `item-${number}`);
    const placesIn = async (members: typeof refs) => {
      const router = consistentHash(members);
      for (const key of keys) router.at(key).tell(note(key));
      await clock.settle();
      return new Map(texts().map((line) => [line.slice(3), line.slice(0, 2)]));
    };
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...refs.keys()], { minLength: 2 }), async (chosen) => {
        const members = chosen.flatMap((at) => refs[at] ?? []);
        const all = await placesIn(members);
        const fewer = await placesIn(members.slice(1));
        const gone = members[0]?.path;
        for (const key of keys) {
          expect(fewer.get(key) === all.get(key)).toBe(all.get(key) !== gone);
        }
      }),
      { numRuns: 30 },
    );
    await system.stop();
  });

  it('gives each of eight members its share of 4,000 keys, within a third', async () => {
    const { system, clock, refs, texts } = await workers(8);
    const router = consistentHash(refs);
    for (let number = 0; number < 4_000; number += 1) router.at(`photos/${number}.jpg`).tell(note('x'));
    await clock.settle();
    const shares = Map.groupBy(texts(), (line) => line.slice(0, 2));
    for (const lines of shares.values()) expect(Math.abs(lines.length - 500)).toBeLessThan(167);
    expect(shares.size).toBe(8);
    await system.stop();
  });
});
