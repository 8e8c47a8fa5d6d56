import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ResolutionRequest,
  resolutionRequestSchema,
  resolve,
} from '../../../actors/keeper/dead-fate.ts';
import { Ledger } from '../../../actors/keeper/ledger.ts';
import type { LedgerEvent } from '../../../actors/keeper/ledger-events.ts';
import { outsideOf } from '../../../actors/keeper/outside.ts';
import type { VerdictMessage } from '../../../actors/pipeline/messages.ts';
import { dead, judged } from '../../support/ledger-messages.ts';
import { memoryCodec } from '../../support/memory-ports.ts';

const AT = '2026-01-01T00:00:00.000Z';

function entriesOf(...messages: readonly VerdictMessage[]): LedgerEvent {
  const entries = messages.map((message) => {
    if (message.type === 'dead') return message;
    const { edges: _, generation: __, ...entry } = message;
    return entry;
  });
  return { type: 'entries', entries, edges: [] };
}

function ledgerOf(...messages: readonly VerdictMessage[]): Ledger {
  const ledger = new Ledger();
  ledger.apply(entriesOf(...messages));
  return ledger;
}

function record(ledger: Ledger, ...requests: readonly ResolutionRequest[]): readonly LedgerEvent[] {
  const events = resolve(ledger, requests, AT);
  for (const event of events) ledger.apply(event);
  return events;
}

const total = (ledger: Ledger) => Object.values(ledger.counts()).reduce((sum, count) => sum + count, 0);

describe('a dead sequence', () => {
  it('is retried as another, or purged by a person, and is not dead any more', () => {
    const ledger = ledgerOf(dead(1), dead(2), dead(3));
    record(ledger, { state: 'retried', sequence: 1, as: 4 }, { state: 'purged', sequence: 2, by: 'ada' });
    expect(ledger.fate(1)).toEqual({ state: 'retried', as: 4, at: AT });
    expect(ledger.fate(2)).toEqual({ state: 'purged', by: 'ada', at: AT });
    expect(ledger.fate(3)).toEqual({ state: 'dead', reason: 'not_found' });
    expect(ledger.retryOf(4)).toBe(1);
    expect(ledger.counts()).toMatchObject({ dead: 1, retried: 1, purged: 1 });
  });

  it('is resolved once: repeating or contradicting it journals nothing', () => {
    const ledger = ledgerOf(dead(1));
    expect(record(ledger, { state: 'retried', sequence: 1, as: 4 })).toHaveLength(1);
    expect(record(ledger, { state: 'retried', sequence: 1, as: 4 })).toEqual([]);
    expect(record(ledger, { state: 'retried', sequence: 1, as: 9 })).toEqual([]);
    expect(record(ledger, { state: 'purged', sequence: 1, by: 'ada' })).toEqual([]);
    expect(ledger.fate(1)).toMatchObject({ state: 'retried', as: 4 });
  });

  it('gets the first of two resolutions in one request', () => {
    const ledger = ledgerOf(dead(1));
    record(ledger, { state: 'purged', sequence: 1, by: 'ada' }, { state: 'purged', sequence: 1, by: 'bob' });
    expect(ledger.fate(1)).toMatchObject({ by: 'ada' });
  });

  it('that was judged before or after is judged, whatever was done about it', () => {
    const request: ResolutionRequest = { state: 'retried', sequence: 1, as: 4 };
    const before = ledgerOf(dead(1), judged(1, 'a', 'p'));
    expect(record(before, request)).toEqual([]);
    const after = ledgerOf(dead(1));
    record(after, request);
    expect(after.accepts(judged(1, 'a', 'p'))).toBe(true);
    expect(after.accepts(dead(1, 'too_large'))).toBe(false);
    after.apply(entriesOf(judged(1, 'a', 'p')));
    for (const ledger of [before, after]) {
      expect(ledger.fate(1)).toEqual({ state: 'judged' });
      expect(ledger.counts()).toMatchObject({ eligible: 1, dead: 0, retried: 0 });
    }
  });

  it('is no verdict before it has one: an open sequence cannot be retried or purged', () => {
    const ledger = ledgerOf(dead(1));
    expect(record(ledger, { state: 'purged', sequence: 2, by: 'ada' })).toEqual([]);
    expect(ledger.fate(2)).toEqual({ state: 'open' });
    expect(ledger.missing(2, 10)).toEqual({ count: 1, sequences: [2] });
  });
});

