import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecorded, relationOf } from '../../../actors/dedup/relation.ts';

const thresholds = (
  pixels: [number, number | null],
  vectors: [number | null, number | null] = [null, null],
) => ({
  pixels: { near: pixels[0], review: pixels[1] },
  vectors: { near: vectors[0], review: vectors[1] },
});
const pair = (distance: number, similarity: number | null = null) => ({ distance, similarity });

describe('a measured pair', () => {
  it.each([
    [0.07, 'near'],
    [0.070001, 'uncertain'],
    [0.08, 'uncertain'],
    [0.080001, undefined],
  ])('of pixel distance %d is %s by the default thresholds', (distance, relation) => {
    expect(relationOf(pair(distance), thresholds([0.07, null]))).toBe(relation);
  });

  it('has no middle band where review equals near', () => {
    expect(relationOf(pair(0.0701), thresholds([0.07, 0.07]))).toBeUndefined();
  });

  it.each([
    [0.95, 'near'],
    [0.949999, 'uncertain'],
    [0.92, 'uncertain'],
    [0.919999, undefined],
  ])('of cosine %d is %s where vectors take part, whatever its pixels', (similarity, relation) => {
    expect(relationOf(pair(0.9, similarity), thresholds([0.07, null], [0.95, 0.92]))).toBe(relation);
  });

  it('is judged by pixels alone where vectors have no threshold', () => {
    expect(relationOf(pair(0.9, 1), thresholds([0.07, null]))).toBeUndefined();
  });

  it('is recorded whenever a threshold up to 0.25, or a cosine from 0.8, would relate it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.option(fc.double({ min: -1, max: 1, noNaN: true })),
        fc.double({ min: 0, max: 0.25, noNaN: true }),
        fc.double({ min: 0.8, max: 1, noNaN: true }),
        (distance, similarity, near, cosine) => {
          const related = relationOf(pair(distance, similarity), thresholds([near, near], [cosine, null]));
          if (related !== undefined) expect(isRecorded(pair(distance, similarity))).toBe(true);
        },
      ),
    );
  });
});
