// Deletes what the index shards of former generations left: their journals, snapshots and ownership records.
import { indexPrefix } from '#actors';
import { NatsBlobs, NatsJournal, type NatsLink, NatsRecords, type SystemNames } from '#nats';
import { type Codec, parseShardKey, snapshotKey } from '#runtime';

/**
 * Forgets the shards of a dataset with numbers below `base`, those that have a record: it goes last, so that one which
 * was not forgotten to the end is found again.
 */
export async function forgetFormerShards(
  link: NatsLink,
  { names, codec, dataset }: { readonly names: SystemNames; readonly codec: Codec; readonly dataset: string },
  base: number,
): Promise<void> {
  const snapshots = new NatsBlobs(link, names.objects.snapshots(dataset));
  const records = new NatsRecords(link, names.records.shards);
  for (const key of await records.keys()) {
    const { dataset: of, shard } = parseShardKey(key);
    if (of !== dataset || shard === 'keeper' || shard >= base) continue;
    const subject = names.subjects.journal(dataset, 'index', shard);
    const journal = new NatsJournal(link, { stream: names.streams.journal(dataset), subject, codec });
    await journal.forget(({ digest }) => snapshots.delete(snapshotKey(indexPrefix(shard), digest)));
    await records.delete(key);
  }
}
