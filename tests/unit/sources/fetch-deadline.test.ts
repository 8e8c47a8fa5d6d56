// The time that one fetch may take.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { ItemFailure, PassingFailure } from '../../../actors/pipeline/item-failure.ts';
import { FetchDeadline } from '../../../actors/sources/fetch-deadline.ts';

const times = { timeoutMs: 1_000, stallMs: 300 };

describe('a fetch deadline', () => {
  it('passes when nothing came for the stall time', async () => {
    const clock = new ManualClock();
    using deadline = new FetchDeadline(clock, times, new AbortController().signal);
    await clock.advance(299);
    deadline.touch();
    await clock.advance(299);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.cause).toMatchObject({ name: 'PassingFailure', code: 'fetch_timeout' });
  });

  it('passes after the total time, however much comes', async () => {
    const clock = new ManualClock();
    using deadline = new FetchDeadline(clock, times, new AbortController().signal);
    for (let at = 0; at < 1_000; at += 100) {
      expect(deadline.signal.aborted).toBe(false);
      deadline.touch();
      await clock.advance(100);
    }
    expect(deadline.cause).toMatchObject({
      code: 'fetch_timeout',
      message: expect.stringContaining('1000 ms'),
    });
  });

  it('ends with whoever asked for the fetch, and says that it did', () => {
    const outer = new AbortController();
    using deadline = new FetchDeadline(new ManualClock(), times, outer.signal);
    const reason = new Error('the node stops');
    outer.abort(reason);
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.cause).toBe(reason);
  });

  it('does not run while something of ours is waited for, and goes on with what was left', async () => {
    const clock = new ManualClock();
    using deadline = new FetchDeadline(clock, times, new AbortController().signal);
    await clock.advance(200);
    const ours = Promise.withResolvers<void>();
    const paused = deadline.pausedFor(ours.promise);
    await clock.advance(10_000);
    expect(deadline.signal.aborted).toBe(false);
    ours.resolve();
    await paused;
    for (const stepMs of [250, 250, 250]) {
      await clock.advance(stepMs);
      deadline.touch();
    }
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(50);
    expect(deadline.cause).toMatchObject({ message: expect.stringContaining('1000 ms') });
  });

  it.each([
    ['for long', 1_000, { failureClass: 'recoverable', ofSource: false }],
    ['for a moment', 999, { failureClass: 'transient', ofSource: true }],
  ])('blames nobody who hung up while waiting for us, %s', async (_how, waitedMs, verdict) => {
    const clock = new ManualClock();
    using deadline = new FetchDeadline(clock, times, new AbortController().signal);
    const ours = Promise.withResolvers<void>();
    const paused = deadline.pausedFor(ours.promise);
    await clock.advance(waitedMs);
    ours.resolve();
    await paused;
    const lost = new PassingFailure('fetch_failed', 'reset (ECONNRESET)', { ofSource: true });
    expect(deadline.verdictOn(lost)).toMatchObject({ code: 'fetch_failed', ...verdict });
    const refused = new ItemFailure('not_found', 'it is not there');
    expect(deadline.verdictOn(refused)).toBe(refused);
  });

  it('leaves no timer behind', async () => {
    const clock = new ManualClock();
    const deadline = new FetchDeadline(clock, times, new AbortController().signal);
    deadline[Symbol.dispose]();
    await clock.advance(10_000);
    expect(deadline.signal.aborted).toBe(false);
    expect(deadline.cause).toBeUndefined();
  });
});
