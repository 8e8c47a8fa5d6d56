import { describe, expect, it } from 'vitest';
import { type BatchCell, kneeOf, proposalOf, usableCells } from '../../../cli/models/bench-curve.ts';

const cell = (batch: number, itemsPerS: number, own: Partial<BatchCell> = {}): BatchCell => ({
  batch,
  threads: 1,
  itemsPerS,
  bits: true,
  cosine: 1,
  ...own,
});
const curve = [cell(1, 50), cell(2, 80), cell(4, 97), cell(8, 100), cell(16, 99)];

describe('the knee of a curve', () => {
  it('is the smallest batch within 5 % of the best', () => {
    expect(kneeOf(curve)?.batch).toBe(4);
    expect(kneeOf([cell(1, 50), cell(2, 50)])?.batch).toBe(1);
    expect(kneeOf([])).toBeUndefined();
  });

  it('is looked for only among batches up to the first that changes a bit', () => {
    const changed = [cell(1, 50), cell(2, 60), cell(4, 97, { bits: false }), cell(8, 100)];
    expect(usableCells(changed, 1).map(({ batch }) => batch)).toEqual([1, 2]);
    expect(proposalOf(changed, [{ sessions: 1, itemsPerS: 60 }])).toMatchObject({ batch: 2, sessions: 1 });
  });
});

describe('the proposal', () => {
  const sessions = [
    { sessions: 1, itemsPerS: 97 },
    { sessions: 2, itemsPerS: 180 },
    { sessions: 3, itemsPerS: 185 },
  ];

  it('takes as few sessions as give nearly the best rate', () => {
    expect(proposalOf(curve, sessions)).toEqual({ batch: 4, threads: 1, sessions: 2, itemsPerS: 180 });
  });

  it('takes threads inside a run only where they clearly beat sessions', () => {
    const even = [...curve, cell(4, 185, { threads: 2 })];
    expect(proposalOf(even, sessions)).toMatchObject({ threads: 1, sessions: 2 });
    const better = [...curve, cell(4, 250, { threads: 2 }), cell(8, 200, { threads: 2 })];
    expect(proposalOf(better, sessions)).toEqual({ batch: 4, threads: 2, sessions: 1, itemsPerS: 250 });
  });
});
