import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveRows } from '../../../actors/keeper/cut.ts';
import { Ledger } from '../../../actors/keeper/ledger.ts';
import type { JudgedEntry, LedgerEntry, LedgerEvent } from '../../../actors/keeper/ledger-events.ts';
import { type ManifestRecord, manifestDigest } from '../../../actors/keeper/manifest.ts';
import { namedEntries } from '../../../actors/keeper/named-entries.ts';
import type { VerdictMessage } from '../../../actors/pipeline/messages.ts';
import { contentOf, dead, edgeOf, judged, sha } from '../../support/ledger-messages.ts';
import { memoryCodec, memoryDataset } from '../../support/memory-ports.ts';

/** A batch as the keeper journals it: what the ledger accepts, with its edges. */
function eventOf(ledger: Ledger, messages: readonly VerdictMessage[]): LedgerEvent {
  const entries = new Map<number, LedgerEntry>();
  const edges = [];
  for (const message of messages) {
    if (!ledger.accepts(message) || entries.has(message.sequence)) continue;
    if (message.type === 'dead') entries.set(message.sequence, message);
    else {
      const { edges: own, generation: _, ...entry } = message;
      entries.set(message.sequence, entry);
      edges.push(...own);
    }
  }
  return { type: 'entries', entries: [...entries.values()], edges };
}

function ledgerOf(events: readonly LedgerEvent[]): Ledger {
  const ledger = new Ledger();
  for (const event of events) ledger.apply(event);
  return ledger;
}

function keepAll(batches: readonly (readonly VerdictMessage[])[]): { ledger: Ledger; lengths: number[] } {
  const ledger = new Ledger();
  const lengths = batches.map((batch) => {
    ledger.apply(eventOf(ledger, batch));
    return ledger.length;
  });
  return { ledger, lengths };
}

/** What must not depend on the order of arrival, in a form that can be compared. */
function essence(ledger: Ledger, through: number) {
  const view = ledger.asOf(ledger.length);
  return {
    counts: ledger.counts(),
    items: view.items.map(({ item, sequence }) => `${item} ${sequence}`).sort(),
    edges: view.edges.map(({ a, b, distance }) => `${a} ${b} ${distance}`).sort(),
    leads: view.items.map(({ item }) => [item, ledger.leadOf(item)]).sort(),
    missing: ledger.missing(through, 100),
  };
}

/** How the sequences ended, from each one's entry. */
function recounted(ledger: Ledger): ReturnType<Ledger['counts']> {
  const ends = [...ledger.entries()].map((entry) => {
    if (entry.type === 'erased') return 'erased';
    const fate = ledger.fate(entry.sequence);
    if (entry.type === 'dead') return fate.state;
    return ledger.leadOf(entry.item) === entry.sequence ? entry.judgement.verdict : 'repeats';
  });
  const of = (end: string) => ends.filter((each) => each === end).length;
  return {
    eligible: of('eligible'),
    rejected: of('rejected'),
    review: of('review'),
    dead: of('dead'),
    repeats: of('repeats'),
    retried: of('retried'),
    purged: of('purged'),
    erased: of('erased'),
  };
}

const CONTENTS = ['p', 'q', 'r', 's'] as const;
const VERDICTS = ['eligible', 'rejected', 'review'] as const;

/** The one judged message that a sequence has: a function of the sequence, as the stages are. */
const judgedOf = fc.memo(() =>
  fc.record({
    item: fc.nat({ max: 5 }),
    near: fc.option(fc.constantFrom(...CONTENTS), { nil: undefined }),
    fate: fc.constantFrom('judged', 'dead', 'both'),
  }),
)();

const streams = fc.array(judgedOf, { minLength: 1, maxLength: 12 }).map((fates) =>
  fates.flatMap(({ item, near, fate }, at): VerdictMessage[] => {
    const sequence = at + 1;
    const content = CONTENTS[item % CONTENTS.length] ?? 'p';
    const message = judged(sequence, `item ${item}`, content, {
      verdict: VERDICTS[item % 3] ?? 'eligible',
      rank: [item % 2],
      edges: near === undefined || near === content ? [] : [edgeOf(content, near)],
    });
    return fate === 'judged' ? [message] : fate === 'dead' ? [dead(sequence)] : [dead(sequence), message];
  }),
);

