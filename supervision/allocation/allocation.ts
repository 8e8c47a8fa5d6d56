// Which node is to own which shard: a pure function of the members and the present owners, so that any node computes
// the same plan, and a plan can be shown without being carried out. It moves exactly as many shards as the weights
// require and no more; owners keep what they have up to their quota, and what moves goes where rendezvous hashing
// prefers it among those with room. A shard that a person has moved is pinned: while its node is there it is that
// node's, and balance is made with the others.
import { quotas } from './quotas.ts';
import { hashOf, preference } from './rendezvous.ts';

/**
 * `active`: owns and takes shards. `joining`: not ready to take any. `unreachable`: keeps what it has, takes nothing,
 * until it is seen again or is gone. `draining`: gives everything away. A node that is gone is no member.
 */
export type MemberState = 'active' | 'joining' | 'unreachable' | 'draining';

/** A node of the system. */
export interface Member {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  readonly state: MemberState;
}

/** A shard and its owner; none while it was never owned or after it was released. */
export interface OwnedShard {
  readonly id: string;
  readonly owner?: string;
  /** The node to which a person has moved it. */
  readonly pin?: string;
}

/** One shard that is to change hands. */
export interface Move {
  readonly shard: string;
  /** None when nobody owns it, or its owner is gone. */
  readonly from?: string;
  readonly to: string;
  /**
   * `orphaned`: nobody owns it. `draining`: its owner leaves or was drained. `pinned`: a person has moved it.
   * `balance`: voluntary, so that nodes have what their weights say.
   */
  readonly reason: 'orphaned' | 'draining' | 'pinned' | 'balance';
}

/** Moves of one round. */
export interface AllocationPlan {
  readonly moves: readonly Move[];
  /** Moves for a pin or for balance that later rounds have still to make. */
  readonly deferred: number;
  /** Members that hold moves for balance back: joining or unreachable ones. */
  readonly heldBackBy: readonly string[];
}

/** Moves for pins and for balance in one round: a tenth of the shards, at least 1, at most 20. */
export function voluntaryLimit(shards: number): number {
  return Math.max(1, Math.min(Math.floor(shards / 10), 20));
}

/** A node that takes shards, while a plan is being made. */
interface Taker {
  readonly id: string;
  readonly hash: number;
  room: number;
}

/**
 * Where a shard has to be because a person has moved it there. None while that node takes nothing (it is gone, not
 * ready, not seen to renew, or gives everything away), nor while the present owner may have yet to be seen again.
 */
export function pinTarget(
  { owner, pin }: OwnedShard,
  stateOf: ReadonlyMap<string, MemberState>,
): string | undefined {
  if (pin === undefined || stateOf.get(pin) !== 'active') return undefined;
  const state = owner === undefined ? undefined : stateOf.get(owner);
  return state === 'joining' || state === 'unreachable' ? undefined : pin;
}

/**
 * Plans one round. Shards without a living owner and those of draining nodes are allotted all at once; moves for pins
 * and then those for balance are limited a round, and those for balance wait while a member is joining or unreachable.
 * No move is planned while no member is active.
 * @throws InvalidSupervisionOptions for a weight that is not above 0
 */
export function allocate(members: readonly Member[], shards: readonly OwnedShard[]): AllocationPlan {
  const stateOf = new Map(members.map(({ id, state }) => [id, state]));
  const heldBackBy = members.flatMap(({ id, state }) =>
    state === 'joining' || state === 'unreachable' ? [id] : [],
  );
  const pins = new Map(shards.map((shard) => [shard.id, pinTarget(shard, stateOf)]));
  const held = heldShards(members, shards, pins);
  const movable = new Map([...held].map(([id, own]) => [id, own.filter((shard) => pins.get(shard) !== id)]));
  const quotaOf = quotasOf(members, shards.length, { held, movable });
  const takers = members.flatMap(({ id, state }): Taker[] => {
    const room = (quotaOf.get(id) ?? 0) - (held.get(id)?.length ?? 0);
    return state === 'active' && room > 0 ? [{ id, hash: hashOf(id), room }] : [];
  });
  if (!members.some(({ state }) => state === 'active')) return { moves: [], deferred: 0, heldBackBy };

  const moves: Move[] = [];
  const asked: Move[] = [];
  const load = new Map([...held].map(([id, own]) => [id, own.length]));
  for (const { id, owner } of shards) {
    const state = owner === undefined ? undefined : stateOf.get(owner);
    const pin = pins.get(id);
    const stays = state !== undefined && state !== 'draining';
    if (stays && pin !== undefined && pin !== owner && owner !== undefined)
      asked.push({ shard: id, from: owner, to: pin, reason: 'pinned' });
    if (stays) continue;
    const to = pin ?? preferred(takers, id) ?? leastLoaded(members, load);
    if (pin === undefined) load.set(to, (load.get(to) ?? 0) + 1);
    if (state === 'draining' && owner !== undefined)
      moves.push({ shard: id, from: owner, to, reason: 'draining' });
    else moves.push({ shard: id, to, reason: 'orphaned' });
  }
  const limit = voluntaryLimit(shards.length);
  moves.push(...asked.slice(0, limit));
  const surplus = surplusOf({ held, movable }, quotaOf, stateOf);
  const room = heldBackBy.length > 0 ? 0 : Math.max(0, limit - asked.length);
  for (const { shard, from } of surplus.slice(0, room)) {
    const to = preferred(takers, shard);
    if (to !== undefined) moves.push({ shard, from, to, reason: 'balance' });
  }
  const deferred = Math.max(0, asked.length - limit) + Math.max(0, surplus.length - room);
  return { moves, deferred, heldBackBy };
}

