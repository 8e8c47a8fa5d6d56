// How a pool grows and shrinks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidSupervisionOptions, PoolSize, type PoolSizing } from '#supervision';

const sizing: PoolSizing = { min: 2, max: 16, coolDownMs: 1_000, shrinkAfterLooks: 3 };
const behind = { lagMs: 2_000, busyShare: 1 };
const idle = { lagMs: 0, busyShare: 0 };

describe('PoolSize', () => {
  it('grows by half while messages wait and members are busy, up to its maximum', () => {
    const pool = new PoolSize(sizing);
    const sizes = [2];
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1_000) {
      const size = sizes.at(-1) ?? 0;
      sizes.push(size + pool.decide({ nowMs, size, ...behind }));
    }
    expect(sizes.slice(0, 8)).toEqual([2, 3, 5, 8, 12, 16, 16, 16]);
  });

  it('stays as it is when messages wait but members do not work, and when they work but nothing waits', () => {
    const pool = new PoolSize(sizing);
    expect(pool.decide({ nowMs: 0, size: 4, lagMs: 60_000, busyShare: 0.5 })).toBe(0);
    expect(pool.decide({ nowMs: 1, size: 4, lagMs: 0, busyShare: 1 })).toBe(0);
  });

  it('shrinks by one, and only after several looks in a row', () => {
    const pool = new PoolSize(sizing);
    const looks = [idle, idle, behind, idle, idle, idle].map((seen, at) =>
      pool.decide({ nowMs: 5_000 + at, size: 16, ...seen }),
    );
    expect(looks).toEqual([0, 0, 0, 0, 0, -1]);
  });

  it('changes nothing while it cools down', () => {
    const pool = new PoolSize(sizing);
    expect(pool.decide({ nowMs: 0, size: 4, ...behind })).toBe(2);
    expect(pool.decide({ nowMs: 999, size: 6, ...behind })).toBe(0);
    expect(pool.decide({ nowMs: 1_000, size: 6, ...behind })).toBe(3);
  });

  it('comes back within its limits at once, cooling down or not', () => {
    const pool = new PoolSize(sizing);
    expect(pool.decide({ nowMs: 0, size: 20, ...behind })).toBe(-4);
    expect(pool.decide({ nowMs: 1, size: 0, ...idle })).toBe(2);
  });

  it('stays within its limits whatever it sees', () => {
    const seen = fc.record({
      passedMs: fc.nat(3_000),
      lagMs: fc.nat(5_000),
      busyShare: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(20), fc.array(seen), (min, more, looks) => {
        const pool = new PoolSize({ ...sizing, min, max: min + more });
        let [size, nowMs] = [min, 0];
        for (const { passedMs, lagMs, busyShare } of looks) {
          nowMs += passedMs;
          size += pool.decide({ nowMs, size, lagMs, busyShare });
          expect(size).toBeGreaterThanOrEqual(min);
          expect(size).toBeLessThanOrEqual(min + more);
        }
      }),
    );
  });

  it('comes to rest under a steady load and never takes back what it did', () => {
    // The load is the number of members that it keeps busy; what exceeds the members waits.
    const load = fc.double({ min: 0, max: 20, noNaN: true });
    fc.assert(
      fc.property(load, fc.integer({ min: 2, max: 16 }), (work, first) => {
        const pool = new PoolSize({ ...sizing, min: 1 });
        const changes: number[] = [];
        let size = first;
        for (let nowMs = 0; nowMs < 100_000; nowMs += 500) {
          const lagMs = work > size ? 10_000 : 0;
          const by = pool.decide({ nowMs, size, lagMs, busyShare: Math.min(1, work / size) });
          size += by;
          if (by !== 0) changes.push(by);
        }
        expect(new Set(changes.map(Math.sign)).size).toBeLessThanOrEqual(1);
        expect(changes.length).toBeLessThanOrEqual(16);
        expect(size).toBeGreaterThanOrEqual(Math.min(16, Math.ceil(work)));
      }),
    );
  });

  it.each([
    { min: 0, max: 4 },
    { min: 4, max: 3 },
    { min: 1.5, max: 4 },
    { min: 1, max: 4, growAboveBusy: 0.3 },
    { min: 1, max: 4, coolDownMs: -1 },
    { min: 1, max: 4, shrinkAfterLooks: 0 },
    { min: 1, max: 4, growAboveLagMs: Number.NaN },
  ])('refuses %o', (wrong) => {
    expect(() => new PoolSize(wrong)).toThrow(InvalidSupervisionOptions);
  });
});
