// Members of a cluster as real processes on a real server: killed, frozen and thawed, they never leave a shard with two
// writers, and every shard ends with an owner that lives.
import { afterEach, expect, it } from 'vitest';
import { decode, eachMessage, ensureDataset, ensureSystem, NatsRecords, namesOf } from '#nats';
import type { MemberOptions } from '../support/cluster-member.ts';
import { MemberProcess } from '../support/member-process.ts';
import { describeOnServers, smallDataset, until } from './nats-harness.ts';

const SHARDS = ['photos.0', 'photos.1', 'photos.2', 'photos.3', 'photos.4', 'photos.5'];
const LEASE_MS = 2_000;
const DEADLINE_MS = 30_000;

await describeOnServers('a cluster', (under) => {
  const members: MemberProcess[] = [];

  afterEach(async () => {
    for (const member of members.splice(0)) await member[Symbol.asyncDispose]();
  });

  async function cluster(shards: readonly string[] = SHARDS) {
    const link = await under.link();
    const system = under.newSystem();
    await ensureSystem(link, { system });
    await ensureDataset(link, 'photos', smallDataset(system, { stages: [] }));
    const names = namesOf(system);
    const { url, token } = under.server;
    const start = (name: string, extra: Partial<MemberOptions> = {}): MemberProcess => {
      const common = { name, url, token, system, dataset: 'photos', shards, leaseMs: LEASE_MS };
      const member = new MemberProcess({ ...common, ignoresLease: false, ...extra });
      members.push(member);
      return member;
    };
    /** Epoch and writer of each frame of each journal, in order; `owned` for the frame that took it. */
    const frames = async (shard: string) => {
      const subject = names.subjects.journal('photos', 'index', shard.split('.')[1] ?? '');
      const found: { readonly epoch: number; readonly writer: string }[] = [];
      for await (const message of eachMessage(link, names.streams.journal('photos'))) {
        if (message.subject !== subject) continue;
        const [, epoch, , [writer = 'owned']] = decode(message.data) as [number, number, unknown, string[]];
        found.push({ epoch, writer });
      }
      return found;
    };
    const records = new NatsRecords(link, names.records.shards);
    return { start, frames, records };
  }

  /** Waits until each shard is answered by exactly one of these members. */
  async function untilOwned(
    owners: readonly MemberProcess[],
    shards: readonly string[] = SHARDS,
  ): Promise<void> {
    await until(
      `each of ${shards.length} shards has one owner`,
      () => {
        const owned = owners.flatMap(({ answering }) => [...answering]);
        return owned.length === shards.length && new Set(owned).size === shards.length;
      },
      DEADLINE_MS,
    );
  }

  /** One writer an epoch, epochs only grow, and nothing is written under an epoch before its `owned`. */
  async function expectOneWriterEach(
    frames: (shard: string) => Promise<readonly { epoch: number; writer: string }[]>,
  ) {
    for (const shard of SHARDS) {
      const writers = new Map<number, string>();
      let last = 0;
      for (const { epoch, writer } of await frames(shard)) {
        expect(epoch).toBeGreaterThanOrEqual(last);
        if (epoch > last) expect(writer).toBe('owned');
        last = epoch;
        if (writer === 'owned') continue;
        expect(writers.get(epoch) ?? writer).toBe(writer);
        writers.set(epoch, writer);
      }
    }
  }

  it('shares its shards when nodes join, and gives a drained node’s to the others before that ends', async () => {
    const { start, frames } = await cluster();
    const a = start('a');
    await untilOwned([a]);
    const b = start('b');
    const c = start('c');
    await until('each has two', () => [a, b, c].every(({ answering }) => answering.size === 2), DEADLINE_MS);
    b.drain();
    await until('b has left', () => b.code === 0, DEADLINE_MS);
    await untilOwned([a, c]);
    await expectOneWriterEach(frames);
  });

  it('has the shards of a killed node answered elsewhere', async () => {
    const { start, frames } = await cluster();
    const a = start('a');
    const b = start('b');
    await until('both own some', () => a.answering.size === 3 && b.answering.size === 3, DEADLINE_MS);
    b.kill();
    await untilOwned([a]);
    await expectOneWriterEach(frames);
  });

  it('has a frozen owner’s shards written by another one only; thawed, it stops itself', async () => {
    const { start, frames } = await cluster();
    const a = start('a');
    const b = start('b');
    await until('both own some', () => a.answering.size === 3 && b.answering.size === 3, DEADLINE_MS);
    b.freeze();
    await untilOwned([a]);
    b.thaw();
    await until('b has stopped itself', () => b.code === 1, DEADLINE_MS);
    expect(b.told.at(-1)).toEqual({ type: 'lost', error: 'NodeLeaseLost' });
    await expectOneWriterEach(frames);
  });

  it('gives a node that was killed its shards back at once when it starts again under its name', async () => {
    const { start, frames, records } = await cluster();
    const first = start('a', { leaseMs: 600_000 });
    await untilOwned([first]);
    first.kill();
    const second = start('a', { leaseMs: 600_000 });
    await untilOwned([second]);
    const stored = await records.get('photos.0');
    expect(JSON.parse(Buffer.from(stored?.value ?? []).toString())).toMatchObject({ owner: 'a', epoch: 2 });
    await expectOneWriterEach(frames);
  });

  it('is kept to one writer by the journals, not by leases: two owners at once, and only one can append', async () => {
    const { start, frames } = await cluster();
    const a = start('a', { ignoresLease: true });
    await untilOwned([a]);
    a.freeze();
    const b = start('b');
    await untilOwned([b]);
    a.thaw();
    // Whether it wrote first and was refused, or read the records first, is a matter of microseconds.
    await until('a answers for nothing', () => a.answering.size === 0, DEADLINE_MS);
    expect(a.code).toBeUndefined();
    await expectOneWriterEach(frames);
    expect((await frames('photos.0')).at(-1)?.writer).toBe('b');
  });

  it('lets a former owner thaw between the record and the journal of the next: it is refused from `owned` on', async () => {
    const { start, frames, records } = await cluster();
    const a = start('a', { ignoresLease: true });
    await untilOwned([a]);
    a.freeze();
    const b = start('b', { stopsAt: 'take.recorded' });
    await until('b took a record', () => b.told.some(({ type }) => type === 'stopping'), DEADLINE_MS);
    const taken = async () => {
      const all = await records.entries();
      return all.flatMap(({ key, value }) =>
        /"owner":"b"/.test(Buffer.from(value).toString()) ? [key] : [],
      );
    };
    const [shard = ''] = await taken();
    expect(shard).not.toBe('');
    a.thaw();
    // Until the journal is owned anew a could still append; it stops when it reads the record.
    await until('a no longer answers', () => !a.answering.has(shard), DEADLINE_MS);
    b.thaw();
    await untilOwned([b]);
    await until('a answers for nothing', () => a.answering.size === 0, DEADLINE_MS);
    await expectOneWriterEach(frames);
    expect((await frames(shard)).at(-1)).toEqual({ epoch: 2, writer: 'b' });
  });
});
