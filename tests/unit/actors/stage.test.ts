import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ActorSystem,
  AskTimeout,
  type Delivery,
  type FaultPoints,
  type SystemEvent,
  ThreadTimeout,
} from '#runtime';
import { CrashPoint } from '#testkit';
import { ItemFailure, type PassingClass, PassingFailure } from '../../../actors/pipeline/item-failure.ts';
import {
  type Attempt,
  type HopResult,
  MAX_ATTEMPTS,
  type StageHandler,
  stageActor,
} from '../../../actors/pipeline/stage.ts';
import { type MemoryDataset, memoryCodec, memoryDataset } from '../../support/memory-ports.ts';

let running: ActorSystem | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

interface Harness extends MemoryDataset {
  readonly events: SystemEvent[];
  /** Texts of each call of the handler. */
  readonly calls: string[][];
  readonly attempted: Attempt[];
  /** Handler's behaviour by text; default: one effect. */
  readonly script: Map<string, (delivery: Delivery) => HopResult | Promise<HopResult>>;
  readonly crashes: () => number;
}

const textOf = (delivery: Delivery) => Buffer.from(delivery.data).toString();
const sequenceOf = (delivery: Delivery) => Number(textOf(delivery).split(' ')[1] ?? delivery.sequence);
const passOn = (delivery: Delivery): HopResult => ({
  effects: [{ stage: 'embed', sequence: sequenceOf(delivery), message: { text: textOf(delivery) } }],
});
const message = (text: string, deliveries = 0) => ({ data: Buffer.from(text), deliveries });

/** The stage `intake` around a scripted handler, under a supervisor with the default intensity. */
async function startStage(
  options: { readonly maxBatch?: number; readonly faults?: FaultPoints } = {},
): Promise<Harness> {
  const dataset = memoryDataset(options.faults && { faults: options.faults });
  const events: SystemEvent[] = [];
  const calls: string[][] = [];
  const script: Harness['script'] = new Map();
  const attempted: Attempt[] = [];
  const handler: StageHandler = async (batch, _signal, attempt) => {
    calls.push(batch.map(textOf));
    attempted.push(attempt);
    return Promise.all(batch.map((delivery) => (script.get(textOf(delivery)) ?? passOn)(delivery)));
  };
  running = await ActorSystem.start({
    name: 'test',
    root: {
      type: 'supervisor',
      id: 'root',
      strategy: 'one_for_one',
      children: [
        stageActor(dataset.ports, {
          stage: 'intake',
          id: 'stage',
          maxBatch: options.maxBatch ?? 1,
          prefetch: 2,
          identify: (delivery) => ({ sequence: sequenceOf(delivery), id: textOf(delivery) }),
          handler: () => handler,
        }),
      ],
    },
    clock: dataset.clock,
    checks: dataset.checks,
    random: { next: () => 0.5 },
    onEvent: (event) => void events.push(event),
  });
  const crashes = () => events.filter(({ type }) => type === 'crashed').length;
  return { ...dataset, events, calls, attempted, script, crashes };
}

