import { describe, expect, it } from 'vitest';
import { datasetConfigSchema, needsReplay, shardNumbers } from '../../../actors/config/index.ts';

const configOf = (change: Readonly<Record<string, unknown>> = {}) => datasetConfigSchema.parse(change);

describe('a changed configuration', () => {
  it.each([
    ['shards', { shards: 7 }],
    ['the model', { model: 'clip' }],
    ['a radius of a hash', { dedup: { phashRadius: 4 } }],
    ['the other radius', { dedup: { dhashRadius: 0 } }],
    ['the radius for turned pictures', { dedup: { transformedRadius: 2 } }],
    ['vectors that propose pairs', { dedup: { vectors: { semantic: 0.9 } } }],
    ['a first threshold for vectors', { dedup: { vectors: { near: 0.95, review: 0.9 } } }],
  ])('has contents compared anew for %s', (_, change) => {
    expect(needsReplay(configOf(), configOf(change))).toBe(true);
  });

  it.each([
    ['rules', { rules: { keepAt: 0.9 } }],
    ['thresholds for pixels', { dedup: { pixels: { near: 0.01 } } }],
    ['when to cut', { cut: { everyItems: 10 } }],
  ])('takes effect at the next cut for %s', (_, change) => {
    expect(needsReplay(configOf(), configOf(change))).toBe(false);
  });

  it('needs pairs measured anew for a lower threshold of vectors, which relates more of them, and not for a higher one', () => {
    const low = configOf({ dedup: { vectors: { near: 0.95, review: 0.9 } } });
    const high = configOf({ dedup: { vectors: { near: 0.97, review: 0.95 } } });
    expect(needsReplay(low, high)).toBe(false);
    expect(needsReplay(high, low)).toBe(true);
  });
});

describe('the shards of a generation', () => {
  it('follow its first one', () => {
    expect(shardNumbers({ number: 3, base: 6 }, { shards: 3 })).toEqual([6, 7, 8]);
  });
});
