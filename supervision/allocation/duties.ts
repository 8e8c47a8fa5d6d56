// What one node has to do about each shard now, from the shards' records and the members as it sees them. Pure, so
// that every node finds the same answer for the same view, and a node that comes back from a crash or a long sleep
// needs no memory: whatever phase a hand-off was left in, somebody's duty is to go on with it.
import { allocate, type Member, type OwnedShard } from './allocation.ts';
import type { ShardRecord } from './ownership.ts';

/** A shard that ought to exist, and its record if there is one. */
export interface RecordedShard {
  readonly id: string;
  readonly record: ShardRecord | undefined;
  /** The node to which a person has moved it. */
  readonly pin?: string;
}

/** The next step of a node for one shard. */
export type Duty =
  /** It runs what is not its own (any more): stop answering, at once. */
  | { readonly type: 'stop'; readonly shard: string }
  | { readonly type: 'take'; readonly shard: string; readonly ownerGone: boolean }
  /** It is to get the shard: load the last snapshot while the owner still answers, then say so. */
  | { readonly type: 'prepare'; readonly shard: string }
  /** Stop answering, then let go. */
  | { readonly type: 'release'; readonly shard: string; readonly epoch: number }
  /** Nobody will take what it offers: keep it. */
  | { readonly type: 'withdraw'; readonly shard: string };

/** The view from which duties follow. */
export interface DutyView {
  readonly node: string;
  /** Shards that the node runs, and the epoch under which it took each. */
  readonly hosted: ReadonlyMap<string, number>;
  /** Every shard of the system. */
  readonly shards: readonly RecordedShard[];
  readonly members: readonly Member[];
}

/** The duties of `view.node`; at most one for each shard. */
export function dutiesOf(view: DutyView): readonly Duty[] {
  const { node, hosted, shards, members } = view;
  const stateOf = new Map(members.map(({ id, state }) => [id, state]));
  const known = new Map(shards.map(({ id, record }) => [id, record]));
  const duties: Duty[] = [];
  for (const [shard, epoch] of hosted) {
    if (!isOwn(known.get(shard), node, epoch)) duties.push({ type: 'stop', shard });
  }
  for (const { id: shard, record } of shards) {
    const epoch = hosted.get(shard);
    if (record === undefined || (epoch !== undefined && !isOwn(record, node, epoch))) continue;
    const duty = dutyOf(shard, record, { node, hosts: epoch !== undefined, stateOf });
    if (duty !== undefined) duties.push(duty);
  }
  return [...duties, ...orphansFor(view)];
}

/** Whose the shard is to be when every hand-off under way is done; none for a shard that somebody must take. */
export function holderOf(record: ShardRecord | undefined, members: readonly Member[]): string | undefined {
  if (record === undefined) return undefined;
  if (record.phase === 'active') return record.owner;
  const target = members.find(({ id }) => id === record.target);
  if (target?.state === 'active') return target.id;
  if (record.phase === 'moving') return record.owner;
  // It is released already: one that was not seen for a moment may yet take it.
  return target?.state === 'unreachable' ? target.id : undefined;
}

/** The shards as allocation sees them. */
export function heldShards(
  shards: readonly RecordedShard[],
  members: readonly Member[],
): readonly OwnedShard[] {
  return shards.map(({ id, record, pin }) => {
    const owner = holderOf(record, members);
    return { id, ...(owner !== undefined && { owner }), ...(pin !== undefined && { pin }) };
  });
}

interface Standpoint {
  readonly node: string;
  readonly hosts: boolean;
  readonly stateOf: ReadonlyMap<string, Member['state']>;
}

function dutyOf(shard: string, record: ShardRecord, { node, hosts, stateOf }: Standpoint): Duty | undefined {
  const takes = stateOf.get(node) === 'active';
  switch (record.phase) {
    case 'active':
      // A node that was started again under its name takes anew what was its own.
      return record.owner === node && !hosts && takes ? { type: 'take', shard, ownerGone: false } : undefined;
    case 'moving':
      if (record.owner === node) {
        if (stateOf.get(record.target) !== 'active') return { type: 'withdraw', shard };
        const letsGo = record.prepared || !hosts;
        return letsGo ? { type: 'release', shard, epoch: record.epoch } : undefined;
      }
      if (record.target !== node || !takes) return undefined;
      if (!stateOf.has(record.owner)) return { type: 'take', shard, ownerGone: true };
      return record.prepared ? undefined : { type: 'prepare', shard };
    case 'released':
      return record.target === node && takes ? { type: 'take', shard, ownerGone: false } : undefined;
  }
}

/** Shards that nobody has and that the plan gives to this node. */
function orphansFor({ node, hosted, shards, members }: DutyView): readonly Duty[] {
  const present = new Set(members.map(({ id }) => id));
  const held = heldShards(shards, members);
  if (held.every(({ owner }) => owner !== undefined && present.has(owner))) return [];
  return allocate(members, held).moves.flatMap((move): Duty[] =>
    move.reason === 'orphaned' && move.to === node && !hosted.has(move.shard)
      ? [{ type: 'take', shard: move.shard, ownerGone: true }]
      : [],
  );
}

function isOwn(record: ShardRecord | undefined, node: string, epoch: number): boolean {
  if (record === undefined || record.phase === 'released') return false;
  return record.owner === node && record.epoch === epoch;
}
