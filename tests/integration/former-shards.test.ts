import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  ensureDataset,
  ensureSystem,
  NatsBlobs,
  NatsJournal,
  NatsRecords,
  namesOf,
  streamState,
  VersionedCodec,
} from '#nats';
import { shardKey, snapshotKey } from '#runtime';
import { indexPrefix } from '../../actors/dedup/index-shard.ts';
import { forgetFormerShards } from '../../cli/node/former-shards.ts';
import { describeOnServers, smallDataset } from './nats-harness.ts';

await describeOnServers('the index shards of former generations', (under) => {
  it('leave nothing behind once they are forgotten, and those that count keep everything', async () => {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureSystem(link, { system: names.system });
    await ensureDataset(link, 'photos', smallDataset(names.system, { stages: [] }));
    const codec = new VersionedCodec();
    const snapshots = new NatsBlobs(link, names.objects.snapshots('photos'));
    const records = new NatsRecords(link, names.records.shards);
    const journalOf = (shard: number) =>
      new NatsJournal(link, {
        stream: names.streams.journal('photos'),
        subject: names.subjects.journal('photos', 'index', shard),
        codec,
      });
    const snapshotKeys = async (shard: number) => {
      const journal = journalOf(shard);
      await journal.own();
      const keys: string[] = [];
      for (const text of [`first of ${shard}`, `second of ${shard}`, `third of ${shard}`].slice(
        0,
        shard + 1,
      )) {
        const bytes = Buffer.from(text);
        const digest = createHash('sha256').update(bytes).digest('hex');
        const key = snapshotKey(indexPrefix(shard), digest);
        await snapshots.put(key, bytes);
        await journal.recordSnapshot({ sequence: await journal.append([text]), digest });
        keys.push(key);
      }
      await records.compareAndSet(shardKey({ dataset: 'photos', shard }), Buffer.from('{}'), 0);
      return keys.slice(-2);
    };
    await records.compareAndSet(shardKey({ dataset: 'photos', shard: 'keeper' }), Buffer.from('{}'), 0);
    await records.compareAndSet(shardKey({ dataset: 'art', shard: 0 }), Buffer.from('{}'), 0);
    const former = [...(await snapshotKeys(0)), ...(await snapshotKeys(1))];
    const present = await snapshotKeys(2);

    const forget = () => forgetFormerShards(link, { names, codec, dataset: 'photos' }, [2]);
    await forget();
    await forget();

    const has = (key: string) => snapshots.has(key);
    expect(await Promise.all(former.map(has))).toEqual(former.map(() => false));
    expect(await Promise.all(present.map(has))).toEqual([true, true]);
    expect((await journalOf(0).standing()).epoch).toBe(0);
    expect((await journalOf(1).standing()).epoch).toBe(0);
    expect((await journalOf(2).standing()).epoch).toBe(1);
    expect([...(await records.keys())].sort()).toEqual(['art.0', 'photos.2', 'photos.keeper']);
    const left = await streamState(link, names.streams.journal('photos'));
    const own = await messagesOf(journalOf(2));
    expect(left.messages).toBe(own);
  });
});

/** Messages that a journal consists of. */
async function messagesOf(journal: NatsJournal): Promise<number> {
  const { sequence } = await journal.standing();
  let messages = 0;
  for await (const _ of journal.replay(0, sequence)) messages++;
  return messages;
}
