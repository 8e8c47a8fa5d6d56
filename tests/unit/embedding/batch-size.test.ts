import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchSize } from '../../../actors/embedding/batch-size.ts';

const SIZES = [1, 2, 4, 8, 16, 32];
const MANY = 1_000;

const sizeOf = (latencyMs = 1_000) => new BatchSize({ sizes: SIZES, latencyMs });

/** Runs full batches of a model that takes `msOf(items)` for a run. */
function work(size: BatchSize, runs: number, msOf: (items: number) => number, waiting = MANY): number[] {
  return Array.from({ length: runs }, () => {
    const items = size.take(waiting);
    size.ran(items, msOf(items), waiting);
    return items;
  });
}

describe('the size of a batch', () => {
  it('grows while a larger one gives more items a second and enough is waiting', () => {
    const size = sizeOf();
    work(size, 60, (items) => 10 + items);
    expect(size.limit).toBe(32);
  });

  it('stays small while little is waiting', () => {
    const size = sizeOf();
    work(size, 60, (items) => 10 + items, 1);
    expect(size.limit).toBe(1);
  });

  it('steps back from a size that gives no more, and tries it again much later', () => {
    const size = sizeOf();
    const msOf = (items: number) => (items <= 4 ? 10 + items : items * 4);
    const taken = work(size, 150, msOf);
    expect(size.limit).toBe(4);
    expect(taken.filter((items) => items === 8)).toHaveLength(4);
    expect(work(size, 300, msOf).filter((items) => items === 8).length).toBeGreaterThan(0);
    expect(size.limit).toBe(4);
  });

  it('shrinks when runs take longer than they should', () => {
    const size = sizeOf(30);
    work(size, 60, (items) => 10 + items);
    expect(size.limit).toBe(16);
    work(size, 60, (items) => 10 + 4 * items);
    expect(size.limit).toBe(4);
  });

  it('halves when memory ran out, and does not try more soon', () => {
    const size = sizeOf();
    work(size, 60, (items) => 10 + items);
    size.ranOut(32);
    expect(size.limit).toBe(16);
    expect(size.halved).toBe(1);
    work(size, 100, (items) => 10 + items);
    expect(size.limit).toBe(16);
  });

  it('is always one of the sizes, and never more than what waits', () => {
    const step = fc.oneof(
      fc.record({ waiting: fc.nat({ max: 100 }), ms: fc.double({ min: 0.01, max: 2_000, noNaN: true }) }),
      fc.constant('out of memory' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const size = sizeOf(100);
        for (const each of steps) {
          if (each === 'out of memory') {
            const before = size.limit;
            size.ranOut(before);
            expect(size.limit).toBeLessThanOrEqual(Math.max(1, before / 2));
            continue;
          }
          const items = size.take(each.waiting);
          expect(SIZES).toContain(items);
          expect(items).toBeLessThanOrEqual(Math.max(1, each.waiting));
          size.ran(items, each.ms, each.waiting);
          expect(SIZES).toContain(size.limit);
        }
      }),
    );
  });

  it('refuses sizes that do not ascend from 1', () => {
    expect(() => new BatchSize({ sizes: [2, 4], latencyMs: 1 })).toThrow('expected ascending sizes from 1');
    expect(() => new BatchSize({ sizes: [1, 4, 4], latencyMs: 1 })).toThrow(RangeError);
  });
});
