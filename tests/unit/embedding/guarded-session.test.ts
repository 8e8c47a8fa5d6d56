import { describe, expect, it } from 'vitest';
import { CircuitBreaker, ThreadCrashed, ThreadNotBegun } from '#runtime';
import { ManualClock } from '#testkit';
import { GuardedSession, type Sessions } from '../../../actors/pipeline/guarded-session.ts';

/** A session that answers its asks as told, one after the other. */
function guarded(answers: readonly (Error | 'vectors')[]) {
  const breaker = new CircuitBreaker({
    path: 'sessions',
    name: 'model scripted',
    options: {
      failures: 1,
      minOpenMs: 1_000,
      maxOpenMs: 1_000,
      failureRate: 1,
      minCalls: 1,
      windowMs: 60_000,
      jitter: 0,
    },
    clock: new ManualClock(),
    random: { next: () => 0 } as never,
    emit: () => {},
  });
  let asked = 0;
  const ref = {
    room: async () => true,
    ask: async () => {
      const answer = answers[asked++];
      if (answer instanceof Error) throw answer;
      return { vectors: [Float32Array.of(1)] };
    },
  } as unknown as Sessions;
  const session = new GuardedSession({ ref, breaker, timeoutMs: 1_000 });
  const embed = () => session.embed([Uint8Array.of(1)], 1, new AbortController().signal);
  return { embed, breaker, asked: () => asked };
}

const crash = new ThreadCrashed('session', 'exit', 'exited with code 3');

describe('a guarded session', () => {
  it('asks again what its session had not begun when it ended, at the cost of nothing', async () => {
    const notBegun = new ThreadNotBegun('session', { cause: crash });
    const { embed, breaker, asked } = guarded([notBegun, notBegun, 'vectors']);
    expect(await embed()).toEqual([Float32Array.of(1)]);
    expect(asked()).toBe(3);
    expect(breaker.state).toBe('closed');
    expect(breaker.lastError).toBeUndefined();
  });

  it('counts the end of a session for the request that it had in hand', async () => {
    const { embed, breaker } = guarded([crash, 'vectors']);
    void embed().catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(breaker.state).toBe('open');
  });
});
