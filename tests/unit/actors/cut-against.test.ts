import { describe, expect, it } from 'vitest';
import { datasetConfigSchema } from '../../../actors/config/index.ts';
import { deriveRows } from '../../../actors/keeper/cut.ts';
import type { Edge } from '../../../actors/kinds/kind.ts';
import { contentOf, edgeOf, judged } from '../../support/ledger-messages.ts';

const THRESHOLDS = { pixels: { near: 0.02, review: 0.04 } };

function outcomes(edges: readonly Edge[], dedup: object): readonly string[] {
  const config = datasetConfigSchema.parse({ dedup: { ...THRESHOLDS, against: ['train'], ...dedup } });
  const items = [
    judged(1, 'a', 'p', { rank: [2] }),
    judged(2, 'b', 'q', { rank: [1] }),
    judged(3, 'c', 'r', { verdict: 'review' }),
  ].map(({ edges: _, generation: __, ...entry }) => ({ entry, judgement: entry.judgement }));
  const rows = deriveRows(items, edges, { config });
  return rows
    .map(({ id, outcome, reasons, survivor }) =>
      [id, outcome, ...reasons, ...(survivor === null ? [] : ['for another'])].join(' '),
    )
    .sort();
}

/** The pair of `p` with a content of another dataset, so far apart; equal bytes for null. */
function against(distance: number | null, dataset = 'train'): Edge {
  if (distance !== null) return { ...edgeOf('p', 'theirs'), distance, against: dataset };
  const content = contentOf('p');
  return { ...edgeOf('p', 'theirs'), a: content, b: content, hashes: {}, distance: 0, against: dataset };
}

describe('an item of which another dataset has a copy', () => {
  it.each([
    ['equal', against(null), 'a rejected against.train.exact'],
    ['near', against(0.01), 'a rejected against.train.near'],
    ['in the band for a person', against(0.03), 'a review against.train.uncertain'],
    ['far', against(0.2), 'a kept'],
  ])('that is %s ends as the actions say', (_, edge, ending) => {
    expect(outcomes([edge], {})).toEqual([ending, 'b kept', 'c review']);
  });

  it('stays where the actions only group', () => {
    expect(outcomes([against(0.01)], { actions: { near: 'group' } })[0]).toBe('a kept');
  });

  it('takes none of its own dataset with it: a copy of it is chosen instead', () => {
    expect(outcomes([edgeOf('p', 'q')], {})).toEqual(['a kept', 'b duplicate for another', 'c review']);
    expect(outcomes([edgeOf('p', 'q'), against(null)], {})).toEqual([
      'a rejected against.train.exact',
      'b kept',
      'c review',
    ]);
  });

  it('counts only for datasets that are named', () => {
    expect(outcomes([against(null, 'other')], {})[0]).toBe('a kept');
    expect(outcomes([against(null)], { against: undefined })[0]).toBe('a kept');
  });
});