describe('a stage', () => {
  it('acknowledges a message only after every one of its effects is published', async () => {
    const stage = await startStage();
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.publisher.intercept = ({ subject }) => (subject === 'work.dedup' ? promise : undefined);
    stage.script.set('a 1', () => ({
      effects: [
        { stage: 'embed', sequence: 1, message: 1 },
        { stage: 'dedup', sequence: 1, message: 2 },
      ],
    }));
    stage.queue('intake').add(message('a 1'));
    await stage.clock.advance(60_000);
    expect(stage.trace).toEqual(['publish work.embed']);
    resolve();
    await stage.clock.settle();
    expect(stage.trace).toEqual(['publish work.embed', 'publish work.dedup', 'ack intake 1']);
  });

  it('acknowledges nothing when a publish fails: it crashes, and the message is handled again', async () => {
    const stage = await startStage();
    let failures = 1;
    stage.publisher.intercept = () => (failures-- > 0 ? new Error('the stream refused') : undefined);
    stage.queue('intake').add(message('a 1'));
    await stage.clock.advance(1_000);
    expect(stage.crashes()).toBe(1);
    expect(stage.trace).toEqual(['nak intake 1', 'publish work.embed', 'ack intake 1']);
    expect(stage.calls).toEqual([['a 1'], ['a 1']]);
  });

  it('gives the whole batch back when its handler has a bug', async () => {
    const stage = await startStage({ maxBatch: 3 });
    let bugs = 1;
    stage.script.set('b 2', (delivery) => {
      if (bugs-- > 0) throw new TypeError('a bug');
      return passOn(delivery);
    });
    stage.queue('intake').add(message('a 1'), message('b 2'), message('c 3'));
    await stage.clock.advance(1_000);
    expect(stage.crashes()).toBe(1);
    expect(stage.trace.slice(0, 3)).toEqual(['nak intake 1', 'nak intake 2', 'nak intake 3']);
    expect(stage.queue('intake').inState('acked')).toEqual([1, 2, 3]);
    expect(stage.publisher.on('work.embed')).toHaveLength(3);
    expect(stage.publisher.on('dead.intake')).toEqual([]);
  });

  it('publishes the same ids however often a message is repeated, and different ids for different effects', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('intake.published', 'intake.dead-lettered'), { maxLength: 2 }),
        async (places) => {
          const stage = await startStage({ maxBatch: 4, faults: new CrashPoint(...places) });
          stage.script.set('b 2', () => ({ failure: new ItemFailure('empty', 'no bytes') }));
          stage.script.set('c 3', () => ({
            effects: [
              { stage: 'embed', sequence: 3, message: 1 },
              { stage: 'embed', sequence: 3, message: 2 },
            ],
          }));
          stage.queue('intake').add(message('a 1'), message('b 2'), message('c 3'));
          await stage.clock.advance(10_000);
          // Two places of one batch may be met in one crash.
          expect(stage.crashes() > 0).toBe(places.length > 0);
          expect(stage.publisher.attempts.length > 5).toBe(places.length > 0);
          expect(stage.publisher.stored).toHaveLength(5);
          const ids = stage.publisher.stored.map(({ id }) => id);
          expect(new Set(ids).size).toBe(5);
          expect(ids).toContain('photos.inc.embed.1.0.0');
          await running?.stop();
        },
      ),
      { numRuns: 8 },
    );
  });

  it('names the verdict of a dead letter unlike the verdict of a judgement, so that no stream takes one for the other', async () => {
    const stage = await startStage();
    stage.script.set('a 1', () => ({ failure: new ItemFailure('empty', 'no bytes') }));
    stage.queue('intake').add(message('a 1'));
    await stage.clock.settle();
    stage.script.set('again 1', () => ({ effects: [{ stage: 'keep', sequence: 1, message: 'judged' }] }));
    stage.queue('intake').add(message('again 1'));
    await stage.clock.settle();
    expect(stage.publisher.on('work.keep')).toHaveLength(2);
    for (const { id } of stage.publisher.on('work.keep')) expect(id?.split('.')[3]).toBe('1');
  });

  it('stops without losing what it held: the message in hand is settled or given back, once', async () => {
    const stage = await startStage({ maxBatch: 2 });
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.script.set('a 1', async (delivery) => {
      await promise;
      return passOn(delivery);
    });
    stage.queue('intake').add(message('a 1'));
    await stage.clock.settle();
    const stopped = running?.stop();
    await stage.clock.settle();
    expect(stage.trace).toEqual([]);
    resolve();
    await stopped;
    expect(stage.trace.filter((line) => line.startsWith('ack') || line.startsWith('nak'))).toHaveLength(1);
  });
});

