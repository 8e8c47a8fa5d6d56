// State from journaled events: recovery, fencing, snapshots.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EventSourced,
  type EventSourcedOptions,
  JournalConflict,
  JournalFenced,
  SnapshotUnreadable,
  StorageFull,
} from '#runtime';
import { MemoryBlobs, MemoryJournal } from '#testkit';

interface Sums {
  total: number;
  readonly seen: string[];
}
type Added = { readonly name: string; readonly amount: number };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function options(
  journal: MemoryJournal,
  blobs: MemoryBlobs,
  minTailEvents?: number,
): EventSourcedOptions<Sums, Added> {
  return {
    journal,
    blobs,
    prefix: 'snapshots/sums',
    initial: () => ({ total: 0, seen: [] }),
    apply: (state, { name, amount }) => {
      state.total += amount;
      state.seen.push(name);
    },
    encodeSnapshot: (state) => encoder.encode(JSON.stringify(state)),
    decodeSnapshot: (bytes) => JSON.parse(decoder.decode(bytes)),
    ...(minTailEvents !== undefined && { minTailEvents }),
  };
}

const added = (name: string, amount = 1): Added => ({ name, amount });

describe('EventSourced', () => {
  it('owns the journal under a new epoch each time, from the initial state on', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const first = await EventSourced.recover(options(journal, blobs));
    expect([first.epoch, first.lastSequence, first.state]).toEqual([1, 1, { total: 0, seen: [] }]);
    const second = await EventSourced.recover(options(journal.rival(), blobs));
    expect([second.epoch, second.lastSequence]).toEqual([2, 2]);
  });

  it('changes its state only after the append was acknowledged', async () => {
    const journal = new MemoryJournal();
    const sums = await EventSourced.recover(options(journal, new MemoryBlobs()));
    const persisted = sums.persist([added('a', 3), added('b', 4)]);
    expect(sums.state.total).toBe(0);
    await persisted;
    expect([sums.state, sums.lastSequence]).toEqual([{ total: 7, seen: ['a', 'b'] }, 2]);
    expect(journal.frames.at(-1)).toEqual({ sequence: 2, epoch: 1, events: [added('a', 3), added('b', 4)] });
  });

  it('changes nothing when an append fails, rethrows why, and goes on', async () => {
    const journal = new MemoryJournal();
    const sums = await EventSourced.recover(options(journal, new MemoryBlobs()));
    const conflict = new JournalConflict('refused');
    journal.failNext(conflict);
    await expect(sums.persist([added('lost')])).rejects.toBe(conflict);
    expect([sums.state, sums.lastSequence]).toEqual([{ total: 0, seen: [] }, 1]);
    await sums.persist([added('kept')]);
    expect(sums.state.seen).toEqual(['kept']);
  });

  it('appends one batch at a time, in the order of the calls', async () => {
    const journal = new MemoryJournal();
    const sums = await EventSourced.recover(options(journal, new MemoryBlobs()));
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => sums.persist([added(name)])));
    expect(sums.state.seen).toEqual(['a', 'b', 'c', 'd']);
    expect(journal.frames.map(({ events }) => events.length)).toEqual([0, 1, 1, 1, 1]);
  });

  it('appends nothing for no events', async () => {
    const journal = new MemoryJournal();
    const sums = await EventSourced.recover(options(journal, new MemoryBlobs()));
    await sums.persist([]);
    expect(journal.frames).toHaveLength(1);
  });

  it('is fenced off once another owner has taken the journal, and cannot write', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const former = await EventSourced.recover(options(journal, blobs));
    await former.persist([added('a')]);
    const owner = await EventSourced.recover(options(journal.rival(), blobs));
    await expect(former.persist([added('b')])).rejects.toThrow(JournalFenced);
    await owner.persist([added('c')]);
    expect([former.state.seen, owner.state.seen]).toEqual([['a'], ['a', 'c']]);
  });

  it('takes no snapshot before the tail has its least number of events', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs, 3));
    await sums.persist([added('a')]);
    await sums.persist([added('b')]);
    await sums.settled();
    expect(blobs.keys()).toEqual([]);
    await sums.persist([added('c')]);
    await sums.settled();
    expect(blobs.keys()).toHaveLength(1);
  });

  it('takes snapshots ever more rarely as the state grows: they cost each event a constant share', async () => {
    const written = async (events: number) => {
      const blobs = new MemoryBlobs();
      let bytes = 0;
      const put = blobs.put.bind(blobs);
      blobs.put = (key, snapshot) => {
        bytes += snapshot.byteLength;
        return put(key, snapshot);
      };
      const sums = await EventSourced.recover(options(new MemoryJournal(), blobs, 10));
      for (let number = 0; number < events; number += 10) {
        await sums.persist(Array.from({ length: 10 }, (_, of) => added(`event-${number + of}`)));
        await sums.settled();
      }
      return bytes / events;
    };
    const [short, long] = [await written(500), await written(8_000)];
    expect(short).toBeGreaterThan(0);
    expect(long).toBeLessThan(short * 3);
  });

  it('keeps the last two snapshots and deletes older ones', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs, 1));
    for (let number = 0; number < 200; number += 1) {
      await sums.persist([added('some-long-name'.repeat(20))]);
      await sums.settled();
    }
    expect(blobs.keys()).toHaveLength(2);
    const again = await EventSourced.recover(options(journal.rival(), blobs, 1));
    expect(again.state).toEqual(sums.state);
  });

  it('goes on without a snapshot that could not be stored', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    blobs.put = () => Promise.reject(new Error('no space'));
    const sums = await EventSourced.recover(options(journal, blobs, 1));
    await sums.persist([added('a')]);
    await sums.settled();
    await sums.persist([added('b')]);
    expect((await EventSourced.recover(options(journal.rival(), blobs, 1))).state).toEqual(sums.state);
  });

  it('accepts no more events once recording a snapshot was refused', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs, 1));
    await sums.persist([added('a')]);
    journal.failNext(new JournalFenced('another owner'));
    await sums.settled();
    await expect(sums.persist([added('b')])).rejects.toThrow(JournalFenced);
    expect(sums.state.seen).toEqual(['a']);
  });

  it('refuses to recover from a snapshot that is absent or altered', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs, 1));
    await sums.persist([added('a')]);
    await sums.settled();
    const [key = ''] = blobs.keys();
    await blobs.put(key, encoder.encode('{}'));
    await expect(EventSourced.recover(options(journal.rival(), blobs))).rejects.toThrow(SnapshotUnreadable);
    await blobs.delete(key);
    await expect(EventSourced.recover(options(journal.rival(), blobs))).rejects.toThrow(SnapshotUnreadable);
  });

  it('recovers, with restarts and snapshots at any points, what a straight run has', async () => {
    type Step = 'recover' | 'fail' | readonly number[];
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 6 }) },
      { weight: 2, arbitrary: fc.constant('recover' as const) },
      { weight: 1, arbitrary: fc.constant('fail' as const) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        async (script: readonly Step[], minTailEvents) => {
          const blobs = new MemoryBlobs();
          let journal = new MemoryJournal();
          let sums = await EventSourced.recover(options(journal, blobs, minTailEvents));
          const straight: Sums = { total: 0, seen: [] };
          for (const [number, todo] of script.entries()) {
            if (todo === 'recover') {
              // With the snapshot still under way: it may count or not.
              journal = journal.rival();
              sums = await EventSourced.recover(options(journal, blobs, minTailEvents));
            } else if (todo === 'fail') {
              await sums.settled();
              journal.failNext(new JournalConflict('refused'));
              await expect(sums.persist([added('refused')])).rejects.toThrow('refused');
            } else {
              const events = todo.map((amount, of) => added(`${number}.${of}`, amount));
              await sums.persist(events);
              for (const { name, amount } of events) {
                straight.total += amount;
                straight.seen.push(name);
              }
            }
            expect(sums.state).toEqual(straight);
          }
          await sums.settled();
          const recovered = await EventSourced.recover(options(journal.rival(), blobs, minTailEvents));
          expect(recovered.state).toEqual(straight);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('owns under the epoch that it is given, and never under one that another owner has passed', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const first = await EventSourced.recover({ ...options(journal, blobs), epoch: 4 });
    expect(first.epoch).toBe(4);
    await expect(EventSourced.recover({ ...options(journal.rival(), blobs), epoch: 3 })).rejects.toThrow(
      JournalFenced,
    );
    await first.persist([added('still mine')]);
  });

  it('is brought up to date from what was prepared while another owner wrote, and reads only what came since', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const owner = await EventSourced.recover(options(journal, blobs));
    await owner.persist([added('a'), added('b')]);
    const next = journal.rival();
    const prepared = await EventSourced.prepare(options(next, blobs));
    expect(prepared.state.seen).toEqual(['a', 'b']);
    await owner.persist([added('c')]);
    const read: number[] = [];
    const counted = Object.assign(next, {
      replay: (after: number, through: number) => {
        read.push(after);
        return journal.rival().replay(after, through);
      },
    });
    const successor = await EventSourced.recover({ ...options(counted, blobs), prepared });
    expect(successor.state.seen).toEqual(['a', 'b', 'c']);
    expect(read).toEqual([prepared.sequence]);
    await expect(owner.persist([added('late')])).rejects.toThrow(JournalFenced);
  });

  it('does not build on what was prepared before the last snapshot, whose events may be gone', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const owner = await EventSourced.recover(options(journal, blobs, 2));
    await owner.persist([added('a')]);
    const prepared = await EventSourced.prepare(options(journal.rival(), blobs, 2));
    for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
      await owner.persist([added(name)]);
      await owner.settled();
    }
    const successor = await EventSourced.recover({ ...options(journal.rival(), blobs, 2), prepared });
    expect(successor.state.seen).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('is as it was when there is no room for events or for the record of a snapshot, and goes on once there is', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs, 2));
    await sums.persist([added('a')]);
    journal.failNext(new StorageFull('no room'));
    await expect(sums.persist([added('b')])).rejects.toThrow(StorageFull);
    expect(sums.state.seen).toEqual(['a']);
    await sums.persist([added('b')]);
    // The tail is due by now: what fails next is the snapshot's record.
    journal.failNext(new StorageFull('no room'));
    await sums.settled();
    await sums.persist([added('c')]);
    expect(sums.state.seen).toEqual(['a', 'b', 'c']);
    const successor = await EventSourced.recover(options(journal.rival(), blobs));
    expect(successor.state.seen).toEqual(['a', 'b', 'c']);
  });
});

