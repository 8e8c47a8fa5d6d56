// Which node owns which shard: as few moves as the weights allow, whoever computes it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, type Member, type Move, type OwnedShard, voluntaryLimit, withDrained } from '#supervision';

const active = (id: string, weight = 1): Member => ({ id, weight, state: 'active' });

/** Shards `s0`, `s1`, … of which node `n0` holds the first `counts[0]`, and so on. */
function holding(counts: readonly number[], orphans = 0): readonly OwnedShard[] {
  const owners = counts.flatMap((count, node) => Array.from({ length: count }, () => `n${node}`));
  return [
    ...owners.map((owner, shard) => ({ id: `s${shard}`, owner })),
    ...Array.from({ length: orphans }, (_, orphan) => ({ id: `s${owners.length + orphan}` })),
  ];
}

function carryOut(shards: readonly OwnedShard[], moves: readonly Move[]): readonly OwnedShard[] {
  const to = new Map(moves.map((move) => [move.shard, move.to]));
  return shards.map((shard) => {
    const next = to.get(shard.id);
    return next === undefined ? shard : { ...shard, owner: next };
  });
}

function countsOf(members: readonly Member[], shards: readonly OwnedShard[]): readonly number[] {
  return members.map(({ id }) => shards.filter(({ owner }) => owner === id).length);
}

/** Carries out round after round until a plan is empty. */
function settle(members: readonly Member[], start: readonly OwnedShard[]) {
  let shards = start;
  const moves: Move[] = [];
  for (let round = 0; round < 1_000; round += 1) {
    const plan = allocate(members, shards);
    if (plan.moves.length === 0) return { shards, moves, rounds: round };
    moves.push(...plan.moves);
    shards = carryOut(shards, plan.moves);
  }
  throw new Error('the plans never came to an end');
}

/** Shards by owner, with `pins` of them moved by a person. */
function pinned(
  shards: readonly OwnedShard[],
  pins: Readonly<Record<string, string>>,
): readonly OwnedShard[] {
  return shards.map((shard) => {
    const pin = pins[shard.id];
    return pin === undefined ? shard : { ...shard, pin };
  });
}

/** The fewest moves by trying every way to round the shares. */
function fewestMoves(members: readonly Member[], held: readonly number[], shards: number): number {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  let fewest = Number.POSITIVE_INFINITY;
  const choose = (at: number, left: number, moved: number): void => {
    if (at === members.length) {
      if (left === 0) fewest = Math.min(fewest, moved);
      return;
    }
    const share = (shards * (members[at]?.weight ?? 0)) / total;
    for (const quota of new Set([Math.floor(share + 1e-9), Math.ceil(share - 1e-9)])) {
      if (quota <= left) choose(at + 1, left - quota, moved + Math.max(0, (held[at] ?? 0) - quota));
    }
  };
  choose(0, shards, 0);
  return fewest;
}