describe('the account', () => {
  it('stays one verdict a sequence over deaths, retries, purges and late judgements in any order', () => {
    const step = fc.record({
      sequence: fc.integer({ min: 1, max: 8 }),
      does: fc.constantFrom('dies', 'judged', 'retried', 'purged'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = new Ledger();
        const settled = new Set<number>();
        for (const { sequence, does } of steps) {
          if (does === 'retried') record(ledger, { state: 'retried', sequence, as: sequence + 100 });
          else if (does === 'purged') record(ledger, { state: 'purged', sequence, by: 'ada' });
          else {
            ledger.apply(entriesOf(does === 'dies' ? dead(sequence) : judged(sequence, `${sequence}`, 'p')));
            settled.add(sequence);
          }
          expect(total(ledger)).toBe(settled.size);
        }
        const restored = Ledger.decode(memoryCodec, ledger.encode(memoryCodec));
        expect(restored.counts()).toEqual(ledger.counts());
        for (let sequence = 1; sequence <= 8; sequence++) {
          expect(restored.fate(sequence)).toEqual(ledger.fate(sequence));
        }
      }),
    );
  });

  it('changes nothing when a journaled resolution is applied twice', () => {
    const ledger = ledgerOf(dead(1), dead(2));
    const events = record(ledger, { state: 'purged', sequence: 2, by: 'ada' });
    const once = ledger.encode(memoryCodec);
    for (const event of events) ledger.apply(event);
    expect(ledger.encode(memoryCodec)).toEqual(once);
  });

  it('is outside of manifests: what a cut sees does not change with a retry or a purge', () => {
    const ledger = ledgerOf(judged(1, 'a', 'p'), dead(2), dead(3));
    const before = ledger.asOf(ledger.length);
    record(ledger, { state: 'retried', sequence: 2, as: 4 }, { state: 'purged', sequence: 3, by: 'ada' });
    expect(ledger.asOf(ledger.length)).toEqual(before);
  });
});

describe('the summary of what is in no manifest', () => {
  it('counts the dead by reason, lists each death with what was done, and repeats with what they repeat', () => {
    const ledger = ledgerOf(
      judged(1, 'a', 'p'),
      dead(2, 'not_found'),
      dead(3, 'empty'),
      judged(4, 'a', 'p'),
      dead(5, 'empty'),
      dead(6, 'empty'),
    );
    record(ledger, { state: 'purged', sequence: 6, by: 'ada' });
    expect(outsideOf(ledger, 10, 1)).toMatchObject({
      deadByReason: { empty: 2, not_found: 1 },
      dead: [
        { sequence: 2, resolution: null },
        { sequence: 3, resolution: null },
        { sequence: 5, resolution: null },
        { sequence: 6, resolution: { state: 'purged', by: 'ada' } },
      ],
      repeats: [{ sequence: 4, id: 'a', of: 1 }],
    });
    expect(outsideOf(ledger, 1, 1)).toMatchObject({
      deadByReason: { empty: 2, not_found: 1 },
      dead: [{ sequence: 2 }],
    });
  });
});

describe('a request to record a resolution', () => {
  it.each([
    { state: 'retried', sequence: 5, as: 5 },
    { state: 'retried', sequence: 5, as: 4 },
    { state: 'purged', sequence: 5, by: '' },
    { state: 'purged', sequence: 5, by: 'a\nb' },
    { state: 'purged', sequence: 5, by: 'a'.repeat(129) },
    { state: 'purged', sequence: 0, by: 'ada' },
  ])('is refused when it makes no sense: %j', (request) => {
    expect(resolutionRequestSchema.safeParse(request).success).toBe(false);
  });
});
