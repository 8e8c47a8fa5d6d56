// What a publisher is told while nothing is stored.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { StallWatch, waitingReason } from '../../../cli/publish/stall-watch.ts';

function watched(reason: string | undefined) {
  const clock = new ManualClock();
  const told: string[] = [];
  const state = { reason };
  const watch = new StallWatch({ clock, why: () => state.reason, tell: (text) => told.push(text) });
  return { clock, told, state, watch };
}

describe('a publisher whose items are not stored', () => {
  it('is told so, and why, from ten seconds on', async () => {
    const { clock, told, watch } = watched('no NATS server can be reached');
    await clock.advance(9_999);
    expect(told).toEqual([]);
    await clock.advance(1_001);
    expect(told[0]).toMatch(
      /^nothing was stored for 10 s: no NATS server can be reached; it goes on by itself/,
    );
    expect(told.at(-1)).toContain('for 11 s');
    watch.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('is told nothing while some are, or while none waits to be', async () => {
    const { clock, told, state, watch } = watched('full');
    for (let second = 0; second < 30; second++) {
      await clock.advance(1_000);
      if (second % 5 === 0) watch.moved();
    }
    state.reason = undefined;
    await clock.advance(30_000);
    state.reason = 'full';
    await clock.advance(9_000);
    expect(told).toEqual([]);
    watch.close();
  });

  it('is told what the connection knows: no server, one that says why not, or a silent one', () => {
    const waiting = (code: number, why: string) => [{ subject: 's', messages: 1, code, why, forMs: 0 }];
    const of = (connected: boolean, publisher: Parameters<typeof waitingReason>[0]['publisher']) =>
      waitingReason({ connected, publisher });
    expect(of(false, { pending: 0, waiting: [] })).toBeUndefined();
    expect(of(false, { pending: 1, waiting: [] })).toBe('no NATS server can be reached');
    expect(of(true, { pending: 1, waiting: waiting(10_077, 'maximum bytes exceeded') })).toContain(
      'the server answers "maximum bytes exceeded"',
    );
    const leaderless = 'no leader takes it, as when most of a NATS cluster is gone (see `troupe status`)';
    expect(of(true, { pending: 1, waiting: waiting(503, 'the stream does not answer') })).toBe(leaderless);
    expect(of(true, { pending: 1, waiting: waiting(10_158, 'duplicate message id is in process') })).toBe(
      leaderless,
    );
    expect(of(true, { pending: 1, waiting: [] })).toBe(leaderless);
  });
});
