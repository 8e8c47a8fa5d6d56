// Rates by source: how many pass, when the others may, and that nothing else waits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { type SourceRate, SourceRates } from '../../../actors/sources/source-rates.ts';

const rates = (...given: readonly SourceRate[]) => {
  const clock = new ManualClock();
  return { clock, rates: new SourceRates({ rates: given, clock }) };
};

describe('source rates', () => {
  it('let a source without a rate pass always', () => {
    const { rates: open } = rates({ source: 'crawl/*', perSecond: 1, burst: 1 });
    for (let item = 0; item < 100; item++) expect(open.tryTake('camera')).toBe(true);
    expect(open.waitMs('camera', 'a')).toBe(0);
  });

  it('let a burst pass, then one item in each interval', async () => {
    const { clock, rates: limited } = rates({ source: '*', perSecond: 10, burst: 3 });
    const taken = () => [1, 2, 3, 4].map(() => limited.tryTake('a'));
    expect(taken()).toEqual([true, true, true, false]);
    await clock.advance(100);
    expect(taken()).toEqual([true, false, false, false]);
    await clock.advance(10_000);
    expect(taken()).toEqual([true, true, true, false]);
  });

  it('count each source that a glob matches by itself', () => {
    const { rates: limited } = rates({ source: 'crawl/*', perSecond: 1, burst: 1 });
    expect(limited.tryTake('crawl/a')).toBe(true);
    expect(limited.tryTake('crawl/a')).toBe(false);
    expect(limited.tryTake('crawl/b')).toBe(true);
  });

  it('give each held item a time of its own, in order, which it keeps', async () => {
    const { clock, rates: limited } = rates({ source: '*', perSecond: 2, burst: 1 });
    expect(limited.tryTake('a')).toBe(true);
    expect(['x', 'y', 'z'].map((key) => limited.waitMs('a', key))).toEqual([500, 1_000, 1_500]);
    await clock.advance(400);
    expect(['x', 'y', 'z'].map((key) => limited.waitMs('a', key))).toEqual([100, 600, 1_100]);
    await clock.advance(100);
    expect(['x', 'y', 'z'].map((key) => limited.waitMs('a', key))).toEqual([0, 500, 1_000]);
  });

  it('let no new item overtake those that are held', async () => {
    const { clock, rates: limited } = rates({ source: '*', perSecond: 1, burst: 1 });
    limited.tryTake('a');
    expect(limited.waitMs('a', 'held')).toBe(1_000);
    await clock.advance(1_000);
    expect(limited.tryTake('a')).toBe(false);
    expect(limited.waitMs('a', 'held')).toBe(0);
  });

  it('never let more than burst and rate pass in any span of time, and all in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }),
        async (perSecond, burst, gaps) => {
          const { clock, rates: limited } = rates({ source: '*', perSecond, burst });
          const startMs = clock.monotonicMs();
          const passed: number[] = [];
          const waiting = new Map<string, number>();
          for (const [item, gap] of gaps.entries()) {
            await clock.advance(gap);
            const nowMs = clock.monotonicMs() - startMs;
            const waitMs = limited.waitMs('a', String(item));
            if (waitMs === 0) passed.push(nowMs);
            else waiting.set(String(item), nowMs + waitMs);
          }
          await clock.advance(100_000);
          for (const [key, dueMs] of waiting) {
            expect(limited.waitMs('a', key)).toBe(0);
            passed.push(dueMs);
          }
          passed.sort((a, b) => a - b);
          expect(passed).toHaveLength(gaps.length);
          for (const [at, time] of passed.entries()) {
            const earlier = passed[at - burst];
            if (earlier !== undefined) expect(time - earlier).toBeGreaterThanOrEqual(1000 / perSecond - 1e-6);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