describe('a batch that waits in the mailbox of a stage', () => {
  it('is given back when the stage stops before it handles it', async () => {
    const stage = await startStage();
    stage.queue('intake').add(message('a 1'));
    await running?.stop();
    expect(stage.calls).toEqual([]);
    expect(stage.trace).toEqual(['nak intake 1']);
  });

  it('is handled once when the stage crashes before it, and leaves no second demand behind', async () => {
    const stage = await startStage();
    for (let crash = 0; crash < 3; crash++) {
      stage.queue('intake').add(message(`a ${crash}`));
      stage.queue('intake').fail(new Error('the consumer is gone'));
      await stage.clock.advance(20_000);
    }
    expect(stage.calls).toEqual([['a 0'], ['a 1'], ['a 2']]);
    expect(stage.queue('intake').inState('acked')).toEqual([1, 2, 3]);
    expect(stage.queue('intake').demands).toBe(1);
  });
});

describe('a passing failure', () => {
  it('is tried again in place, after a growing delay, without settling the message', async () => {
    const stage = await startStage();
    let failures = MAX_ATTEMPTS - 1;
    stage.script.set('a 1', (delivery) => {
      if (failures-- > 0) throw new PassingFailure('model_failed', 'busy');
      return passOn(delivery);
    });
    stage.queue('intake').add(message('a 1'));
    await stage.clock.settle();
    expect(stage.calls).toHaveLength(1);
    await stage.clock.advance(499);
    expect(stage.calls).toHaveLength(1);
    await stage.clock.advance(1);
    expect(stage.calls).toHaveLength(2);
    await stage.clock.advance(999);
    expect(stage.calls).toHaveLength(2);
    expect(stage.trace).toEqual([]);
    await stage.clock.advance(1);
    expect(stage.trace).toEqual(['publish work.embed', 'ack intake 1']);
    expect(stage.queue('intake').deliveryCounts).toEqual([1]);
    expect(stage.crashes()).toBe(0);
  });

  it('that does not pass ends only the guilty item of a batch, with its own reason; its neighbours go on', async () => {
    const stage = await startStage({ maxBatch: 3 });
    stage.script.set('b 2', () => {
      throw new PassingFailure('worker_crashed', 'the thread ended');
    });
    stage.queue('intake').add(message('a 1'), message('b 2'), message('c 3'));
    await stage.clock.advance(60_000);
    expect(stage.crashes()).toBe(0);
    expect(stage.queue('intake').inState('acked')).toEqual([1, 3]);
    expect(stage.queue('intake').inState('terminated')).toEqual([2]);
    expect(stage.publisher.on('work.embed').map(({ id }) => id)).toEqual([
      'photos.inc.embed.1.0.0',
      'photos.inc.embed.3.0.0',
    ]);
    const [letter, ...others] = stage.publisher.on('dead.intake');
    expect(others).toEqual([]);
    expect(letter?.headers).toMatchObject({
      'Troupe-Sequence': '2',
      'Troupe-Reason': 'worker_crashed',
      'Troupe-Attempts': String(MAX_ATTEMPTS),
    });
    expect(stage.calls.filter((call) => call.length === 1 && call[0] === 'b 2')).toHaveLength(MAX_ATTEMPTS);
  });
});

