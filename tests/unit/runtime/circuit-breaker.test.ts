import { describe, expect, it } from 'vitest';
import { CircuitBreaker, type Permit, type SystemHappening } from '#runtime';
import { ManualClock } from '#testkit';

function arena() {
  const clock = new ManualClock();
  const events: SystemHappening[] = [];
  const breaker = new CircuitBreaker({
    path: 'photos/embedding',
    name: 'model tiny',
    options: {
      failures: 2,
      failureRate: 1,
      minCalls: 1,
      windowMs: 1_000,
      minOpenMs: 1_000,
      maxOpenMs: 60_000,
      jitter: 0,
    },
    clock,
    random: { next: () => 0.5 },
    emit: (event) => void events.push(event),
  });
  const fail = () => breaker.tryPermit()?.failed(new Error('no answer'));
  return { clock, events, breaker, fail, never: new AbortController().signal };
}

describe('a permit', () => {
  it('is had at once while the breaker is closed', async () => {
    const { breaker, never } = arena();
    using permit = await breaker.permit(never);
    expect(permit).toBeDefined();
    expect(breaker.waitMs).toBe(0);
  });

  it('is waited for while it is open; of many who wait one gets the probe, and its success lets the others go', async () => {
    const { breaker, clock, fail, never } = arena();
    fail();
    fail();
    const got: Permit[] = [];
    for (let asker = 0; asker < 5; asker++) void breaker.permit(never).then((permit) => got.push(permit));
    await clock.advance(999);
    expect(got).toHaveLength(0);
    await clock.advance(1);
    expect(got).toHaveLength(1);
    await clock.advance(100_000);
    expect(got).toHaveLength(1);
    got[0]?.succeeded();
    await clock.settle();
    expect(got).toHaveLength(5);
  });

  it('is not had by those who wait when the probe fails: they wait for the next one', async () => {
    const { breaker, clock, fail, never } = arena();
    fail();
    fail();
    const got: Permit[] = [];
    for (let asker = 0; asker < 3; asker++) void breaker.permit(never).then((permit) => got.push(permit));
    await clock.advance(1_000);
    got[0]?.failed(new Error('still none'));
    await clock.advance(1_999);
    expect(got).toHaveLength(1);
    await clock.advance(1);
    expect(got).toHaveLength(2);
  });

  it('that is given up without a word hands the probe to the next who waits', async () => {
    const { breaker, clock, fail, never } = arena();
    fail();
    fail();
    await clock.advance(1_000);
    const probe = breaker.tryPermit();
    const next = breaker.permit(never);
    probe?.[Symbol.dispose]();
    using permit = await next;
    permit.succeeded();
    expect(breaker.state).toBe('closed');
  });

  it('counts once, whatever its holder says afterwards', () => {
    const { breaker } = arena();
    const permit = breaker.tryPermit();
    permit?.failed(new Error('one'));
    permit?.failed(new Error('two'));
    permit?.[Symbol.dispose]();
    expect(breaker.state).toBe('closed');
    expect(breaker.snapshot().failures).toBe(1);
  });

  it('is no longer waited for when the signal aborts, and leaves no timer behind', async () => {
    const { breaker, clock, fail } = arena();
    fail();
    fail();
    const stop = new AbortController();
    const waiting = breaker.permit(stop.signal);
    await clock.settle();
    stop.abort(new Error('stopping'));
    await expect(waiting).rejects.toThrow('stopping');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a breaker', () => {
  it('tells each change, with the failure that opened it and when it tries again', async () => {
    const { breaker, clock, events, fail } = arena();
    fail();
    fail();
    expect(breaker.snapshot()).toMatchObject({ state: 'open', failures: 2, retryMs: 1_000 });
    await clock.advance(1_000);
    breaker.tryPermit()?.succeeded();
    expect(events).toEqual([
      {
        type: 'breaker',
        path: 'photos/embedding',
        name: 'model tiny',
        state: 'open',
        retryMs: 1_000,
        error: new Error('no answer'),
      },
      { type: 'breaker', path: 'photos/embedding', name: 'model tiny', state: 'half_open' },
      { type: 'breaker', path: 'photos/embedding', name: 'model tiny', state: 'closed' },
    ]);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', failures: 0 });
    expect(breaker.snapshot().lastFailure?.message).toBe('no answer');
  });
});
