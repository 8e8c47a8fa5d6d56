import { describe, expect, it } from 'vitest';
import { datasetConfigSchema, vectorsDrop } from '../../../actors/config/index.ts';

const drops = (dedup: object) => vectorsDrop(datasetConfigSchema.parse({ dedup }).dedup);

describe('a vector may drop an item', () => {
  it('where it confirms a pair that is dropped', () => {
    expect(drops({ vectors: { near: 0.95 } })).toBe(true);
    expect(drops({ vectors: { near: 0.95 }, actions: { near: 'group' } })).toBe(false);
    expect(drops({ vectors: { near: 0.95 }, actions: { near: 'group', transformed: 'drop' } })).toBe(true);
  });

  it('where it relates a pair that is dropped', () => {
    expect(drops({ vectors: { semantic: 0.9 } })).toBe(false);
    expect(drops({ vectors: { semantic: 0.9 }, actions: { semantic: 'drop' } })).toBe(true);
  });

  it('nowhere by default', () => {
    expect(drops({})).toBe(false);
    expect(drops({ actions: { semantic: 'drop' } })).toBe(false);
  });
});
