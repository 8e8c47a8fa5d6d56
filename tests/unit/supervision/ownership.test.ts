// How a shard changes hands: which change of its record is allowed in which phase.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideOwnership, type OwnershipRequest, type ShardRecord } from '#supervision';

const activeA: ShardRecord = { phase: 'active', owner: 'A', epoch: 3 };
const movingAB: ShardRecord = { phase: 'moving', owner: 'A', epoch: 3, target: 'B', prepared: false };
const releasedB: ShardRecord = { phase: 'released', epoch: 3, target: 'B' };

const take = (node: string, ownerGone = false, journalEpoch = 0): OwnershipRequest => ({
  type: 'take',
  node,
  ownerGone,
  journalEpoch,
});
const release = (owner: string, epoch: number): OwnershipRequest => ({ type: 'release', owner, epoch });

function next(present: ShardRecord | undefined, request: OwnershipRequest): ShardRecord | string {
  const decision = decideOwnership(present, request);
  return decision.allowed ? decision.record : decision.reason;
}

describe('decideOwnership', () => {
  it('hands a shard over by offer, release and take, under the next epoch', () => {
    expect(next(activeA, { type: 'offer', target: 'B' })).toEqual(movingAB);
    const prepared = next(movingAB, { type: 'prepare', target: 'B' });
    expect(prepared).toEqual({ ...movingAB, prepared: true });
    expect(next(prepared as ShardRecord, release('A', 3))).toEqual(releasedB);
    expect(next(releasedB, take('B'))).toEqual({ phase: 'active', owner: 'B', epoch: 4 });
  });

  it('lets anyone whose allocation says so finish a hand-off whose target is gone', () => {
    expect(next(releasedB, take('C'))).toEqual({ phase: 'active', owner: 'C', epoch: 4 });
    expect(next(movingAB, { type: 'withdraw' })).toEqual(activeA);
  });

  it('lets only the target say that it is prepared, once, and an offer to another one start afresh', () => {
    const prepared: ShardRecord = { ...movingAB, prepared: true };
    expect(next(movingAB, { type: 'prepare', target: 'C' })).toBe('it is being moved to B');
    expect(next(activeA, { type: 'prepare', target: 'B' })).toBe('it is not being moved');
    expect(next(prepared, { type: 'prepare', target: 'B' })).toBe('it is prepared already');
    expect(next(prepared, { type: 'offer', target: 'B' })).toBe('it is being moved to B already');
    expect(next(prepared, { type: 'offer', target: 'C' })).toEqual({ ...movingAB, target: 'C' });
  });

  it('takes above the epoch of the journal, whatever the record says', () => {
    expect(next(undefined, take('B', false, 7))).toEqual({ phase: 'active', owner: 'B', epoch: 8 });
    expect(next(releasedB, take('B', false, 2))).toEqual({ phase: 'active', owner: 'B', epoch: 4 });
    expect(next(releasedB, take('B', false, 5))).toEqual({ phase: 'active', owner: 'B', epoch: 6 });
  });

  it('gives away what an owner holds only when it is gone', () => {
    expect(next(activeA, take('B'))).toBe('A owns it under epoch 3 and is not gone');
    expect(next(movingAB, take('B'))).toBe('A owns it under epoch 3 and is not gone');
    expect(next(activeA, take('B', true))).toEqual({ phase: 'active', owner: 'B', epoch: 4 });
    expect(next(movingAB, take('B', true))).toEqual({ phase: 'active', owner: 'B', epoch: 4 });
  });

  it('lets only the owner of this epoch release, and only what is being moved', () => {
    expect(next(activeA, release('A', 3))).toBe('it is not being moved');
    expect(next(movingAB, release('A', 2))).toBe('A owns it under epoch 3, not A under 2');
    expect(next(movingAB, release('B', 3))).toBe('A owns it under epoch 3, not B under 3');
  });

  it('gives a node that restarted under its name its shard under a new epoch', () => {
    expect(next(activeA, take('A'))).toEqual({ phase: 'active', owner: 'A', epoch: 4 });
  });

  it('never lets an epoch go back, and raises it exactly when the owner takes', () => {
    const node = fc.constantFrom('A', 'B', 'C');
    const request: fc.Arbitrary<OwnershipRequest> = fc.oneof(
      fc.record({ type: fc.constant('offer' as const), target: node }),
      fc.constant({ type: 'withdraw' as const }),
      fc.record({ type: fc.constant('prepare' as const), target: node }),
      fc.record({ type: fc.constant('release' as const), owner: node, epoch: fc.nat(6) }),
      fc.record({
        type: fc.constant('take' as const),
        node,
        ownerGone: fc.boolean(),
        journalEpoch: fc.constant(0),
      }),
    );
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        let record: ShardRecord | undefined;
        for (const asked of requests) {
          const decision = decideOwnership(record, asked);
          if (!decision.allowed) continue;
          expect(decision.record.epoch - (record?.epoch ?? 0)).toBe(asked.type === 'take' ? 1 : 0);
          record = decision.record;
        }
      }),
    );
  });
});