describe('allocate', () => {
  it.each([
    { from: [4, 4, 0], to: [3, 3, 2], moves: 2 },
    { from: [4, 4, 2], to: [3, 4, 3], moves: 1 },
    { from: [50, 50, 0], to: [34, 33, 33], moves: 33 },
  ])('balances $from to $to, in any order, with $moves moves', ({ from, to, moves }) => {
    const members = from.map((_, node) => active(`n${node}`));
    const settled = settle(members, holding(from));
    expect([...countsOf(members, settled.shards)].sort()).toEqual([...to].sort());
    expect(settled.moves).toHaveLength(moves);
  });

  it('never moves for a difference of 1', () => {
    const members = [active('n0'), active('n1'), active('n2')];
    for (const counts of [
      [2, 1, 0],
      [4, 3, 3],
      [3, 3, 4],
      [1, 1, 0],
    ]) {
      const spread = Math.max(...counts) - Math.min(...counts);
      if (spread <= 1) expect(allocate(members, holding(counts)).moves).toEqual([]);
      else expect(allocate(members, holding(counts)).moves).not.toEqual([]);
    }
  });

  it('settles three shards on two nodes, and leaves them there', () => {
    const members = [active('n0'), active('n1')];
    const settled = settle(members, holding([], 3));
    expect([...countsOf(members, settled.shards)].sort()).toEqual([1, 2]);
    expect(settled.moves).toHaveLength(3);
  });

  it('moves exactly as many shards as the best rounding of the weighted shares needs, over all rounds', () => {
    const nodes = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), held: fc.nat(25) }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(nodes, fc.nat(10), (drawn, orphans) => {
        const members = drawn.map(({ weight }, node) => active(`n${node}`, weight));
        const held = drawn.map((node) => node.held);
        const shards = holding(held, orphans);
        const settled = settle(members, shards);
        const moved = settled.moves.filter(({ reason }) => reason === 'balance').length;
        expect(moved).toBe(fewestMoves(members, held, shards.length));
        expect(settled.moves.length - moved).toBe(orphans);
        const total = members.reduce((sum, { weight }) => sum + weight, 0);
        countsOf(members, settled.shards).forEach((count, node) => {
          const share = (shards.length * (members[node]?.weight ?? 0)) / total;
          expect(Math.abs(count - share)).toBeLessThan(1);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('is the same plan for everyone: the order of members and shards does not matter', () => {
    const drawn = fc.array(fc.nat(12), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(drawn, fc.nat(8), (counts, orphans) => {
        const members = counts.map((_, node) => active(`n${node}`, 1 + (node % 3)));
        const shards = holding(counts, orphans);
        const sorted = (moves: readonly Move[]) => [...moves].sort((a, b) => (a.shard < b.shard ? -1 : 1));
        const owners = (list: readonly Move[]) => sorted(list).map(({ shard, from }) => `${shard} ${from}`);
        const one = allocate(members, shards).moves;
        const other = allocate([...members].reverse(), shards).moves;
        expect(owners(other)).toEqual(owners(one));
        expect(sorted(other)).toEqual(sorted(one));
      }),
    );
  });

  it('allots all shards of a node that is gone at once, and gives nobody a second voluntary move for it', () => {
    const members = [active('n0'), active('n1')];
    const plan = allocate(members, [
      ...holding([100, 100]),
      ...Array.from({ length: 100 }, (_, shard) => ({ id: `gone${shard}`, owner: 'n2' })),
    ]);
    expect(plan.moves.filter(({ reason }) => reason === 'orphaned')).toHaveLength(100);
    expect(plan.moves.filter(({ reason }) => reason === 'balance')).toEqual([]);
  });

  it('empties a draining node at once and gives it nothing', () => {
    const draining: Member = { id: 'n2', weight: 1, state: 'draining' };
    const plan = allocate([active('n0'), active('n1'), draining], holding([10, 10, 60]));
    expect(plan.moves.every(({ from, reason }) => from === 'n2' && reason === 'draining')).toBe(true);
    expect(plan.moves).toHaveLength(60);
  });

  it('makes at most max(1, min(10 %, 20)) voluntary moves a round and says how many are left', () => {
    expect([1, 9, 10, 105, 200, 1_000].map(voluntaryLimit)).toEqual([1, 1, 1, 10, 20, 20]);
    const plan = allocate([active('n0'), active('n1')], holding([300, 0]));
    expect([plan.moves.length, plan.deferred]).toEqual([20, 130]);
  });

  it('makes no voluntary move while a member is joining or unreachable, and allots orphans all the same', () => {
    for (const state of ['joining', 'unreachable'] as const) {
      const members: readonly Member[] = [active('n0'), active('n1'), { id: 'n2', weight: 1, state }];
      const plan = allocate(members, holding([8, 0, 1], 3));
      expect(plan.heldBackBy).toEqual(['n2']);
      expect(plan.moves.map(({ reason }) => reason)).toEqual(['orphaned', 'orphaned', 'orphaned']);
      expect(plan.moves.some(({ to }) => to === 'n2')).toBe(false);
    }
  });

  it('plans nothing while nobody can own a shard', () => {
    const joining: Member = { id: 'n0', weight: 1, state: 'joining' };
    expect(allocate([joining], holding([], 4)).moves).toEqual([]);
  });

  it('refuses a weight that is not above 0', () => {
    expect(() => allocate([active('n0', 0)], holding([1]))).toThrow('the weight of node n0 must be above 0');
  });
});

describe('allocate, with shards that a person has moved', () => {
  const members = [active('n0'), active('n1'), active('n2')];

  it('moves a pinned shard to its node and gives back another one, so that it stays', () => {
    const shards = pinned(holding([2, 2, 2]), { s0: 'n1' });
    const settled = settle(members, shards);
    expect(settled.moves[0]).toEqual({ shard: 's0', from: 'n0', to: 'n1', reason: 'pinned' });
    expect(settled.moves).toHaveLength(2);
    expect(settled.moves[1]).toMatchObject({ from: 'n1', to: 'n0', reason: 'balance' });
    expect(countsOf(members, settled.shards)).toEqual([2, 2, 2]);
    expect(settled.shards.find(({ id }) => id === 's0')?.owner).toBe('n1');
  });

  it('leaves a node all that is pinned to it, beyond its share, and the others share the rest', () => {
    const all = holding([2, 2, 2]);
    const shards = pinned(all, { s0: 'n2', s1: 'n2', s2: 'n2', s4: 'n2' });
    const settled = settle(members, shards);
    expect(countsOf(members, settled.shards)).toEqual([1, 1, 4]);
    expect(settled.moves.filter(({ reason }) => reason === 'pinned')).toHaveLength(3);
    expect(settled.moves.filter(({ reason }) => reason === 'balance')).toHaveLength(1);
  });

  it('puts every pinned shard on its node and no other out of balance, with one move for each that is elsewhere', () => {
    const drawn = fc.array(fc.record({ owner: fc.nat(3), pin: fc.option(fc.nat(3), { nil: undefined }) }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        drawn,
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 4, maxLength: 4 }),
        (all, weights) => {
          const nodes = weights.map((weight, node) => active(`n${node}`, weight));
          const shards = all.map(({ owner, pin }, at) => ({
            id: `s${at}`,
            owner: `n${owner}`,
            ...(pin !== undefined && { pin: `n${pin}` }),
          }));
          const settled = settle(nodes, shards);
          const elsewhere = shards.filter(({ owner, pin }) => pin !== undefined && pin !== owner);
          expect(settled.moves.filter(({ reason }) => reason === 'pinned')).toHaveLength(elsewhere.length);
          for (const { owner, pin } of settled.shards) if (pin !== undefined) expect(owner).toBe(pin);
          // Nodes that have more than what is pinned to them have what their weights say among each other.
          const total = (node: string) => settled.shards.filter(({ owner }) => owner === node).length;
          const free = nodes.filter(({ id }) =>
            settled.shards.some(({ owner, pin }) => owner === id && !pin),
          );
          for (const one of free) {
            for (const other of nodes) {
              expect(total(one.id) - 1).toBeLessThan(
                ((total(other.id) + 1) * one.weight) / other.weight + 1e-9,
              );
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('allots an orphan to the node it is pinned to', () => {
    const shards = pinned(holding([1, 1, 1], 2), { s3: 'n2', s4: 'n2' });
    const orphaned = allocate(members, shards).moves.filter(({ reason }) => reason === 'orphaned');
    expect(orphaned).toEqual([
      { shard: 's3', to: 'n2', reason: 'orphaned' },
      { shard: 's4', to: 'n2', reason: 'orphaned' },
    ]);
  });

  it('takes a pin for none while its node is gone, not ready, not seen or leaving', () => {
    const shards = pinned(holding([2, 2, 0]), { s0: 'n2' });
    expect(allocate(members.slice(0, 2), shards).moves).toEqual([]);
    for (const state of ['joining', 'unreachable', 'draining'] as const) {
      expect(allocate([active('n0'), active('n1'), { id: 'n2', weight: 1, state }], shards).moves).toEqual(
        [],
      );
    }
  });

  it('moves what is pinned at once although balance is held back, and within the limit of a round', () => {
    const away: Member = { id: 'n9', weight: 1, state: 'unreachable' };
    const pins = Object.fromEntries(Array.from({ length: 5 }, (_, shard) => [`s${shard}`, 'n1']));
    const plan = allocate([active('n0'), active('n1'), away], pinned(holding([20, 20]), pins));
    expect(plan.moves.map(({ reason }) => reason)).toEqual(['pinned', 'pinned', 'pinned', 'pinned']);
    expect(plan.deferred).toBeGreaterThan(0);
  });
});

describe('withDrained', () => {
  it('has a drained node give everything away and take nothing', () => {
    const members = withDrained([active('n0'), active('n1'), active('n2')], new Set(['n1']));
    const settled = settle(members, holding([2, 2, 2], 3));
    expect(countsOf(members, settled.shards)[1]).toBe(0);
    expect(countsOf(members, settled.shards).toSorted()).toEqual([0, 4, 5]);
  });

  it('changes nothing while no other node is active: a drained one is better than none', () => {
    const joining: Member = { id: 'n1', weight: 1, state: 'joining' };
    const members = [active('n0'), joining];
    expect(withDrained(members, new Set(['n0']))).toEqual(members);
  });

  it('leaves a node that was not seen to renew where it is: only time tells whether it has anything to give', () => {
    const away: Member = { id: 'n1', weight: 1, state: 'unreachable' };
    expect(withDrained([active('n0'), away], new Set(['n1']))).toEqual([active('n0'), away]);
  });
});