/** What each member has: of pinned shards, what it is to have. */
interface Holdings {
  readonly held: ReadonlyMap<string, readonly string[]>;
  /** Those that are not pinned to it. */
  readonly movable: ReadonlyMap<string, readonly string[]>;
}

function heldShards(
  members: readonly Member[],
  shards: readonly OwnedShard[],
  pins: ReadonlyMap<string, string | undefined>,
): ReadonlyMap<string, readonly string[]> {
  const held = new Map<string, string[]>(members.map(({ id }) => [id, []]));
  for (const { id, owner } of shards) {
    const holder = pins.get(id) ?? owner;
    if (holder !== undefined) held.get(holder)?.push(id);
  }
  return held;
}

/** Those that own or may own shards share them all; a member that leaves or is not ready has no share. */
function quotasOf(
  members: readonly Member[],
  shards: number,
  { held, movable }: Holdings,
): ReadonlyMap<string, number> {
  const sharing = members.filter(({ state }) => state === 'active' || state === 'unreachable');
  return quotas(
    shards,
    sharing.map(({ id, weight }) => {
      const own = held.get(id)?.length ?? 0;
      return { id, weight, held: own, pinned: own - (movable.get(id)?.length ?? 0) };
    }),
  );
}

/** The taker that a shard prefers; its place is taken, and one that has no room left is taken off the list. */
function preferred(takers: Taker[], shard: string): string | undefined {
  const hash = hashOf(shard);
  let bestAt = -1;
  let bestPreference = -1;
  for (let at = 0; at < takers.length; at += 1) {
    const taker = takers[at] as Taker;
    const candidate = preference(hash, taker.hash);
    if (candidate < bestPreference) continue;
    if (candidate === bestPreference && taker.id > (takers[bestAt] as Taker).id) continue;
    bestAt = at;
    bestPreference = candidate;
  }
  const best = takers[bestAt];
  if (best === undefined) return undefined;
  best.room -= 1;
  const last = takers.at(-1);
  if (best.room === 0 && last !== undefined) {
    takers[bestAt] = last;
    takers.pop();
  }
  return best.id;
}

/**
 * Where a shard goes that finds no room because unreachable members hold a part of the quotas: nobody waits for them
 * while a shard has no owner.
 */
function leastLoaded(members: readonly Member[], load: ReadonlyMap<string, number>): string {
  const share = ({ id, weight }: Member) => (load.get(id) ?? 0) / weight;
  const active = members.filter(({ state }) => state === 'active');
  return active.reduce((best, member) => (share(member) < share(best) ? member : best)).id;
}

interface Surplus {
  readonly shard: string;
  readonly from: string;
}

/** What active members have beyond their quotas, one of each in turn, the fullest first. */
function surplusOf(
  { held, movable }: Holdings,
  quotaOf: ReadonlyMap<string, number>,
  stateOf: ReadonlyMap<string, MemberState>,
): readonly Surplus[] {
  const surplus: (Surplus & { readonly rank: number })[] = [];
  for (const [from, shards] of held) {
    if (stateOf.get(from) !== 'active') continue;
    const over = shards.length - (quotaOf.get(from) ?? 0);
    if (over <= 0) continue;
    const hash = hashOf(from);
    // A node gives away what prefers it least.
    const ordered = [...(movable.get(from) ?? [])].sort(
      (one, other) =>
        preference(hashOf(one), hash) - preference(hashOf(other), hash) || (one < other ? -1 : 1),
    );
    for (const [at, shard] of ordered.slice(0, over).entries())
      surplus.push({ shard, from, rank: over - at });
  }
  return surplus.sort((one, other) => other.rank - one.rank || (one.from < other.from ? -1 : 1));
}
