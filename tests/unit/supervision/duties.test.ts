// What a node owes a shard in each phase of a hand-off, and what the coordinator changes.
import { describe, expect, it } from 'vitest';
import { dutiesOf, handOversOf, type Member, type ShardRecord } from '#supervision';

const member = (id: string, state: Member['state'] = 'active'): Member => ({ id, weight: 1, state });
const A = member('A');
const B = member('B');

const active = (owner: string, epoch = 3): ShardRecord => ({ phase: 'active', owner, epoch });
const moving = (prepared: boolean, target = 'B'): ShardRecord => ({
  phase: 'moving',
  owner: 'A',
  epoch: 3,
  target,
  prepared,
});
const released: ShardRecord = { phase: 'released', epoch: 3, target: 'B' };

/** Duties of a node for one shard `s`. */
function duties(
  node: string,
  record: ShardRecord | undefined,
  options: { readonly hosted?: number; readonly members?: readonly Member[] } = {},
): readonly object[] {
  const { hosted, members = [A, B] } = options;
  const running = new Map(hosted === undefined ? [] : [['s', hosted]]);
  return dutiesOf({ node, hosted: running, shards: [{ id: 's', record }], members });
}

describe('dutiesOf', () => {
  it('is nothing while the owner runs what it owns', () => {
    expect(duties('A', active('A'), { hosted: 3 })).toEqual([]);
    expect(duties('B', active('A'))).toEqual([]);
  });

  it('stops whatever runs without a record of this node and this epoch', () => {
    for (const record of [active('B', 4), active('A', 4), released, undefined]) {
      expect(duties('A', record, { hosted: 3 })[0]).toEqual({ type: 'stop', shard: 's' });
    }
    expect(dutiesOf({ node: 'A', hosted: new Map([['s', 3]]), shards: [], members: [A] })).toEqual([
      { type: 'stop', shard: 's' },
    ]);
  });

  it('has the target prepare first, then the owner release, then the target take', () => {
    expect(duties('A', moving(false), { hosted: 3 })).toEqual([]);
    expect(duties('B', moving(false))).toEqual([{ type: 'prepare', shard: 's' }]);
    expect(duties('A', moving(true), { hosted: 3 })).toEqual([{ type: 'release', shard: 's', epoch: 3 }]);
    expect(duties('B', moving(true))).toEqual([]);
    expect(duties('B', released)).toEqual([{ type: 'take', shard: 's', ownerGone: false }]);
    expect(duties('A', released)).toEqual([]);
  });

  it('lets an owner that was started again release what it no longer runs, prepared or not', () => {
    expect(duties('A', moving(false))).toEqual([{ type: 'release', shard: 's', epoch: 3 }]);
    expect(duties('A', active('A'))).toEqual([{ type: 'take', shard: 's', ownerGone: false }]);
  });

  it('has the owner keep a shard whose target takes nothing', () => {
    for (const members of [[A], [A, member('B', 'draining')], [A, member('B', 'unreachable')]]) {
      expect(duties('A', moving(true), { hosted: 3, members })).toEqual([{ type: 'withdraw', shard: 's' }]);
    }
  });

  it('has the target take at once when the owner is gone, in any phase', () => {
    const gone = { members: [B] };
    for (const record of [moving(false), moving(true), active('A')]) {
      expect(duties('B', record, gone)).toEqual([{ type: 'take', shard: 's', ownerGone: true }]);
    }
    expect(duties('B', released, gone)).toEqual([{ type: 'take', shard: 's', ownerGone: false }]);
  });

  it('allots a released shard anew when its target is gone, but waits for one that was not seen for a moment', () => {
    expect(duties('A', released, { members: [A] })).toEqual([{ type: 'take', shard: 's', ownerGone: true }]);
    expect(duties('A', released, { members: [A, member('B', 'unreachable')] })).toEqual([]);
  });

  it('takes nothing while it is joining, draining or not seen to renew', () => {
    for (const state of ['joining', 'draining', 'unreachable'] as const) {
      for (const record of [undefined, active('B'), released]) {
        expect(
          duties('B', record, { members: [A, member('B', state)] }).map((duty) => duty),
        ).not.toContainEqual(expect.objectContaining({ type: 'take' }));
      }
    }
  });
});

describe('handOversOf', () => {
  const shards = (...records: readonly (ShardRecord | undefined)[]) =>
    records.map((record, shard) => ({ id: `s${shard}`, record }));

  it('offers all that a draining node has at once, and balance only within the limit of a round', () => {
    const all = shards(...Array.from({ length: 20 }, () => active('A')));
    const drain = handOversOf(all, [member('A', 'draining'), B]);
    expect(drain.offers).toHaveLength(20);
    expect(handOversOf(all, [A, B]).offers).toHaveLength(2);
  });

  it('counts hand-offs under way as done, and against the limit', () => {
    const all = shards(moving(false), released, ...Array.from({ length: 18 }, () => active('A')));
    expect(handOversOf(all, [A, B]).offers).toEqual([]);
    const done = shards(moving(false), active('B'), active('A'), active('A'));
    expect(handOversOf(done, [A, B]).offers).toEqual([]);
  });

  it('offers nothing that nobody owns: its taker needs no offer', () => {
    expect(handOversOf(shards(undefined, active('C')), [A, B]).offers).toEqual([]);
  });

  it('takes an offer back when its target is gone, leaves or is not seen', () => {
    for (const members of [[A], [A, member('B', 'draining')], [A, member('B', 'unreachable')]]) {
      expect(handOversOf(shards(moving(true)), members).withdrawals).toEqual(['s0']);
    }
    expect(handOversOf(shards(moving(true)), [A, B]).withdrawals).toEqual([]);
  });

  it('takes an offer back when a person wants the shard elsewhere, and offers it there next', () => {
    const members = [A, B, member('C')];
    const offered = [{ id: 's', record: moving(true), pin: 'C' }];
    expect(handOversOf(offered, members)).toEqual({ offers: [], withdrawals: ['s'] });
    const back = [{ id: 's', record: active('A'), pin: 'C' }];
    const { offers } = handOversOf(back, members);
    expect(offers).toEqual([{ shard: 's', from: 'A', to: 'C', reason: 'pinned' }]);
    expect(handOversOf([{ id: 's', record: moving(true, 'C'), pin: 'C' }], members).withdrawals).toEqual([]);
  });
});
