// No message is unaccounted for: each that is told is refused as busy, handled, a dead letter with a reason, or still
// held by the actor, and exactly one of these, whatever crashes, stops and restarts meanwhile.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorContext, ActorSpec, ActorSystem, MailboxOptions, TellOutcome } from '#runtime';
import type { RestartType } from '#supervision';
import { note, type Probe, probe, stand, startTree, supervisor, Trace } from './harness.ts';

/** `slow` handlers take a while, `late` ones throw after that; `hang` never ends; `aside` waits for `open`. */
const kinds = ['note', 'note', 'note', 'throw', 'slow', 'late', 'hang', 'aside', 'open'] as const;
const workMs = 20;
const shutdownMs = 1_000;

interface Parcel {
  readonly number: number;
  readonly sender: number;
  readonly kind: (typeof kinds)[number];
}

interface Told {
  readonly parcel: Parcel;
  readonly to: string;
  readonly outcome: TellOutcome;
}

/** What one actor is seen to do. */
interface Record {
  readonly handled: Parcel[];
  /** Held by its present life: in hand or stashed. */
  held: number;
}

function clerk(
  id: string,
  record: Record,
  options: Pick<ActorSpec<Parcel>, 'restart' | 'mailbox' | 'passivateAfterMs'>,
): ActorSpec<Parcel> {
  return {
    type: 'actor',
    id,
    shutdownMs,
    ...options,
    start: (context) => {
      record.held = 0;
      let opened = false;
      const put = (parcel: Parcel) => {
        record.handled.push(parcel);
      };
      return {
        receive: async (parcel) => {
          if (parcel.kind === 'aside' && !opened) {
            record.held += 1;
            context.stash();
            return;
          }
          record.held += 1;
          await worked(parcel, context);
          if (parcel.kind === 'open') {
            opened = true;
            record.held = 1;
            context.unstashAll();
          }
          record.held -= 1;
          put(parcel);
        },
        stopped: () => {
          record.held = 0;
        },
      };
    },
  };
}

async function worked({ kind, number }: Parcel, { clock }: ActorContext<Parcel>): Promise<void> {
  if (kind === 'throw') throw new Error(`parcel ${number}`);
  if (kind === 'hang') await new Promise<void>(() => {});
  if (kind === 'slow' || kind === 'late') {
    await new Promise<void>((resolve) => {
      clock.schedule(workMs, resolve);
    });
  }
  if (kind === 'late') throw new Error(`parcel ${number}`);
}

type Step =
  | { readonly to: number; readonly sender: number; readonly kind: Parcel['kind'] }
  | { readonly advanceMs: number }
  | 'settle';

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ to: fc.nat(3), sender: fc.nat(2), kind: fc.constantFrom(...kinds) }),
  },
  { weight: 2, arbitrary: fc.constant('settle' as const) },
  { weight: 2, arbitrary: fc.record({ advanceMs: fc.constantFrom(5, workMs, 300, 2_000) }) },
);

const actorOptions = fc.record({
  restart: fc.constantFrom<RestartType>('permanent', 'transient', 'temporary'),
  mailbox: fc.record({
    capacity: fc.integer({ min: 1, max: 6 }),
    overflow: fc.constantFrom<MailboxOptions['overflow']>('backpressure', 'reject', 'drop-oldest'),
  }),
});
const passive = fc.constantFrom<{ readonly passivateAfterMs?: number }>({}, { passivateAfterMs: 100 });

