import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  eachMessage,
  encode,
  ensureDataset,
  JournalNotOwned,
  NatsJournal,
  type NatsLink,
  namesOf,
} from '#nats';
import { JournalConflict, JournalFenced, StorageFull } from '#runtime';
import { collect, describeOnServers, smallDataset, until } from './nats-harness.ts';

await describeOnServers('a journal', (under) => {
  async function journals(): Promise<{
    open: (
      link: NatsLink,
      options?: { shard?: number; maxFrameBytes?: number; newId?: () => string },
    ) => NatsJournal;
    stream: string;
    subject: (shard: number) => string;
    link: NatsLink;
  }> {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureDataset(link, 'photos', smallDataset(names.system, { stages: [] }));
    const stream = names.streams.journal('photos');
    const subject = (shard: number) => names.subjects.journal('photos', 'index', shard);
    return {
      link,
      stream,
      subject,
      open: (over, { shard = 0, ...options } = {}) =>
        new NatsJournal(over, { stream, subject: subject(shard), ...options }),
    };
  }

  it('gives back its events in order, with the epochs under which they were written', async () => {
    const { open, link } = await journals();
    const first = open(link);
    expect(await first.own()).toEqual({ epoch: 1, sequence: 1 });
    await first.append(['a', { b: 1 }]);
    const second = open(link);
    const { epoch, sequence } = await second.own();
    expect(epoch).toBe(2);
    const last = await second.append([new Uint8Array([1, 2])]);
    expect(last).toBe(sequence + 1);
    const frames = await collect(second.replay(0, last));
    expect(frames.map((frame) => [frame.epoch, frame.events.length])).toEqual([
      [1, 0],
      [1, 2],
      [2, 0],
      [2, 1],
    ]);
    expect(frames.flatMap((frame) => frame.events)).toEqual(['a', { b: 1 }, new Uint8Array([1, 2])]);
    expect(await collect(second.replay(sequence, last))).toHaveLength(1);
    expect(await collect(second.replay(last, last))).toEqual([]);
  });

  it('is owned under the epoch that is asked for, never below the last one, and shows how it stands', async () => {
    const { open, link } = await journals();
    const first = open(link);
    expect(await first.standing()).toEqual({ epoch: 0, sequence: 0 });
    expect((await first.own(4)).epoch).toBe(4);
    const late = open(await under.link());
    await expect(late.own(3)).rejects.toThrow(JournalFenced);
    await first.append(['still mine']);
    const again = open(await under.link());
    expect((await again.own(4)).epoch).toBe(4);
    await expect(first.append(['a former actor of the same owner'])).rejects.toThrow(JournalConflict);
    const last = await again.append(['a']);
    await again.recordSnapshot({ sequence: last, digest: 'd'.repeat(64) });
    const snapshot = { sequence: last, digest: 'd'.repeat(64) };
    expect(await late.standing()).toEqual({ epoch: 4, sequence: last + 1, snapshot });
  });

  it('refuses every append of a former owner once the new one has written', async () => {
    const { open, link } = await journals();
    const former = open(link);
    await former.own();
    await former.append(['mine']);
    const successor = open(await under.link());
    const { epoch, sequence } = await successor.own();
    await expect(former.append(['late'])).rejects.toThrow(JournalFenced);
    await expect(former.append(['later'])).rejects.toThrow(JournalNotOwned);
    expect(epoch).toBe(2);
    expect((await collect(successor.replay(0, sequence))).flatMap((frame) => frame.events)).toEqual(['mine']);
  });

  it('reports a conflict, not a fence, when something else was written under the same epoch', async () => {
    const { open, link, stream, subject } = await journals();
    const journal = open(link);
    await journal.own();
    const [owned] = await collect(journal.replay(0, 1));
    expect(owned?.epoch).toBe(1);
    await link.publisher.publish({ subject: subject(0), data: encode([1, 1, [], ['stray']]) });
    await expect(journal.append(['x'])).rejects.toThrow(JournalConflict);
    const again = open(link);
    expect((await again.own()).epoch).toBe(2);
    expect((await link.manager.streams.info(stream)).state.messages).toBe(3);
  });

  it('counts its own frame, stored by an attempt whose answer was lost, as success', async () => {
    const { open, link, subject } = await journals();
    const stored: number[] = [];
    let expected = 0;
    const journal = open(link, {
      newId: () => {
        const id = `frame-${expected}`;
        // The attempt which nobody heard of: the same id, the same expectation, sent just before.
        const lost = { subject: subject(0), data: encode([1, 1, [], [`event-${expected}`]]), id };
        const receipt = link.publisher.publishWith(lost, { expectLastSubjectSequence: expected });
        if (expected > 0) void receipt.then(({ sequence }) => stored.push(sequence));
        expected++;
        return id;
      },
    });
    const { sequence } = await journal.own();
    expect(sequence).toBe(1);
    expect(await journal.append(['event-1'])).toBe(2);
    expect(await journal.append(['event-2'])).toBe(3);
    expect(stored).toEqual([2, 3]);
    const events = (await collect(journal.replay(1, 3))).flatMap((frame) => frame.events);
    expect(events).toEqual(['event-1', 'event-2']);
  });

  it('is taken by exactly one of two contenders at a time, under different epochs', async () => {
    const { open, link } = await journals();
    const contenders = Array.from({ length: 8 }, () => open(link));
    const owned = await Promise.all(contenders.map((journal) => journal.own()));
    expect(owned.map(({ epoch }) => epoch).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const results = await Promise.allSettled(contenders.map((journal) => journal.append(['x'])));
    const won = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
    expect(won).toEqual([owned.findIndex(({ epoch }) => epoch === 8)]);
  });

  it('is taken from an owner who appends without pause', async () => {
    const { open, link } = await journals();
    const busy = open(link);
    await busy.own();
    let appended = 0;
    const appending = (async () => {
      for (;;) {
        await busy.append([appended]);
        appended++;
      }
    })().catch((error: unknown) => error);
    await until('the owner appends', () => appended > 20);
    const successor = open(await under.link());
    const { sequence } = await successor.own();
    expect(await appending).toBeInstanceOf(JournalFenced);
    const events = (await collect(successor.replay(0, sequence))).flatMap((frame) => frame.events);
    expect(events).toEqual(Array.from({ length: appended }, (_, index) => index));
  });

  it('splits a large append between events only, and replays it in order', async () => {
    const { open, link } = await journals();
    const journal = open(link, { maxFrameBytes: 64 * 1024 });
    const { sequence } = await journal.own();
    const events = Array.from({ length: 50 }, (_, index) => ({
      index,
      body: new Uint8Array(randomBytes(10_000)),
    }));
    const last = await journal.append([...events, { index: 50, body: new Uint8Array(200_000) }]);
    const frames = await collect(journal.replay(sequence, last));
    expect(frames.length).toBeGreaterThan(8);
    const replayed = frames.flatMap((frame) => frame.events) as { index: number; body: Uint8Array }[];
    expect(replayed.map(({ index }) => index)).toEqual(Array.from({ length: 51 }, (_, index) => index));
    const same = replayed
      .slice(0, 50)
      .map(({ body }, index) => Buffer.compare(body, events[index]?.body ?? new Uint8Array()));
    expect(same).toEqual(same.map(() => 0));
  });

  it('replays one journal of many, through an exact sequence, at full speed', async () => {
    const { open, link } = await journals();
    const shards = [0, 1, 2].map((shard) => open(link, { shard }));
    for (const journal of shards) await journal.own();
    const lasts = await Promise.all(
      shards.map(async (journal, shard) => {
        let last = 0;
        for (let index = 0; index < 700; index++) last = await journal.append([`${shard}-${index}`]);
        return last;
      }),
    );
    const through = (lasts[1] ?? 0) - 1;
    const events = (await collect(open(link, { shard: 1 }).replay(0, through))).flatMap(
      (frame) => frame.events,
    );
    const full = Array.from({ length: 700 }, (_, index) => `1-${index}`);
    expect(events.length).toBeGreaterThanOrEqual(699);
    expect(events).toEqual(full.slice(0, events.length));
  });

  it('remembers the newest snapshot over owners, and truncates below the older of the last two', async () => {
    const { open, link, stream, subject } = await journals();
    const other = open(link, { shard: 1 });
    await other.own();
    const journal = open(link);
    await journal.own();
    const digest = (letter: string) => letter.repeat(64);
    const first = await journal.append(['a']);
    await journal.recordSnapshot({ sequence: first, digest: digest('1') });
    expect((await collect(journal.replay(0, first))).map((frame) => frame.events.length)).toEqual([0, 1]);
    const second = await journal.append(['b']);
    await journal.recordSnapshot({ sequence: second, digest: digest('2') });
    const last = await journal.append(['c']);
    // Both snapshots hold everything up to the first one's sequence, and only that is gone.
    const kept = await collect(journal.replay(0, last));
    expect(kept[0]?.sequence).toBe(first + 1);
    expect(kept.flatMap((frame) => frame.events)).toEqual(['b', 'c']);
    const successor = open(await under.link());
    const owned = await successor.own();
    expect(owned.snapshot).toEqual({ sequence: second, digest: digest('2') });
    const tail = await collect(successor.replay(second, owned.sequence));
    expect(tail.flatMap((frame) => frame.events)).toEqual(['c']);
    // The older pointer came along too: the successor's snapshot truncates below the second.
    await successor.recordSnapshot({ sequence: owned.sequence, digest: digest('3') });
    const { state } = await link.manager.streams.info(stream, { subjects_filter: '>' });
    expect(state.subjects?.[subject(1)]).toBe(1);
    expect((await collect(successor.replay(0, owned.sequence)))[0]?.sequence).toBe(second + 1);
    await expect(successor.recordSnapshot({ sequence: 1, digest: digest('4') })).rejects.toThrow(RangeError);
    await expect(journal.recordSnapshot({ sequence: last, digest: digest('5') })).rejects.toThrow(
      JournalFenced,
    );
  });

  it('refuses events without room for them and takes them once there is, under the same ownership', async () => {
    const { open, link, stream } = await journals();
    const journal = open(link);
    await journal.own();
    await journal.append(['a']);
    const { state } = await link.manager.streams.info(stream);
    await link.manager.streams.update(stream, { max_bytes: state.bytes + 100 });
    const large = 'x'.repeat(10_000);
    for (let tries = 0; tries < 3; tries++)
      await expect(journal.append([large])).rejects.toThrow(StorageFull);
    const pointer = { sequence: 2, digest: 'd'.repeat(64) };
    await expect(journal.recordSnapshot(pointer)).rejects.toThrow(StorageFull);
    await link.manager.streams.update(stream, { max_bytes: 2 ** 20 });
    const last = await journal.append([large]);
    const events = (await collect(journal.replay(0, last))).flatMap((frame) => frame.events);
    expect(events).toEqual(['a', large]);
  });

  it('waits for room within a batch of several frames, of which one is stored', async () => {
    const { open, link, stream } = await journals();
    const journal = open(link, { maxFrameBytes: 10_000 });
    await journal.own();
    const { state } = await link.manager.streams.info(stream);
    await link.manager.streams.update(stream, { max_bytes: state.bytes + 15_000 });
    const batch = Array.from({ length: 4 }, (_, at) => `${at}`.repeat(8_000));
    const appending = journal.append(batch);
    await until('one frame is stored', async () => {
      const info = await link.manager.streams.info(stream);
      return info.state.bytes > state.bytes + 8_000;
    });
    await link.manager.streams.update(stream, { max_bytes: 2 ** 20 });
    const last = await appending;
    const events = (await collect(journal.replay(0, last))).flatMap((frame) => frame.events);
    expect(events).toEqual(batch);
  });

  it('says how full its stream is', async () => {
    const { open, link } = await journals();
    const journal = open(link);
    await journal.own();
    await journal.append([new Uint8Array(100_000)]);
    const { bytes, maxBytes } = await journal.usage();
    expect(maxBytes).toBe(256 * 1024 * 1024);
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(110_000);
  });

  it('compacted holds one snapshot and what came after it, and goes on from there; discarded it holds nothing', async () => {
    const { open, link, stream, subject } = await journals();
    const journal = open(link);
    const neighbour = open(link, { shard: 1 });
    await neighbour.own();
    await journal.own();
    const old = await journal.append(['old']);
    await journal.recordSnapshot({ sequence: old, digest: 'a'.repeat(64) });
    const last = await journal.append(['secret']);
    const pointer = { sequence: last, digest: 'b'.repeat(64) };
    await journal.compactTo(pointer);
    const held = async (shard: number) =>
      (await collect(eachMessage(link, stream, { subject: subject(shard) }))).length;
    expect(await held(0)).toBe(1);
    await journal.append(['new']);
    const next = open(link);
    const { snapshot, sequence } = await next.own();
    expect(snapshot).toEqual(pointer);
    expect((await collect(next.replay(last, sequence))).flatMap(({ events }) => events)).toEqual(['new']);
    await expect(next.compactTo({ sequence: old, digest: 'c'.repeat(64) })).rejects.toThrow(RangeError);
    await next.discard();
    expect([await held(0), await held(1)]).toEqual([0, 1]);
  });
});
