import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relationOf } from '../../../actors/dedup/relation.ts';
import { byKeepBest, formStars, type StarItem, type StarRules } from '../../../actors/dedup/stars.ts';
import type { Edge } from '../../../actors/kinds/kind.ts';

const edge = (a: string, b: string): Edge => ({
  a: a < b ? a : b,
  b: a < b ? b : a,
  hashes: { phash: 2 },
  distance: 0.01,
  algorithm: 'pixels64@1',
  similarity: null,
});
const uncertainEdge = (a: string, b: string): Edge => ({ ...edge(a, b), distance: 0.075 });
const item = (name: string, content: string, ...rank: number[]): StarItem => ({ item: name, content, rank });
const relation = (each: Edge) =>
  relationOf(each, {
    pixels: { near: 0.07, review: 0.08 },
    vectors: { near: null, review: null, semantic: null },
  });
const rules = (exact: 'drop' | 'group' | 'keep', near: 'drop' | 'group' | 'keep'): StarRules => ({
  actions: { exact, near, transformed: 'group', semantic: 'group', uncertain: 'review' },
  relationOf: relation,
});
const drop = rules('drop', 'drop');

/** Up to 12 items over up to 8 contents with random ranks and edges. */
const graphs = fc
  .record({
    items: fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 3 })), {
      maxLength: 12,
    }),
    pairs: fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 7 })), {
      maxLength: 12,
    }),
  })
  .map(({ items, pairs }) => ({
    items: items.map(([content, rank], at) => item(`i${String(at).padStart(2, '0')}`, `c${content}`, rank)),
    edges: pairs.filter(([a, b]) => a !== b).map(([a, b]) => edge(`c${a}`, `c${b}`)),
  }));

describe('stars', () => {
  it('drop an item only for a survivor which is itself kept and directly related', () => {
    fc.assert(
      fc.property(graphs, ({ items, edges }) => {
        const places = formStars(items, edges, drop);
        const contentOf = new Map(items.map((each) => [each.item, each.content]));
        for (const place of places.values()) {
          if (place.action !== 'drop') continue;
          expect(places.get(place.survivor ?? '')?.action).toBe('keep');
          const own = contentOf.get(place.item) ?? '';
          const other = contentOf.get(place.survivor ?? '') ?? '';
          if (place.relation === 'exact') expect(own).toBe(other);
          else expect(edges).toContainEqual(edge(own, other));
        }
      }),
    );
  });

  it('place every item, whatever the order of items and edges', () => {
    fc.assert(
      fc.property(graphs, fc.integer(), ({ items, edges }, seed) => {
        const shuffle = <T>(list: readonly T[]) => [...list].sort((a, b) => hash(a, seed) - hash(b, seed));
        const expected = formStars(items, edges, drop);
        const actual = formStars(shuffle(items), shuffle(edges), drop);
        expect(new Map([...actual].sort())).toEqual(new Map([...expected].sort()));
        expect(actual.size).toBe(items.length);
      }),
    );
  });

  it('never drop an item that only chains: it stays, and the family is named', () => {
    const places = formStars(
      [item('a', 'ca', 3), item('b', 'cb', 2), item('c', 'cc', 1)],
      [edge('ca', 'cb'), edge('cb', 'cc')],
      drop,
    );
    expect(places.get('b')).toMatchObject({ action: 'drop', survivor: 'a', relation: 'near', family: 'a' });
    expect(places.get('c')).toMatchObject({ action: 'keep', survivor: null, family: 'a' });
  });

  it('let the best by keep-best survive, and the smallest digest where all criteria are equal', () => {
    const [first] = [item('b', 'x', 1, 0), item('a', 'x', 1, 0), item('c', 'x', 0, 9)].sort(byKeepBest);
    expect(first?.item).toBe('a');
    expect(formStars([item('b', 'x', 2), item('a', 'x', 1)], [], drop).get('a')).toMatchObject({
      action: 'drop',
      survivor: 'b',
      relation: 'exact',
    });
  });

  it('set the lesser item of an uncertain pair aside for a person, and drop nothing for it', () => {
    const places = formStars([item('a', 'ca', 2), item('b', 'cb', 1)], [uncertainEdge('ca', 'cb')], drop);
    expect(places.get('a')).toMatchObject({ action: 'keep', survivor: null });
    expect(places.get('b')).toMatchObject({ action: 'review', survivor: 'a', relation: 'uncertain' });
  });

  it('keep a survivor with duplicates of its own, whatever uncertain pair it is in', () => {
    const items = [item('a', 'ca', 3), item('b', 'cb', 2), item('c', 'cc', 1)];
    const places = formStars(items, [uncertainEdge('ca', 'cb'), edge('cb', 'cc')], drop);
    expect(places.get('b')).toMatchObject({ action: 'keep' });
    expect(places.get('c')).toMatchObject({ action: 'drop', survivor: 'b' });
  });

  it('prefer a confirmed relation to an uncertain one', () => {
    const items = [item('a', 'ca', 3), item('b', 'cb', 2), item('c', 'cc', 1)];
    const places = formStars(items, [uncertainEdge('ca', 'cc'), edge('cb', 'cc')], drop);
    expect(places.get('c')).toMatchObject({ action: 'drop', survivor: 'b' });
  });

  it('keep the duplicates of a grouped survivor with it: both it and the better one are kept', () => {
    const items = [item('a', 'ca', 3), item('b', 'cb', 2), item('c', 'cc', 1)];
    const semantic: StarRules<'near' | 'semantic' | 'uncertain'> = {
      actions: { exact: 'drop', near: 'drop', semantic: 'group', uncertain: 'review' },
      relationOf: ({ a, b }) => (a === 'ca' && b === 'cb' ? 'semantic' : 'near'),
    };
    const places = formStars(items, [edge('ca', 'cb'), edge('cb', 'cc')], semantic);
    expect(places.get('a')).toMatchObject({ action: 'keep', survivor: null });
    expect(places.get('b')).toMatchObject({ action: 'group', survivor: 'a', relation: 'semantic' });
    expect(places.get('c')).toMatchObject({ action: 'drop', survivor: 'b', relation: 'near' });
  });

  it('drop the equal copy of an item that is only grouped', () => {
    const items = [item('a', 'ca', 3), item('b', 'cb', 2), item('c', 'cb', 1)];
    const places = formStars(items, [edge('ca', 'cb')], rules('drop', 'group'));
    expect(places.get('b')).toMatchObject({ action: 'group', survivor: 'a' });
    expect(places.get('c')).toMatchObject({ action: 'drop', survivor: 'b', relation: 'exact' });
  });

  it('keep grouped items, named with their survivor, and ignore relations whose action is keep', () => {
    const items = [item('a', 'ca', 2), item('b', 'cb', 1)];
    const grouped = formStars(items, [edge('ca', 'cb')], rules('drop', 'group'));
    expect(grouped.get('b')).toMatchObject({ action: 'group', survivor: 'a' });
    const ignored = formStars(items, [edge('ca', 'cb')], rules('drop', 'keep'));
    expect(ignored.get('b')).toMatchObject({ action: 'keep', survivor: null });
  });
});

function hash(value: unknown, seed: number): number {
  let sum = seed;
  for (const char of JSON.stringify(value)) sum = (Math.imul(sum, 31) + char.charCodeAt(0)) | 0;
  return sum;
}
