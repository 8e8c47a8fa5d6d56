// The edges of the sliding restart window.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidSupervisionOptions, RestartWindow } from '#supervision';

describe('RestartWindow', () => {
  it('admits as many restarts as its intensity within the window and refuses the next', () => {
    const window = new RestartWindow({ maxRestarts: 2, withinMs: 1_000 });
    expect([window.admit(0), window.admit(1), window.admit(999)]).toEqual([true, true, false]);
  });

  it('forgets a restart at exactly the age of the window, not a millisecond sooner', () => {
    const sooner = new RestartWindow({ maxRestarts: 1, withinMs: 1_000 });
    sooner.admit(0);
    expect(sooner.admit(999)).toBe(false);
    const exactly = new RestartWindow({ maxRestarts: 1, withinMs: 1_000 });
    exactly.admit(0);
    expect(exactly.admit(1_000)).toBe(true);
  });

  it('does not count a refused restart', () => {
    const window = new RestartWindow({ maxRestarts: 1, withinMs: 100 });
    window.admit(0);
    window.admit(99);
    expect(window.admit(100)).toBe(true);
  });

  it('admits none at intensity 0', () => {
    expect(new RestartWindow({ maxRestarts: 0, withinMs: 1 }).admit(5)).toBe(false);
  });

  it('counts restarts of the same instant one by one', () => {
    const window = new RestartWindow({ maxRestarts: 2, withinMs: 1 });
    expect([window.admit(7), window.admit(7), window.admit(7), window.admit(8)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('at intensity 0 admits none, and at intensity 1 one for each stretch of the window, whatever the gaps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }),
        (withinMs, gaps) => {
          const [none, one] = [0, 1].map((maxRestarts) => new RestartWindow({ maxRestarts, withinMs }));
          let nowMs = 0;
          let lastMs = Number.NEGATIVE_INFINITY;
          for (const gap of gaps) {
            nowMs += gap;
            expect(none?.admit(nowMs)).toBe(false);
            expect(one?.admit(nowMs)).toBe(nowMs - lastMs >= withinMs);
            if (nowMs - lastMs >= withinMs) lastMs = nowMs;
          }
        },
      ),
    );
  });

  it('tells how many restarts it holds without admitting one', () => {
    const window = new RestartWindow({ maxRestarts: 3, withinMs: 100 });
    window.admit(0);
    window.admit(60);
    expect([window.count(60), window.count(99), window.count(100), window.count(160)]).toEqual([2, 2, 1, 0]);
  });

  it('never admits more than the intensity in any stretch of the window, and refuses only when it is used up', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 60 }),
        (maxRestarts, withinMs, gaps) => {
          const window = new RestartWindow({ maxRestarts, withinMs });
          const admitted: number[] = [];
          let nowMs = 0;
          for (const gap of gaps) {
            nowMs += gap;
            const recent = admitted.filter((atMs) => atMs > nowMs - withinMs).length;
            const answer = window.admit(nowMs);
            expect(answer).toBe(recent < maxRestarts);
            if (answer) admitted.push(nowMs);
          }
        },
      ),
    );
  });

  it.each([
    [{ maxRestarts: -1, withinMs: 1 }],
    [{ maxRestarts: 1.5, withinMs: 1 }],
    [{ maxRestarts: 1, withinMs: 0 }],
    [{ maxRestarts: 1, withinMs: Number.NaN }],
  ])('refuses the intensity %o', (intensity) => {
    expect(() => new RestartWindow(intensity)).toThrow(InvalidSupervisionOptions);
  });
});
