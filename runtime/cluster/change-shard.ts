// The one way in which a shard's record is changed: by the rules of ownership, and only if it still is what was seen.
import { decideOwnership, type OwnershipRequest, type ShardRecord } from '#supervision';
import type { SharedRecords } from '../ports.ts';
import type { ClusterView } from './cluster-view.ts';
import { encodeRecord } from './node-record.ts';

/**
 * The record that was written, which the view then knows; undefined when the rules refuse it, or when the record has
 * changed since the view saw it.
 */
export async function changeShard(
  { view, records }: { readonly view: ClusterView; readonly records: SharedRecords },
  shard: string,
  request: OwnershipRequest,
): Promise<ShardRecord | undefined> {
  const present = view.shard(shard);
  const decision = decideOwnership(present.record, request);
  if (!decision.allowed) return undefined;
  const { record } = decision;
  // Of a deleted record, 0 stands for its absence.
  const revision = present.record === undefined ? 0 : present.revision;
  const written = await records.compareAndSet(shard, encodeRecord(record), revision);
  if (written === undefined) {
    await view.reread(shard);
    return undefined;
  }
  view.learn(shard, { record, revision: written });
  return record;
}
