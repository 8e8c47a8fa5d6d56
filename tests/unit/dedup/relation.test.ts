import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecorded, relationOf } from '../../../actors/dedup/relation.ts';

const thresholds = (
  pixels: [number, number | null],
  vectors: [near: number | null, review: number | null, semantic?: number | null] = [null, null],
) => ({
  pixels: { near: pixels[0], review: pixels[1] },
  vectors: { near: vectors[0], review: vectors[1], semantic: vectors[2] ?? null },
});
const pair = (distance: number, similarity: number | null = null, turned?: number) => ({
  distance,
  similarity,
  ...(turned !== undefined && { turned: { variant: 'flip-x', distance: turned } }),
});

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

  it('is what it is as it stands before what it is turned, and both before what is only alike', () => {
    const all = thresholds([0.07, 0.08], [0.95, null, 0.8]);
    expect(relationOf(pair(0.07, null, 0.01), all)).toBe('near');
    expect(relationOf(pair(0.5, 0.95, 0.01), all)).toBe('near');
    expect(relationOf(pair(0.5, 0.9, 0.07), all)).toBe('transformed');
    expect(relationOf(pair(0.5, 0.8, 0.071), all)).toBe('semantic');
    expect(relationOf(pair(0.08, 0.79), all)).toBe('uncertain');
    expect(relationOf(pair(0.081), all)).toBeUndefined();
  });

  it('is recorded whenever these thresholds, or any pixels up to 0.25 or cosine from 0.8, would relate it', () => {
    const cosine = () => fc.double({ min: -1, max: 1, noNaN: true });
    const distance = () => fc.double({ min: 0, max: 1, noNaN: true });
    const near = () => fc.double({ min: 0, max: 0.25, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(distance(), fc.option(cosine()), fc.option(distance())),
        fc.tuple(near(), fc.option(cosine()), fc.option(cosine())),
        fc.tuple(near(), fc.option(fc.double({ min: 0.8, max: 1, noNaN: true }))),
        ([far, similarity, turned], [pixels, vectors, semantic], [laterPixels, laterVectors]) => {
          const measured = pair(far, similarity, turned ?? undefined);
          const now = thresholds([pixels, pixels], [vectors, null, semantic]);
          const later = thresholds([laterPixels, laterPixels], [laterVectors, null, laterVectors]);
          const related = relationOf(measured, now) ?? relationOf(measured, later);
          if (related !== undefined) expect(isRecorded(measured, now)).toBe(true);
        },
      ),
    );
  });
});
