import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../actors/keeper/ledger.ts';
import { itemsByContent } from '../../../actors/keeper/ledger-contents.ts';
import { entryEvents, type LedgerEvent } from '../../../actors/keeper/ledger-events.ts';
import type { VerdictMessage } from '../../../actors/pipeline/messages.ts';
import { contentOf, dead, edgeOf, judged } from '../../support/ledger-messages.ts';
import { memoryCodec } from '../../support/memory-ports.ts';

const MESSAGES: readonly VerdictMessage[] = [
  judged(1, 'a', 'p', { rank: [3] }),
  judged(2, 'b', 'q', { rank: [2], edges: [edgeOf('p', 'q')] }),
  judged(3, 'c', 'p', { rank: [1] }),
  judged(4, 'a', 'p', { rank: [3] }),
  judged(5, 'd', 'r', { edges: [edgeOf('q', 'r')] }),
  dead(6),
  judged(7, 'e', 's', { verdict: 'rejected' }),
];
/** Items by their ids, and the dead sequence. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'dead'] as const;

const itemOf = (id: string) =>
  MESSAGES.flatMap((message) => (message.type === 'judged' && message.id === id ? [message.item] : []))[0] ??
  '';

function erased(names: readonly string[], reason: string | null = 'asked'): LedgerEvent {
  return {
    type: 'erased',
    at: '2026-01-01T00:00:00.000Z',
    reason,
    items: names.filter((name) => name !== 'dead').map((id) => ({ item: itemOf(id), survivorOf: [] })),
    sequences: names.includes('dead') ? [6] : [],
  };
}

/** As the keeper does once everything is deleted. */
function closing(ledger: Ledger): readonly LedgerEvent[] {
  return [{ type: 'erasure_done', deleted: ledger.erasures.open }, { type: 'erasure_closed' }];
}

const essence = (ledger: Ledger) => {
  const { items, edges } = ledger.asOf(ledger.length);
  return {
    items: items.map(({ item }) => item).sort(),
    edges: edges.map(({ a, b }) => a + b).sort(),
    missing: ledger.missing(7, 10),
  };
};

/** Messages in any order, some twice; in between, erasures of any names. */
const histories = fc.record({
  order: fc.shuffledSubarray([...MESSAGES, ...MESSAGES], { minLength: 14 }),
  erasures: fc.array(fc.record({ at: fc.nat({ max: 14 }), names: fc.subarray([...NAMES]) }), {
    maxLength: 4,
  }),
  restarts: fc.uniqueArray(fc.nat({ max: 14 }), { maxLength: 3 }),
});

describe('a ledger with erasures', () => {
  it('is as if the erased had never come, but that their sequences have a verdict, whenever that was and however often', () => {
    fc.assert(
      fc.property(histories, ({ order, erasures, restarts }) => {
        let ledger = new Ledger();
        const gone = new Set<string>();
        for (let at = 0; at <= order.length; at += 1) {
          if (restarts.includes(at)) ledger = Ledger.decode(memoryCodec, ledger.encode(memoryCodec));
          for (const { names } of erasures.filter((each) => each.at === at)) {
            // Only what is known can be named.
            const known = names.filter((name) =>
              name === 'dead' ? ledger.entry(6)?.type === 'dead' : ledger.leadOf(itemOf(name)) !== undefined,
            );
            for (const event of [erased(known), erased(known)]) ledger.apply(event);
            for (const name of known) gone.add(name);
          }
          const message = order[at];
          if (message !== undefined && ledger.accepts(message)) {
            for (const event of entryEvents([message])) ledger.apply(event);
          }
        }
        for (const event of closing(ledger)) ledger.apply(event);
        const fresh = new Ledger();
        const left = MESSAGES.filter((each) => !gone.has(each.type === 'dead' ? 'dead' : each.id));
        for (const event of entryEvents(left)) fresh.apply(event);
        const contents = new Set(['p', 'q', 'r', 's'].map(contentOf));
        const kept = new Set(itemsByContent(fresh, contents).keys());
        // Of what is left, an edge that an erased item brought along is as true as one of its own.
        const edges = essence(ledger).edges;
        for (const edge of edges) expect(kept.has(edge.slice(0, 64)) && kept.has(edge.slice(64))).toBe(true);
        expect(essence(ledger)).toMatchObject({ items: essence(fresh).items, missing: { count: 0 } });
        const erasedSequences = MESSAGES.length - left.length;
        expect(ledger.counts().erased).toBe(erasedSequences);
        expect(Object.values(ledger.counts()).reduce((sum, count) => sum + count)).toBe(7);
        const stored = JSON.stringify(memoryCodec.decode(ledger.encode(memoryCodec)));
        for (const content of contents) if (!kept.has(content)) expect(stored).not.toContain(content);
        expect(ledger.erasures.isSettled).toBe(true);
        expect(essence(Ledger.decode(memoryCodec, ledger.encode(memoryCodec)))).toEqual(essence(ledger));
      }),
      { numRuns: 300 },
    );
  });

  it('remembers what is to be deleted until it is, over restarts, and again when an erased item comes again', () => {
    const ledger = new Ledger();
    for (const event of entryEvents(MESSAGES.slice(0, 3))) ledger.apply(event);
    ledger.apply(erased(['a']));
    const open = { items: [itemOf('a')], sequences: [], contents: [contentOf('p')] };
    const restarted = Ledger.decode(memoryCodec, ledger.encode(memoryCodec));
    expect(restarted.erasures.open).toEqual(open);
    for (const event of closing(restarted)) restarted.apply(event);
    expect(restarted.erasures.isSettled).toBe(true);
    expect(restarted.entry(1)).toEqual({
      type: 'erased',
      sequence: 1,
      item: itemOf('a'),
      id: 'a',
      erasure: { at: '2026-01-01T00:00:00.000Z', reason: 'asked', manifest: 0 },
    });
    for (const event of entryEvents([judged(8, 'a', 'p')])) restarted.apply(event);
    expect(restarted.fate(8)).toMatchObject({ state: 'erased' });
    expect(restarted.erasures.open).toEqual(open);
  });

  it('has another item lead a content that is still to be compared, or forgets it with the last one', () => {
    const ledger = new Ledger();
    for (const event of entryEvents(MESSAGES.slice(0, 3))) ledger.apply(event);
    ledger.apply({
      type: 'replay_begun',
      generation: 2,
      config: 'c'.repeat(64),
      at: '2026-01-01T00:00:00.000Z',
    });
    expect(ledger.generations.pending.get(contentOf('p'))).toBe(1);
    ledger.apply(erased(['a', 'b']));
    expect([...ledger.generations.pending]).toEqual([[contentOf('p'), 3]]);
    ledger.apply(erased(['c']));
    expect(ledger.generations.pending.size).toBe(0);
  });

  it('accounts for no more memory than before when everything that it held is erased', () => {
    const held = (messages: readonly VerdictMessage[]) => {
      const ledger = new Ledger();
      for (const event of entryEvents(messages)) ledger.apply(event);
      return ledger;
    };
    const ledger = held(MESSAGES);
    const before = ledger.accountedBytes;
    ledger.apply(erased([...NAMES]));
    for (const event of closing(ledger)) ledger.apply(event);
    expect(ledger.accountedBytes).toBeGreaterThan(0);
    expect(ledger.accountedBytes).toBeLessThan(before);
  });
});
