// Nodes that a person has drained: they stay and run what is stateless, but have no share of the shards. The order is a
// record of its own, so that it holds while the node is frozen, gone, or started again under its name.
import type { Member } from './allocation.ts';

/**
 * The members as allocation is to see them: an active one that is drained gives everything away. While no other member
 * is active the order waits, since a shard that runs on a drained node is better than one that runs nowhere.
 */
export function withDrained(members: readonly Member[], drained: ReadonlySet<string>): readonly Member[] {
  const takes = ({ id, state }: Member) => state === 'active' && !drained.has(id);
  if (!members.some(takes)) return members;
  return members.map((member) =>
    member.state === 'active' && drained.has(member.id) ? { ...member, state: 'draining' } : member,
  );
}
