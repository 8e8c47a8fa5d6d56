// How often and how a stage tries: failures that may pass, and messages that keep coming back.
import { afterEach, describe, expect, it } from 'vitest';
import { AskTimeout, ThreadTimeout } from '#runtime';
import { type PassingClass, PassingFailure } from '../../../actors/pipeline/item-failure.ts';
import { MAX_ATTEMPTS } from '../../../actors/pipeline/stage.ts';
import { message, passOn, startStage, stopStages } from '../../support/scripted-stage.ts';

afterEach(stopStages);

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
    await stage.system.stop();
    expect(stage.trace).toEqual(['nak intake 1']);
    expect(stage.clock.pendingTimers).toBe(0);
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
