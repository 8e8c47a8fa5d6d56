// The delays between restarts.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffDelay, checkBackoff, defaultBackoff, InvalidSupervisionOptions } from '#supervision';

describe('backoffDelay', () => {
  it('restarts at once the first time, then doubles from the minimum', () => {
    const delays = [0, 1, 2, 3, 4].map((former) => backoffDelay(defaultBackoff, former, 0.5));
    expect(delays).toEqual([0, 200, 400, 800, 1_600]);
  });

  it('takes about 3 s for five restarts in a row', () => {
    const total = [0, 1, 2, 3, 4].reduce((sum, former) => sum + backoffDelay(defaultBackoff, former, 0.5), 0);
    expect(total).toBe(3_000);
  });

  it('spreads a delay by a fifth to both sides', () => {
    expect(backoffDelay(defaultBackoff, 3, 0)).toBeCloseTo(640);
    expect(backoffDelay(defaultBackoff, 3, 0.999_999)).toBeCloseTo(960, 1);
  });

  it('stays within its limits after the jitter, however many restarts went before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (former, draw) => {
          const delay = backoffDelay(defaultBackoff, former, draw);
          expect(delay).toBeGreaterThanOrEqual(defaultBackoff.minMs);
          expect(delay).toBeLessThanOrEqual(defaultBackoff.maxMs);
        },
      ),
    );
  });

  it('resets by default after (min + max) / 2 of healthy work, at least 10 s', () => {
    expect(defaultBackoff.resetAfterMs).toBe(15_100);
  });

  it.each([
    [{ ...defaultBackoff, minMs: -1 }],
    [{ ...defaultBackoff, maxMs: 100 }],
    [{ ...defaultBackoff, jitter: 1.1 }],
    [{ ...defaultBackoff, resetAfterMs: Number.NaN }],
  ])('refuses %o', (options) => {
    expect(() => checkBackoff(options)).toThrow(InvalidSupervisionOptions);
  });
});
