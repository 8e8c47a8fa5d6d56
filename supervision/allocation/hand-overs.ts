// What the coordinator does: it turns a plan into offers, few at a time, and takes back offers that nobody can accept.
// It decides nothing that owners and takers do not check themselves, so that two coordinators at once, or none for a
// while, cost balance and nothing else.
import {
  allocate,
  type Member,
  type MemberState,
  type Move,
  pinTarget,
  voluntaryLimit,
} from './allocation.ts';
import { heldShards, type RecordedShard } from './duties.ts';

/** Changes of shard records that the coordinator is to make. */
export interface HandOvers {
  readonly offers: readonly Move[];
  /** Shards whose offer is to be taken back: the target takes nothing (any more), or a person wants them elsewhere. */
  readonly withdrawals: readonly string[];
}

/**
 * The next changes. What a node that leaves has is offered at once; moves for pins and for balance share the limit of
 * a round with the hand-offs that are under way, and what those will bring about counts as done.
 */
export function handOversOf(shards: readonly RecordedShard[], members: readonly Member[]): HandOvers {
  const stateOf = new Map(members.map(({ id, state }) => [id, state]));
  const active = new Set<string>();
  const withdrawals: string[] = [];
  let underWay = 0;
  for (const shard of shards) {
    const { id, record } = shard;
    if (record?.phase === 'active') active.add(id);
    if (record?.phase === 'moving' || record?.phase === 'released') underWay += 1;
    if (record?.phase === 'moving' && isMisled(shard, record, stateOf)) withdrawals.push(id);
  }
  let room = Math.max(0, voluntaryLimit(shards.length) - underWay);
  const offers = allocate(members, heldShards(shards, members)).moves.filter(({ shard, reason }) => {
    if (!active.has(shard) || reason === 'orphaned') return false;
    if (reason === 'draining') return true;
    room -= 1;
    return room >= 0;
  });
  return { offers, withdrawals };
}

function isMisled(
  { id, pin }: RecordedShard,
  { owner, target }: { readonly owner: string; readonly target: string },
  stateOf: ReadonlyMap<string, MemberState>,
): boolean {
  if (stateOf.get(target) !== 'active') return true;
  const wanted = pinTarget({ id, owner, ...(pin !== undefined && { pin }) }, stateOf);
  return wanted !== undefined && wanted !== target;
}
