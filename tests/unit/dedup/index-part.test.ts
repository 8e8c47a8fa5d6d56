import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContentKeys, IndexPart, planInserts, planQueries } from '../../../actors/dedup/index.ts';
import { contentSets, SPEC } from './dedup-cases.ts';

const insertInto = (part: IndexPart, contents: readonly ContentKeys[]) => {
  const plan = planInserts(contents, 1).get(0);
  if (plan !== undefined) part.insert(plan);
};
const asked = (part: IndexPart, contents: readonly ContentKeys[]) =>
  part.query(planQueries(contents, 1).get(0) ?? { slices: [], keys: [] });

describe('IndexPart', () => {
  it('answers the same after it was restored from a snapshot, and takes inserts as before', () => {
    fc.assert(
      fc.property(contentSets, fc.nat({ max: 14 }), (contents, at) => {
        const part = new IndexPart(SPEC);
        insertInto(part, contents.slice(0, at));
        const restored = IndexPart.restore(SPEC, part.snapshot());
        expect(asked(restored, contents)).toEqual(asked(part, contents));
        insertInto(part, contents);
        insertInto(restored, contents);
        expect(asked(restored, contents)).toEqual(asked(part, contents));
        expect([restored.slices, restored.keys]).toEqual([part.slices, part.keys]);
      }),
    );
  });

  it('is not changed by what happens to another that was restored from it', () => {
    fc.assert(
      fc.property(contentSets, (contents) => {
        const part = new IndexPart(SPEC);
        insertInto(part, contents.slice(0, 5));
        const snapshot = part.snapshot();
        const before = asked(part, contents);
        insertInto(IndexPart.restore(SPEC, snapshot), contents);
        expect(asked(part, contents)).toEqual(before);
        expect(asked(IndexPart.restore(SPEC, snapshot), contents)).toEqual(before);
      }),
    );
  });

  it('changes nothing when it is given the same again', () => {
    fc.assert(
      fc.property(contentSets, (contents) => {
        const part = new IndexPart(SPEC);
        insertInto(part, contents);
        const before = { finds: asked(part, contents), bytes: part.bytes };
        insertInto(part, [...contents].reverse());
        expect({ finds: asked(part, contents), bytes: part.bytes }).toEqual(before);
      }),
    );
  });
});