const scenario = fc.record({
  actors: fc.array(fc.tuple(actorOptions, passive), { minLength: 4, maxLength: 4 }),
  strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
  maxRestarts: fc.integer({ min: 0, max: 6 }),
  steps: fc.array(step, { minLength: 10, maxLength: 80 }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

interface Office {
  readonly system: ActorSystem;
  readonly trace: Trace;
  readonly told: readonly Told[];
  readonly records: ReadonlyMap<string, Record>;
}

/** Two actors under the root, two under a supervisor of their own; `check` looks after every step. */
async function play(script: Scenario, check: (office: Office) => void): Promise<Office> {
  const trace = new Trace();
  const records = new Map<string, Record>();
  const paths = ['first', 'second', 'inner/third', 'inner/fourth'];
  const clerks = script.actors.map(([options, passivation], at) => {
    const path = paths[at] ?? '';
    const record: Record = { handled: [], held: 0 };
    records.set(path, record);
    return clerk(path.split('/').at(-1) ?? '', record, { ...options, ...passivation });
  });
  const { strategy, maxRestarts } = script;
  const intensity = { maxRestarts, withinMs: 5_000 };
  const root = supervisor(
    'root',
    [...clerks.slice(0, 2), supervisor('inner', clerks.slice(2), { strategy, intensity })],
    { strategy, intensity },
  );
  const { system, clock } = await startTree(trace, root);
  const told: Told[] = [];
  const office = { system, trace, told, records };
  for (const next of script.steps) {
    if (next === 'settle') await clock.settle();
    else if ('advanceMs' in next) await clock.advance(next.advanceMs);
    else {
      const parcel = { number: told.length, sender: next.sender, kind: next.kind };
      const to = paths[next.to] ?? '';
      told.push({ parcel, to, outcome: system.ref<Parcel>(to).tell(parcel) });
      continue;
    }
    check(office);
  }
  const stopped = system.stop();
  await clock.advance(20 * shutdownMs);
  await stopped;
  return office;
}

/** How often each told message ended, by what. */
function endsOf({ told, trace, records }: Office): readonly {
  readonly told: Told;
  readonly handled: number;
  readonly letters: readonly string[];
}[] {
  const letters = Map.groupBy(trace.eventsOf('dead_letter'), ({ message }) => (message as Parcel).number);
  const handled = Map.groupBy(
    [...records.values()].flatMap((record) => record.handled),
    ({ number }) => number,
  );
  return told.map((one) => ({
    told: one,
    handled: handled.get(one.parcel.number)?.length ?? 0,
    letters: letters.get(one.parcel.number)?.map(({ reason }) => reason) ?? [],
  }));
}

describe('every message', () => {
  it('is refused, handled, a dead letter or still held, and only one of these, at any time', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (script) => {
        const check = (office: Office) => {
          const open = new Map<string, number>();
          for (const { told, handled, letters } of endsOf(office)) {
            expect(handled + letters.length).toBeLessThanOrEqual(1);
            const isOpen = told.outcome === 'queued' && handled + letters.length === 0;
            if (isOpen) open.set(told.to, (open.get(told.to) ?? 0) + 1);
          }
          for (const [path, { held }] of office.records) {
            const { depth } = office.system.ref(path);
            expect({ path, open: open.get(path) ?? 0 }).toEqual({ path, open: depth + held });
          }
        };
        const office = await play(script, check);
        for (const { told, handled, letters } of endsOf(office)) {
          expect({ told, handled, letters }).toEqual({ told, ...expectedEnd(office, told, letters) });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of one sender is handled in the order in which it was told', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (script) => {
        const { records } = await play(script, () => {});
        for (const { handled } of records.values()) {
          // What was put aside comes later by its own wish, but in its own order.
          const bySender = Map.groupBy(handled, ({ sender, kind }) => `${sender} ${kind === 'aside'}`);
          for (const parcels of bySender.values()) {
            const numbers = parcels.map(({ number }) => number);
            expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** After the end: by what the sender was answered, and the actor's overflow rule. */
function expectedEnd(
  { trace }: Office,
  { outcome, to }: Told,
  letters: readonly string[],
): { readonly handled: number; readonly letters: readonly string[] } {
  switch (outcome) {
    case 'busy':
      // `reject` makes it a dead letter, `backpressure` leaves it with the sender.
      return { handled: 0, letters: letters.length === 0 ? [] : ['rejected'] };
    case 'dead':
      expect(trace.eventsOf('stopped').map(({ path }) => path)).toContain(to);
      // The path of a temporary actor that has ended is free.
      return { handled: 0, letters: letters[0] === 'no_actor' ? ['no_actor'] : ['ended'] };
    case 'queued': {
      const [reason = ''] = letters;
      if (letters.length === 0) return { handled: 1, letters: [] };
      expect(['crashed', 'stopped', 'dropped']).toContain(reason);
      return { handled: 0, letters: [reason] };
    }
  }
}

describe('an overflowing mailbox', () => {
  const overflowing = fc.record({
    overflow: fc.constantFrom<MailboxOptions['overflow']>('backpressure', 'reject', 'drop-oldest'),
    capacity: fc.integer({ min: 1, max: 20 }),
    messages: fc.integer({ min: 0, max: 60 }),
  });

  it('keeps the first that fit and refuses the rest, or keeps the last that fit and drops the rest, by its rule', async () => {
    await fc.assert(
      fc.asyncProperty(overflowing, async ({ overflow, capacity, messages }) => {
        const trace = new Trace();
        const root = supervisor('root', [probe(trace, 'a', { mailbox: { capacity, overflow } })]);
        const { system, clock } = await startTree(trace, root);
        const ref = system.ref<Probe>('a');
        const gate = Promise.withResolvers<void>();
        ref.tell({ type: 'hold', opened: stand(gate.promise) });
        await clock.settle();
        trace.take();
        const texts = Array.from({ length: messages }, (_, number) => `${number}`);
        const outcomes = texts.map((text) => ref.tell(note(text)));
        const letters = trace.deadLetters();
        gate.resolve();
        await clock.settle();
        const keepsLast = overflow === 'drop-oldest';
        const kept = keepsLast ? texts.slice(-capacity) : texts.slice(0, capacity);
        const lost = messages - kept.length;
        expect(trace.take()).toEqual(['a:held', ...kept.map((text) => `a:${text}`)]);
        expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(keepsLast ? 0 : lost);
        const reasons = { backpressure: [], reject: ['a rejected'], 'drop-oldest': ['a dropped'] };
        expect(letters).toEqual(reasons[overflow].flatMap((letter) => Array(lost).fill(letter)));
        await system.stop();
      }),
    );
  });
});

describe('where other actor systems lose messages', () => {
  it('handles or dead-letters, with a reason, each of 100 messages that wait when the actor is stopped', async () => {
    const trace = new Trace();
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')]));
    const ref = system.ref<Probe>('a');
    const gate = Promise.withResolvers<void>();
    trace.take();
    ref.tell({ type: 'hold', opened: stand(gate.promise) });
    for (let number = 1; number < 100; number += 1) expect(ref.tell(note(`${number}`))).toBe('queued');
    await clock.settle();
    const stopped = system.stop();
    gate.resolve();
    await stopped;
    expect(trace.take()).toEqual(['a:hold', 'a:held', '-a shutdown']);
    expect(trace.deadLetters()).toEqual(Array(99).fill('a stopped'));
  });

  it('crashes no more often than its restart intensity allows, and accounts for each of 1,000 messages that would', async () => {
    const trace = new Trace();
    const intensity = { maxRestarts: 3, withinMs: 60_000 };
    const { system, clock } = await startTree(trace, supervisor('root', [probe(trace, 'a')], { intensity }));
    const ref = system.ref<Probe>('a');
    const outcomes = Array.from({ length: 1_000 }, () => ref.tell({ type: 'throw', text: 'boom' }));
    await clock.advance(60_000);
    expect(await system.ended).toMatchObject({ reason: 'restart_intensity' });
    expect(outcomes).toEqual(Array(1_000).fill('queued'));
    expect(trace.eventsOf('restarted')).toHaveLength(3);
    expect(trace.deadLetters()).toEqual([...Array(4).fill('a crashed'), ...Array(996).fill('a stopped')]);
  });
});