/** The same messages in another order, some of them more than once, in batches of one to three. */
const arrivals = streams.chain((messages) =>
  fc.record({
    messages: fc.constant(messages),
    order: fc
      .tuple(
        fc.shuffledSubarray([...messages.keys()], { minLength: messages.length }),
        fc.array(fc.nat({ max: messages.length - 1 }), { maxLength: 10 }),
      )
      .chain(([all, again]) =>
        fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }),
      ),
    size: fc.integer({ min: 1, max: 3 }),
  }),
);

function batchesOf<T>(list: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let at = 0; at < list.length; at += size) batches.push(list.slice(at, at + size));
  return batches;
}

describe('the ledger', () => {
  it('has one verdict a sequence, the same counts, items and edges, whatever the order and repetition of messages', () => {
    fc.assert(
      fc.property(arrivals, ({ messages, order, size }) => {
        const through = messages.at(-1)?.sequence ?? 0;
        const straight = keepAll(messages.map((message) => [message])).ledger;
        // Batches of one sequence each, since a batch holds one entry a sequence.
        const shuffled = order.flatMap((at) => messages[at] ?? []);
        const { ledger } = keepAll(
          size === 1 ? shuffled.map((message) => [message]) : distinctBatches(batchesOf(shuffled, size)),
        );
        expect(essence(ledger, through)).toEqual(essence(straight, through));
        const { eligible, rejected, review, dead: ended, repeats } = ledger.counts();
        expect(eligible + rejected + review + ended + repeats).toBe(through);
      }),
    );
  });

  it('counts as one who goes through all sequences, whatever came, was resolved and was erased in between', () => {
    const person = { by: 'ann', at: '2026-01-01T00:00:00Z' };
    fc.assert(
      fc.property(
        arrivals,
        fc.array(
          fc.record({
            after: fc.nat({ max: 20 }),
            sequence: fc.integer({ min: 1, max: 12 }),
            done: fc.constantFrom('purged', 'erased'),
          }),
          { maxLength: 5 },
        ),
        ({ messages, order }, steps) => {
          const ledger = new Ledger();
          for (const [at, place] of order.entries()) {
            ledger.apply(
              eventOf(
                ledger,
                [messages[place]].filter((message) => message !== undefined),
              ),
            );
            for (const { sequence, done } of steps.filter(({ after }) => after === at)) {
              const entry = ledger.entry(sequence);
              if (done === 'purged') {
                ledger.apply({ type: 'resolved', resolutions: [[sequence, { state: 'purged', ...person }]] });
              } else if (entry !== undefined) {
                const items = entry.type === 'judged' ? [{ item: entry.item, survivorOf: [] }] : [];
                const sequences = entry.type === 'dead' ? [sequence] : [];
                ledger.apply({ type: 'erased', at: person.at, reason: null, items, sequences });
              }
            }
            expect(ledger.counts()).toEqual(recounted(ledger));
            expect(Ledger.decode(memoryCodec, ledger.encode(memoryCodec)).counts()).toEqual(ledger.counts());
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('changes nothing when an event is applied twice', () => {
    fc.assert(
      fc.property(streams, (messages) => {
        const ledger = new Ledger();
        const events = messages.map((message) => {
          const event = eventOf(ledger, [message]);
          ledger.apply(event);
          return event;
        });
        const once = ledger.encode(memoryCodec);
        for (const event of events) ledger.apply(event);
        expect(ledger.encode(memoryCodec)).toEqual(once);
      }),
      { numRuns: 30 },
    );
  });

  it('replaces dead by a later judged verdict, and nothing by anything else', () => {
    const ledger = new Ledger();
    const early = judged(1, 'a', 'p', { verdict: 'review' });
    ledger.apply(eventOf(ledger, [dead(1, 'not_found')]));
    expect(ledger.accepts(dead(1, 'too_large'))).toBe(false);
    ledger.apply({ type: 'entries', entries: [dead(1, 'too_large')], edges: [] });
    expect(ledger.entry(1)).toMatchObject({ type: 'dead', reason: 'not_found' });
    expect(ledger.accepts(early)).toBe(true);
    ledger.apply(eventOf(ledger, [early]));
    expect(ledger.entry(1)).toMatchObject({ type: 'judged', judgement: { verdict: 'review' } });
    for (const late of [dead(1), judged(1, 'a', 'p', { verdict: 'eligible' })]) {
      expect(ledger.accepts(late)).toBe(false);
      const { edges: _, ...entry } = { edges: [], ...late };
      ledger.apply({ type: 'entries', entries: [entry], edges: [] });
      expect(ledger.entry(1)).toMatchObject({ type: 'judged', judgement: { verdict: 'review' } });
    }
    expect(ledger.counts()).toEqual({
      eligible: 0,
      rejected: 0,
      review: 1,
      dead: 0,
      repeats: 0,
      retried: 0,
      purged: 0,
      erased: 0,
    });
  });

  it('lets the smallest sequence of an item lead; all others are repeats of it', () => {
    const ledger = new Ledger();
    for (const sequence of [9, 4, 6]) {
      ledger.apply(eventOf(ledger, [judged(sequence, 'a', 'p')]));
      expect(ledger.leadOf(sha('item a p'))).toBe(sequence === 9 ? 9 : 4);
    }
    expect(ledger.counts()).toMatchObject({ eligible: 1, repeats: 2 });
    expect(ledger.asOf(1).items.map(({ sequence }) => sequence)).toEqual([9]);
    expect(ledger.asOf(2).items.map(({ sequence }) => sequence)).toEqual([4]);
  });

  it('names exactly the sequences without a verdict, and counts beyond the limit of the list', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
        fc.nat({ max: 45 }),
        fc.nat({ max: 50 }),
        (known, through, limit) => {
          const ledger = new Ledger();
          for (const sequence of known) {
            const message = sequence % 2 === 0 ? dead(sequence) : judged(sequence, `${sequence}`, 'p');
            ledger.apply(eventOf(ledger, [message]));
          }
          const absent = Array.from({ length: through }, (_, at) => at + 1).filter(
            (at) => !known.includes(at),
          );
          expect(ledger.missing(through, limit)).toEqual({
            count: absent.length,
            sequences: absent.slice(0, limit),
          });
        },
      ),
    );
  });

  it('as of an earlier length is the ledger that saw no more than that, edges included', () => {
    fc.assert(
      fc.property(arrivals, ({ messages, order, size }) => {
        const batches = distinctBatches(
          batchesOf(
            order.flatMap((at) => messages[at] ?? []),
            size,
          ),
        );
        const { ledger, lengths } = keepAll(batches);
        for (const [at, length] of lengths.entries()) {
          const { ledger: early } = keepAll(batches.slice(0, at + 1));
          const then = early.asOf(early.length);
          expect(ledger.asOf(length)).toEqual(then);
        }
      }),
    );
  });

  it('survives a snapshot unchanged, and goes on from it as it would have', () => {
    const manifest: ManifestRecord = {
      number: 1,
      digest: sha('d'),
      envelope: sha('e'),
      throughEntry: 1,
      rows: 1,
      counts: { kept: 1, duplicate: 0, rejected: 0, review: 0 },
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    fc.assert(
      fc.property(arrivals, fc.nat(), ({ messages, order, size }, split) => {
        const batches = distinctBatches(
          batchesOf(
            order.flatMap((at) => messages[at] ?? []),
            size,
          ),
        );
        const cutAt = split % (batches.length + 1);
        const { ledger: whole } = keepAll(batches.slice(0, cutAt));
        whole.apply({ type: 'announced', through: whole.length });
        whole.apply({ type: 'cut', manifest });
        whole.apply({ type: 'cut_announced', number: 1 });
        const restored = Ledger.decode(memoryCodec, whole.encode(memoryCodec));
        for (const batch of batches.slice(cutAt)) {
          const event = eventOf(whole, batch);
          expect(eventOf(restored, batch)).toEqual(event);
          whole.apply(event);
          restored.apply(event);
        }
        expect(restored.encode(memoryCodec)).toEqual(whole.encode(memoryCodec));
        expect(essence(restored, 12)).toEqual(essence(whole, 12));
        for (let length = 0; length <= whole.length; length++) {
          expect(restored.asOf(length)).toEqual(whole.asOf(length));
        }
        expect([restored.cuts, restored.announced, restored.cutAnnounced]).toEqual([
          [manifest],
          whole.announced,
          1,
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it('finds entries by id, item and content or, else, by sequence', () => {
    const ledger = ledgerOf([]);
    ledger.apply(eventOf(ledger, [judged(3, 'a', 'p'), judged(2, 'b', 'p'), dead(1)]));
    expect(namedEntries(ledger, 'a').map(({ sequence }) => sequence)).toEqual([3]);
    expect(namedEntries(ledger, sha('item b p')).map(({ sequence }) => sequence)).toEqual([2]);
    expect(namedEntries(ledger, contentOf('p')).map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(namedEntries(ledger, 'dead 1').map(({ sequence }) => sequence)).toEqual([1]);
    expect(namedEntries(ledger, '2').map(({ sequence }) => sequence)).toEqual([2]);
    expect(namedEntries(ledger, 'nobody')).toEqual([]);
  });
});

describe('rows of a cut', () => {
  const { ports } = memoryDataset();

  it('give the same manifest digest in whatever order the entries and edges arrived', () => {
    fc.assert(
      fc.property(arrivals, ({ messages, order }) => {
        const digest = (batches: readonly (readonly VerdictMessage[])[]) => {
          const { ledger } = keepAll(batches);
          const view = ledger.asOf(ledger.length);
          const items = view.items.map((entry: JudgedEntry) => ({ entry, judgement: entry.judgement }));
          return manifestDigest(deriveRows(items, view.edges, { config: ports.config }), 'config').digest;
        };
        const straight = messages.map((message) => [message]);
        const shuffled = order.flatMap((at) => messages[at] ?? []).map((message) => [message]);
        expect(digest(shuffled)).toBe(digest(straight));
      }),
    );
  });

  it('name the survivor and the proof of each duplicate', () => {
    const { ledger } = keepAll([
      [judged(1, 'small', 'p', { rank: [1], edges: [edgeOf('p', 'q')] })],
      [judged(2, 'large', 'q', { rank: [2] })],
      [judged(3, 'copy', 'q', { rank: [0] })],
      [judged(4, 'poor', 'r', { verdict: 'rejected' })],
    ]);
    const { items, edges } = ledger.asOf(ledger.length);
    const rows = deriveRows(
      items.map((entry) => ({ entry, judgement: entry.judgement })),
      edges,
      { config: ports.config },
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    const survivor = sha('item large q');
    expect(byId.get('large')).toMatchObject({ outcome: 'kept', survivor: null, evidence: null });
    expect(byId.get('small')).toMatchObject({
      outcome: 'duplicate',
      relation: 'near',
      survivor,
      evidence: {
        distance: 0.01,
        similarity: null,
        threshold: { distance: ports.config.dedup.pixels.near, similarity: null },
        algorithm: 'number@1',
        hashes: { phash: 2 },
      },
    });
    expect(byId.get('copy')).toMatchObject({
      outcome: 'duplicate',
      relation: 'exact',
      survivor,
      evidence: null,
    });
    expect(byId.get('poor')).toMatchObject({ outcome: 'rejected', survivor: null });
  });
});

/** Splits batches so that none holds a sequence twice: the later message begins a batch of its own. */
function distinctBatches(batches: readonly (readonly VerdictMessage[])[]): VerdictMessage[][] {
  return batches.flatMap((batch) => {
    const split: VerdictMessage[][] = [[]];
    for (const message of batch) {
      const last = split.at(-1);
      if (last?.some(({ sequence }) => sequence === message.sequence) === true) split.push([message]);
      else last?.push(message);
    }
    return split;
  });
}

describe('the account of a ledger', () => {
  it('grows with each new entry and edge, not with what it knows, and is the same after a snapshot', () => {
    const ledger = new Ledger();
    const seen: number[] = [];
    const apply = (...messages: readonly VerdictMessage[]) => {
      ledger.apply(eventOf(ledger, messages));
      seen.push(ledger.accountedBytes);
    };
    apply(judged(1, 'a', 'a'));
    apply(judged(1, 'a', 'a'));
    apply(judged(2, 'b', 'b', { edges: [edgeOf('a', 'b')] }));
    apply(dead(3));
    const [one = 0, repeated, two = 0, three = 0] = seen;
    expect(one).toBeGreaterThan(500);
    expect(repeated).toBe(one);
    expect(two - one).toBeGreaterThan(one);
    expect(three).toBeGreaterThan(two);
    expect(Ledger.decode(memoryCodec, ledger.encode(memoryCodec)).accountedBytes).toBe(three);
  });
});