describe('the class of a passing failure', () => {
  const failing = (failureClass: PassingClass) => () => {
    throw new PassingFailure('model_failed', 'not now', { failureClass });
  };

  it('recoverable waits long and costs no attempt, however often it comes', async () => {
    const stage = await startStage();
    stage.script.set('a 1', failing('recoverable'));
    stage.queue('intake').add(message('a 1'));
    await stage.clock.advance(600_000);
    expect(stage.calls.length).toBeGreaterThan(10);
    expect(stage.calls.length).toBeLessThan(60);
    expect(stage.trace).toEqual([]);
    stage.script.delete('a 1');
    await stage.clock.advance(60_000);
    expect(stage.queue('intake').inState('acked')).toEqual([1]);
  });

  it('resource is tried with half the batch at once, then half of that', async () => {
    const stage = await startStage({ maxBatch: 4 });
    stage.script.set('d 4', failing('resource'));
    stage.queue('intake').add(message('first 9'));
    stage.queue('intake').add(message('a 1'), message('b 2'), message('c 3'), message('d 4'));
    await stage.clock.advance(60_000);
    expect(stage.calls.map(({ length }) => length).slice(0, 6)).toEqual([1, 4, 2, 2, 1, 1]);
    expect(stage.queue('intake').inState('acked')).toEqual([1, 2, 3, 4]);
    expect(stage.queue('intake').inState('terminated')).toEqual([5]);
  });

  it('timeout is tried again with twice the limit each time', async () => {
    const stage = await startStage();
    stage.script.set('a 1', failing('timeout'));
    stage.queue('intake').add(message('a 1'));
    await stage.clock.advance(60_000);
    expect(stage.attempted).toEqual([
      { tries: 1, limitFactor: 1 },
      { tries: 2, limitFactor: 2 },
      { tries: 3, limitFactor: 4 },
    ]);
  });

  it('is that of its cause where none is named', () => {
    const of = (cause: Error) => new PassingFailure('model_failed', '', { cause }).failureClass;
    expect(of(new ThreadTimeout('session', 10))).toBe('timeout');
    expect(of(new AskTimeout('shard', 10))).toBe('timeout');
    expect(of(new TypeError('a bug of another'))).toBe('transient');
  });

  it('waits no longer than its actor lives', async () => {
    const stage = await startStage();
    stage.script.set('a 1', failing('recoverable'));
    stage.queue('intake').add(message('a 1'));
    await stage.clock.settle();
    await running?.stop();
    expect(stage.trace).toEqual(['nak intake 1']);
    expect(stage.clock.pendingTimers).toBe(0);
  });
});

describe('a dead letter', () => {
  it('is published first, then the verdict, then the message is terminated', async () => {
    const stage = await startStage();
    stage.script.set('a 7', () => ({ failure: new ItemFailure('too_large', 'expected less') }));
    stage.queue('intake').add(message('a 7'));
    await stage.clock.settle();
    expect(stage.trace).toEqual(['publish dead.intake', 'publish work.keep', 'term intake 1']);
    const [verdict] = stage.publisher.on('work.keep');
    expect(memoryCodec.decode(verdict?.data ?? Buffer.of())).toEqual({
      type: 'dead',
      sequence: 7,
      id: 'a 7',
      stage: 'intake',
      reason: 'too_large',
      attempts: 1,
    });
  });

  it.each([['dead.intake'], ['work.keep']])(
    'whose publish to %s fails leaves the message where it was',
    async (refused) => {
      const stage = await startStage();
      let failures = 1;
      stage.publisher.intercept = ({ subject }) =>
        subject === refused && failures-- > 0 ? new Error('refused') : undefined;
      stage.script.set('a 1', () => ({ failure: new ItemFailure('empty', 'no bytes') }));
      stage.queue('intake').add(message('a 1'));
      await stage.clock.advance(1_000);
      expect(stage.trace.filter((line) => line.endsWith('intake 1'))).toEqual([
        'nak intake 1',
        'term intake 1',
      ]);
      expect(stage.publisher.on('dead.intake')).toHaveLength(1);
      expect(stage.publisher.on('work.keep')).toHaveLength(1);
    },
  );

  it("keeps the publisher's own headers, so that the message can be published again as it was", async () => {
    const stage = await startStage();
    const headers = {
      'Content-Type': 'image/jpeg',
      'Troupe-Id': `größe/写真 ${'x'.repeat(900)}.jpg`,
      'Troupe-Source': 'crawl',
      'Troupe-Sha256': 'f'.repeat(64),
    };
    stage.script.set('a 1', () => ({ failure: new ItemFailure('empty', 'zwei\r\nZeilen\u0000') }));
    stage.queue('intake').add({ data: Buffer.from('a 1'), headers });
    await stage.clock.settle();
    const [letter] = stage.publisher.on('dead.intake');
    expect(letter?.headers).toMatchObject(headers);
    expect(letter?.headers?.['Troupe-Error']).toBe('zwei Zeilen ');
    expect(Buffer.from(letter?.data ?? []).toString()).toBe('a 1');
  });
});