describe('compaction', () => {
  const placesOf = async (journal: MemoryJournal, blobs: MemoryBlobs) => {
    const snapshots = await Promise.all(blobs.keys().map((key) => blobs.get(key)));
    return [JSON.stringify(journal.frames), ...snapshots.map((bytes) => decoder.decode(bytes))].join();
  };

  it('leaves one snapshot of the present state and nothing older, also of what was stored and never counted', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    await blobs.put('snapshots/sums/never', encoder.encode('secret'));
    await blobs.put('snapshots/sums2/other', encoder.encode('not its own'));
    const sums = await EventSourced.recover(options(journal, blobs, 1));
    await sums.persist([added('secret')]);
    await sums.settled();
    sums.state.seen.length = 0;
    expect(await placesOf(journal, blobs)).toContain('secret');
    const compacted = sums.compact();
    await sums.persist([added('later')]);
    await compacted;
    await sums.settled();
    expect(await placesOf(journal, blobs)).not.toContain('secret');
    expect(blobs.keys().filter((key) => key.startsWith('snapshots/sums/')).length).toBeLessThanOrEqual(2);
    expect(blobs.keys()).toContain('snapshots/sums2/other');
    const next = await EventSourced.recover(options(journal.rival(), blobs));
    expect(next.state).toEqual({ total: 2, seen: ['later'] });
  });

  it('that finds no room leaves everything as it was, to be called again', async () => {
    const [journal, blobs] = [new MemoryJournal(), new MemoryBlobs()];
    const sums = await EventSourced.recover(options(journal, blobs));
    await sums.persist([added('a')]);
    journal.failNext(new StorageFull('no room'));
    await expect(sums.compact()).rejects.toThrow(StorageFull);
    await sums.persist([added('b')]);
    await sums.compact();
    const next = await EventSourced.recover(options(journal.rival(), blobs));
    expect(next.state.seen).toEqual(['a', 'b']);
  });
});
