import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { CrashPoint } from '#testkit';
import { ItemFailure } from '../../../actors/pipeline/item-failure.ts';
import { memoryCodec } from '../../support/memory-ports.ts';
import { message, passOn, startStage, stopStages } from '../../support/scripted-stage.ts';

afterEach(stopStages);

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
          await stage.system.stop();
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
    const stopped = stage.system.stop();
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
    await stage.system.stop();
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