describe('a suspect, a message that came back more than twice,', () => {
  const key = 'photos.intake.9';

  it('is marked durably before it is handled, alone, and the mark goes when it is settled', async () => {
    const stage = await startStage({ maxBatch: 3 });
    let marked: string | undefined;
    stage.script.set('s 9', (delivery) => {
      marked = stage.attempts.text(key);
      return passOn(delivery);
    });
    stage.queue('intake').add(message('a 1'), message('s 9', 2), message('c 3'));
    await stage.clock.settle();
    expect(marked).toBe('1');
    expect(stage.calls).toEqual([['a 1', 'c 3'], ['s 9']]);
    expect(stage.trace.slice(-4)).toEqual([
      `record ${key}`,
      'publish work.embed',
      'ack intake 2',
      `forget ${key}`,
    ]);
  });

  it('that fails with a bug each time dies with attempts_exhausted when its marks run out', async () => {
    const stage = await startStage();
    stage.script.set('s 9', () => {
      throw new TypeError('a bug');
    });
    stage.queue('intake').add(message('s 9', 2));
    await stage.clock.advance(120_000);
    expect(stage.calls).toHaveLength(MAX_ATTEMPTS);
    expect(stage.queue('intake').inState('terminated')).toEqual([1]);
    const [letter] = stage.publisher.on('dead.intake');
    expect(letter?.headers).toMatchObject({
      'Troupe-Reason': 'attempts_exhausted',
      'Troupe-Attempts': String(MAX_ATTEMPTS),
    });
    expect(stage.attempts.text(key)).toBeUndefined();
  });

  it('whose process died at each try is not handled again: the marks that earlier processes left count', async () => {
    const stage = await startStage();
    await stage.attempts.compareAndSet(key, Buffer.from(String(MAX_ATTEMPTS)), 0);
    stage.queue('intake').add(message('s 9', 5), message('b 2'));
    await stage.clock.settle();
    expect(stage.calls).toEqual([['b 2']]);
    expect(stage.publisher.on('dead.intake')[0]?.headers).toMatchObject({
      'Troupe-Reason': 'attempts_exhausted',
    });
  });

  it('is given back when another holder has marked it at the same time', async () => {
    const stage = await startStage();
    const read = stage.attempts.get.bind(stage.attempts);
    let raced = false;
    stage.attempts.get = async (asked) => {
      const found = await read(asked);
      if (!raced) await stage.attempts.compareAndSet(asked, Buffer.from('1'), 0);
      raced = true;
      return found;
    };
    stage.queue('intake').add(message('s 9', 2));
    await stage.clock.settle();
    expect(stage.calls).toEqual([]);
    expect(stage.trace).toContain('nak intake 1');
    await stage.clock.advance(1_000);
    expect(stage.queue('intake').inState('acked')).toEqual([1]);
  });

  it("does not use up its supervisor's restarts: a poison item ends, its neighbours go on, nothing escalates", async () => {
    const stage = await startStage({ maxBatch: 4 });
    stage.script.set('poison 9', () => {
      throw new TypeError('a bug');
    });
    stage.queue('intake').add(message('a 1'), message('poison 9'), message('b 2'), message('c 3'));
    await stage.clock.advance(120_000);
    stage.queue('intake').add(message('d 4'));
    await stage.clock.advance(1_000);
    expect(stage.queue('intake').inState('terminated')).toEqual([2]);
    expect(stage.queue('intake').inState('acked')).toEqual([1, 3, 4, 5]);
    expect(stage.crashes()).toBeLessThanOrEqual(2);
    expect(stage.events.map(({ type }) => type)).not.toContain('escalated');
  });
});
