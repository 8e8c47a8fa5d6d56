// Who is there, in the eyes of an observer that trusts nothing but the changes it sees.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Membership, type NodeSighting, type RecordedState } from '#supervision';

const LEASE_MS = 1_000;

function sighting(id: string, revision: number, state: RecordedState = 'active'): NodeSighting {
  return { id, revision, state, weight: 1, leaseMs: LEASE_MS };
}

/** An observer that reads the same records every 100 ms from `fromMs` to `toMs`. */
function watch(membership: Membership, records: readonly NodeSighting[], fromMs: number, toMs: number): void {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 100) membership.observe(records, nowMs);
}

describe('Membership', () => {
  it('calls a node unreachable after half of its lease without a renewal, and gone after the whole', () => {
    const membership = new Membership();
    watch(membership, [sighting('a', 1)], 0, 400);
    expect(membership.standing('a')).toEqual({ id: 'a', recorded: 'active', reach: 'fresh', silentMs: 400 });
    watch(membership, [sighting('a', 1)], 500, 900);
    expect(membership.members()).toEqual([{ id: 'a', weight: 1, state: 'unreachable' }]);
    membership.observe([sighting('a', 1)], 1_000);
    expect(membership.standing('a')?.reach).toBe('gone');
    expect(membership.members()).toEqual([]);
  });

  it('knows a node that owns no shards, and does not count it among those that allocation shares them between', () => {
    const membership = new Membership();
    membership.observe([sighting('a', 1), { ...sighting('b', 1, 'joining'), ownsShards: false }], 0);
    expect(membership.standing('b')?.reach).toBe('fresh');
    expect(membership.members().map(({ id }) => id)).toEqual(['a']);
  });

  it('takes a renewed record for a living node again, also after it was gone', () => {
    const membership = new Membership();
    watch(membership, [sighting('a', 1)], 0, 1_500);
    membership.observe([sighting('a', 2, 'joining')], 1_600);
    expect(membership.members()).toEqual([{ id: 'a', weight: 1, state: 'joining' }]);
  });

  it('gives a node that it sees for the first time the whole lease, however old its record is', () => {
    const membership = new Membership();
    watch(membership, [], 0, 5_000);
    membership.observe([sighting('a', 1)], 5_100);
    expect(membership.standing('a')?.reach).toBe('fresh');
  });

  it('takes a record that vanished for no more than a renewal that was not seen', () => {
    const membership = new Membership();
    membership.observe([sighting('a', 1)], 0);
    watch(membership, [], 100, 900);
    expect(membership.standing('a')?.reach).toBe('unreachable');
    membership.observe([], 1_000);
    expect(membership.standing('a')?.reach).toBe('gone');
  });

  it('believes a node that says it has left, at once', () => {
    const membership = new Membership();
    membership.observe([sighting('a', 1)], 0);
    membership.observe([sighting('a', 2, 'left')], 100);
    expect(membership.standing('a')).toMatchObject({ reach: 'gone', recorded: 'left' });
    expect(membership.members()).toEqual([]);
  });

  it('declares nobody gone after a time in which it saw nothing itself', () => {
    const membership = new Membership();
    watch(membership, [sighting('a', 1), sighting('b', 2)], 0, 400);
    membership.observe([sighting('a', 1), sighting('b', 2)], 60_000);
    expect(membership.standings().map(({ reach }) => reach)).toEqual(['fresh', 'fresh']);
    watch(membership, [sighting('a', 1), sighting('b', 3)], 60_100, 61_000);
    expect(membership.standings().map(({ reach }) => reach)).toEqual(['gone', 'unreachable']);
  });

  it('never calls a node gone that renews every third of its lease, whenever the observer looks', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(looks, fc.nat(333), (gaps, phase) => {
        const membership = new Membership();
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          membership.observe([sighting('a', 1 + Math.floor((nowMs + phase) / (LEASE_MS / 3)))], nowMs);
          expect(membership.standing('a')?.reach).not.toBe('gone');
        }
      }),
    );
  });

  it('calls a silent node gone exactly when it has watched for the whole lease, never blind for half of it', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(looks, (gaps) => {
        const membership = new Membership();
        membership.observe([sighting('a', 1)], 0);
        let nowMs = 0;
        let sinceMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (gap > LEASE_MS / 2) sinceMs = nowMs;
          membership.observe([sighting('a', 1)], nowMs);
          expect(membership.standing('a')?.reach === 'gone').toBe(nowMs - sinceMs >= LEASE_MS);
        }
      }),
    );
  });
});
