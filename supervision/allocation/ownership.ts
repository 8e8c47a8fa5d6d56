// The record of a shard and how it changes hands. Every change is a compare-and-set on the record that was read, so
// that of two who change it at once one fails and reads again; whoever finds a hand-off half done can finish it.
//
//   none ──take──▶ active(A, 1)                         active(B, e) ──take, A gone──▶ active(B, e + 1)
//   active(A, e) ──offer──▶ moving(A, e → B) ──prepare──▶ moving, prepared ──release──▶ released(e) ──take──▶ active(B, e + 1)
//                               └──withdraw──▶ active(A, e) ◀──withdraw──┘

/**
 * Who owns a shard. `moving`: the owner still answers, and releases it once `target` has loaded the last snapshot
 * (`prepared`).
 */
export type ShardRecord =
  | { readonly phase: 'active'; readonly owner: string; readonly epoch: number }
  | {
      readonly phase: 'moving';
      readonly owner: string;
      readonly epoch: number;
      readonly target: string;
      readonly prepared: boolean;
    }
  | { readonly phase: 'released'; readonly epoch: number; readonly target: string };

/** What a node wants to do with a shard. */
export type OwnershipRequest =
  /** The coordinator's plan gives the shard to another node. */
  | { readonly type: 'offer'; readonly target: string }
  /** The target has loaded what it can before the owner lets go. */
  | { readonly type: 'prepare'; readonly target: string }
  /** The target is gone, or the plan has changed, before the owner released. */
  | { readonly type: 'withdraw' }
  /** The owner no longer answers and lets go. */
  | { readonly type: 'release'; readonly owner: string; readonly epoch: number }
  /**
   * `node` becomes the owner. Allowed for a shard that nobody owns or that was released, and for one whose owner is
   * gone in the eyes of whoever asks: that is safe, since the former owner is fenced by its journal. The epoch is
   * above `journalEpoch`, the one under which the journal was owned last: records can be lost, journals are not.
   */
  | {
      readonly type: 'take';
      readonly node: string;
      readonly ownerGone: boolean;
      readonly journalEpoch: number;
    };

/** The record to write, or why there is none. */
export type OwnershipDecision =
  | { readonly allowed: true; readonly record: ShardRecord }
  | { readonly allowed: false; readonly reason: string };

/** The next record; pure, so that every node decides alike. */
export function decideOwnership(
  present: ShardRecord | undefined,
  request: OwnershipRequest,
): OwnershipDecision {
  switch (request.type) {
    case 'offer':
      return offer(present, request.target);
    case 'prepare':
      if (present?.phase !== 'moving') return refused('it is not being moved');
      if (present.target !== request.target) return refused(`it is being moved to ${present.target}`);
      if (present.prepared) return refused('it is prepared already');
      return allowed({ ...present, prepared: true });
    case 'withdraw':
      if (present?.phase !== 'moving') return refused('it is not being moved');
      return allowed({ phase: 'active', owner: present.owner, epoch: present.epoch });
    case 'release':
      return release(present, request);
    case 'take':
      return take(present, request);
  }
}

function offer(present: ShardRecord | undefined, target: string): OwnershipDecision {
  if (present === undefined) return refused('nobody owns it; its new owner takes it');
  if (present.phase === 'released') return refused('it is released already; its new owner takes it');
  if (present.owner === target) return refused(`${target} owns it already`);
  if (present.phase === 'moving' && present.target === target)
    return refused(`it is being moved to ${target} already`);
  return allowed({ phase: 'moving', owner: present.owner, epoch: present.epoch, target, prepared: false });
}

function release(
  present: ShardRecord | undefined,
  { owner, epoch }: { readonly owner: string; readonly epoch: number },
): OwnershipDecision {
  if (present?.phase !== 'moving') return refused('it is not being moved');
  if (present.owner !== owner || present.epoch !== epoch) {
    return refused(`${present.owner} owns it under epoch ${present.epoch}, not ${owner} under ${epoch}`);
  }
  return allowed({ phase: 'released', epoch, target: present.target });
}

function take(
  present: ShardRecord | undefined,
  { node, ownerGone, journalEpoch }: Extract<OwnershipRequest, { type: 'take' }>,
): OwnershipDecision {
  const epoch = Math.max(present?.epoch ?? 0, journalEpoch) + 1;
  const next: ShardRecord = { phase: 'active', owner: node, epoch };
  if (present === undefined) return allowed(next);
  if (present.phase === 'released' || ownerGone) return allowed(next);
  // A node that restarted under its own name takes what the record says is its own, under a new epoch.
  if (present.owner === node && present.phase === 'active') return allowed(next);
  return refused(`${present.owner} owns it under epoch ${present.epoch} and is not gone`);
}

function allowed(record: ShardRecord): OwnershipDecision {
  return { allowed: true, record };
}

function refused(reason: string): OwnershipDecision {
  return { allowed: false, reason };
}
