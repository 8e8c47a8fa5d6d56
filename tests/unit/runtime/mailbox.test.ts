// The bounded queue before an actor.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mailbox } from '#runtime';

const bounded = (capacity: number) => ({ capacity, overflow: 'backpressure' as const });

describe('Mailbox', () => {
  it('answers busy when it is full, and accepts again once something was taken', () => {
    const mailbox = new Mailbox<number>(bounded(2));
    expect([1, 2, 3].map((entry) => mailbox.offer(entry))).toEqual(['queued', 'queued', 'busy']);
    mailbox.take();
    expect(mailbox.offer(4)).toBe('queued');
    expect([mailbox.take(), mailbox.take(), mailbox.take()]).toEqual([2, 4, undefined]);
  });

  it('drops the oldest for the newest where the rule says so, and tells which', () => {
    const dropped: number[] = [];
    const mailbox = new Mailbox<number>({ capacity: 2, overflow: 'drop-oldest' }, (entry) =>
      dropped.push(entry),
    );
    mailbox.offer(1);
    mailbox.offer(2);
    expect([mailbox.offer(3), dropped]).toEqual(['queued', [1]]);
    expect([mailbox.take(), mailbox.take()]).toEqual([2, 3]);
  });

  it('refuses everything once closed, and returns what waited in order', () => {
    const mailbox = new Mailbox<number>(bounded(5));
    mailbox.offer(1);
    mailbox.offer(2);
    expect(mailbox.close()).toEqual([1, 2]);
    expect(mailbox.offer(3)).toBe('closed');
    mailbox.open();
    expect(mailbox.offer(4)).toBe('queued');
  });

  it('keeps the order of each sender and its bound under any interleaving of offers and takes', () => {
    type Step = { readonly sender: number } | 'take';
    const steps = fc.array(fc.oneof(fc.constant('take' as const), fc.record({ sender: fc.nat(3) })), {
      maxLength: 3_000,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), steps, (capacity, script: readonly Step[]) => {
        const mailbox = new Mailbox<{ sender: number; number: number }>(bounded(capacity));
        const accepted = new Map<number, number[]>();
        const taken = new Map<number, number[]>();
        let number = 0;
        const record = (into: Map<number, number[]>, entry: { sender: number; number: number }) =>
          into.set(entry.sender, [...(into.get(entry.sender) ?? []), entry.number]);
        const takeOne = () => {
          const entry = mailbox.take();
          if (entry !== undefined) record(taken, entry);
          return entry !== undefined;
        };
        for (const step of script) {
          if (step === 'take') {
            takeOne();
            continue;
          }
          number += 1;
          const entry = { sender: step.sender, number };
          const roomBefore = mailbox.depth < capacity;
          expect(mailbox.offer(entry)).toBe(roomBefore ? 'queued' : 'busy');
          if (roomBefore) record(accepted, entry);
        }
        while (takeOne());
        expect(taken).toEqual(accepted);
      }),
      { numRuns: 30 },
    );
  });

  it('wakes the sender that waited longest for room, one for each place', async () => {
    const mailbox = new Mailbox<number>(bounded(2));
    mailbox.offer(1);
    mailbox.offer(2);
    const woken: string[] = [];
    const first = mailbox.room().then(() => woken.push('first'));
    const second = mailbox.room().then(() => woken.push('second'));
    mailbox.take();
    await first;
    await Promise.resolve();
    expect(woken).toEqual(['first']);
    mailbox.take();
    await second;
    expect(woken).toEqual(['first', 'second']);
  });

  it('wakes all who wait when it runs empty, even if those woken before sent nothing', async () => {
    const mailbox = new Mailbox<number>(bounded(1));
    mailbox.offer(1);
    const waiting = [mailbox.room(), mailbox.room(), mailbox.room()];
    mailbox.take();
    expect(await Promise.all(waiting)).toEqual([true, true, true]);
  });

  it('answers those who wait for room that there will be none when it closes', async () => {
    const mailbox = new Mailbox<number>(bounded(1));
    mailbox.offer(1);
    const waiting = mailbox.room();
    mailbox.close();
    expect([await waiting, await mailbox.room()]).toEqual([false, false]);
  });

  it('lets a sender give up waiting', async () => {
    const mailbox = new Mailbox<number>(bounded(1));
    mailbox.offer(1);
    const abort = new AbortController();
    const waiting = mailbox.room(abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(mailbox.room(abort.signal)).rejects.toThrow('enough');
  });

  it.each([0, -1, 1.5])('refuses a capacity of %d', (capacity) => {
    expect(() => new Mailbox(bounded(capacity))).toThrow(RangeError);
  });
});
