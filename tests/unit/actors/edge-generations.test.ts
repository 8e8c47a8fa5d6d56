import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EdgeGenerations } from '../../../actors/keeper/edge-generations.ts';
import { contentOf, edgeOf } from '../../support/ledger-messages.ts';

const NAMES = ['p', 'q', 'r', 's'] as const;
const content = fc.constantFrom(...NAMES);
const pair = fc
  .tuple(content, content)
  .filter(([one, other]) => one !== other)
  .map(([one, other]) => edgeOf(one, other));
const generation = fc.integer({ min: 1, max: 4 });

/** What can be done to the generations of a ledger. */
const step = fc.oneof(
  fc.record({ type: fc.constant('join' as const), edges: fc.array(pair, { maxLength: 3 }), generation }),
  fc.record({ type: fc.constant('entered' as const), content, generation }),
  fc.record({ type: fc.constant('begin' as const), generation }),
  fc.record({
    type: fc.constant('compared' as const),
    generation,
    content,
    edges: fc.array(pair, { maxLength: 2 }),
    failure: fc.option(fc.constant('not_found'), { nil: null }),
  }),
  fc.record({ type: fc.constant('switch' as const), generation }),
  fc.record({ type: fc.constant('cancel' as const), generation }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(generations: EdgeGenerations, each: Step): void {
  switch (each.type) {
    case 'join':
      generations.join(each.edges, each.generation, 1);
      return;
    case 'entered':
      generations.entered(contentOf(each.content), 1, each.generation);
      return;
    case 'begin':
      generations.begin(
        { generation: each.generation, config: 'c', begunAt: 't' },
        NAMES.map((name, at) => [contentOf(name), at + 1]),
      );
      return;
    case 'compared':
      generations.compared(
        each.generation,
        [{ content: contentOf(each.content), failure: each.failure }],
        each.edges,
      );
      return;
    case 'switch':
      generations.switch(each.generation, 't');
      return;
    case 'cancel':
      generations.cancel(each.generation);
      return;
  }
}

const essence = (generations: EdgeGenerations) => ({
  ...generations.save(),
  accounted: generations.accountedBytes,
});

function begun(): EdgeGenerations {
  const generations = new EdgeGenerations();
  generations.join([edgeOf('p', 'q')], 1, 2);
  const contents = [
    [contentOf('p'), 1],
    [contentOf('q'), 2],
  ] as const;
  generations.begin({ generation: 2, config: 'c', begunAt: 'then' }, contents);
  return generations;
}

const pairsOf = (generations: EdgeGenerations) => [...generations.edges()].map(({ edge }) => edge);

describe('the generations of measured pairs', () => {
  it('are the same after a snapshot, at any point, and go on the same from there', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.array(step, { maxLength: 20 }), (before, after) => {
        const live = new EdgeGenerations();
        for (const each of before) take(live, each);
        const restored = EdgeGenerations.restore(structuredClone(live.save()));
        expect(essence(restored)).toEqual(essence(live));
        for (const each of after) {
          take(live, each);
          take(restored, each);
        }
        expect(essence(restored)).toEqual(essence(live));
      }),
    );
  });

  it('do not change when an event is applied a second time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), step, (before, last) => {
        const generations = new EdgeGenerations();
        for (const each of [...before, last]) take(generations, each);
        const once = structuredClone(essence(generations));
        take(generations, last);
        expect(essence(generations)).toEqual(once);
      }),
    );
  });

  it('let the present one count alone until the switch, and then only the new one', () => {
    const generations = begun();
    generations.compared(2, [{ content: contentOf('p'), failure: null }], [edgeOf('p', 'r')]);
    expect(pairsOf(generations)).toEqual([edgeOf('p', 'q')]);
    generations.switch(2, 'now');
    expect(pairsOf(generations)).toEqual([edgeOf('p', 'r')]);
    expect(generations.history).toEqual([{ generation: 2, config: 'c', begunAt: 'then', switchedAt: 'now' }]);
  });

  it('have a content compared that came under the former one, once', () => {
    const generations = begun();
    generations.entered(contentOf('s'), 9, 1);
    generations.entered(contentOf('r'), 8, 2);
    expect([...generations.pending]).toEqual([
      [contentOf('p'), 1],
      [contentOf('q'), 2],
      [contentOf('s'), 9],
    ]);
    for (const name of ['p', 'q', 's']) {
      generations.compared(2, [{ content: contentOf(name), failure: null }], []);
    }
    generations.entered(contentOf('s'), 10, 1);
    expect(generations.pending.size).toBe(0);
    generations.switch(2, 'now');
    generations.entered(contentOf('r'), 11, 1);
    expect([...generations.pending.keys()]).toEqual([contentOf('r')]);
  });

  it('keep nothing of one that is given up', () => {
    const before = new EdgeGenerations();
    before.join([edgeOf('p', 'q')], 1, 2);
    const generations = begun();
    generations.compared(2, [{ content: contentOf('p'), failure: 'not_found: gone' }], [edgeOf('p', 'r')]);
    expect(generations.failures.size).toBe(1);
    generations.cancel(2);
    const { history: _, ...left } = essence(generations);
    const { history: __, ...was } = essence(before);
    expect(left).toEqual(was);
  });
});
