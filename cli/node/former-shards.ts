// Deletes what the index shards of former generations left: their journals, snapshots and ownership records.
import { indexPrefix } from '#actors';
import { NatsBlobs, NatsJournal, type NatsLink, NatsRecords, type SystemNames } from '#nats';
import { type Codec, parseShardKey, SnapshotStore } from '#runtime';

/**
 * Forgets the index shards of a dataset but those to be kept, as far as they have a record: it goes last, so that one
 * which was not forgotten to the end is found again.
 */
export async function forgetFormerShards(
  link: NatsLink,
  { names, codec, dataset }: { readonly names: SystemNames; readonly codec: Codec; readonly dataset: string },
  keep: readonly number[],
): Promise<void> {
  const snapshots = new NatsBlobs(link, names.objects.snapshots(dataset));
  const records = new NatsRecords(link, names.records.shards);
  for (const key of await records.keys()) {
    const { dataset: of, shard } = parseShardKey(key);
    if (of !== dataset || shard === 'keeper' || keep.includes(shard)) continue;
    const subject = names.subjects.journal(dataset, 'index', shard);
    await SnapshotStore.discard(snapshots, indexPrefix(shard));
    await new NatsJournal(link, { stream: names.streams.journal(dataset), subject, codec }).discard();
    await records.delete(key);
  }
}
