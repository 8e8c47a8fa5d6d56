// How far a run of `publish` is, and where the next one goes on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameOf, type PublishSource } from '../../../cli/publish/publish-source.ts';
import { freshRun, ResumableRun, type SavedRun } from '../../../cli/publish/resumable-run.ts';

const START_MS = 1_000_000;
const file = (name: string, changedMs = 0): PublishSource => ({
  type: 'file',
  id: name,
  path: name,
  bytes: 1,
  changedMs,
});
const message = (sequence: number): PublishSource => ({
  type: 'message',
  id: String(sequence),
  sequence,
  data: new Uint8Array(),
  headers: {},
});

async function* given(items: readonly PublishSource[]): AsyncGenerator<PublishSource, void> {
  yield* items;
}

async function keys(items: AsyncIterable<PublishSource>): Promise<string[]> {
  const all: string[] = [];
  for await (const item of items) all.push(nameOf(item));
  return all;
}

/** What is kept of a run over `items` that acknowledged some and failed others, in this order. */
async function interrupted(
  items: readonly PublishSource[],
  done: readonly string[],
  failed: readonly string[] = [],
): Promise<SavedRun> {
  const run = new ResumableRun(freshRun('a', START_MS));
  await keys(run.remaining(given(items)));
  for (const name of done) run.acknowledged(file(name));
  for (const name of failed) run.unpublishable(file(name));
  return JSON.parse(JSON.stringify(run)) as SavedRun;
}

const letters = ['a', 'b', 'c', 'd', 'e'].map((name) => file(name));

describe('a resumable run', () => {
  it('gives everything when nothing was published', async () => {
    const run = new ResumableRun(freshRun('a', START_MS));
    expect(await keys(run.remaining(given(letters)))).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(run.markMet).toBe(true);
  });

  it('marks the last item before which all are acknowledged, and keeps the others by name', async () => {
    expect(await interrupted(letters, ['b', 'a', 'e', 'd'])).toMatchObject({
      mark: 'b as b',
      beyond: ['d as d', 'e as e'],
      published: 4,
    });
  });

  it('goes on with what was not acknowledged', async () => {
    const run = new ResumableRun(await interrupted(letters, ['b', 'a', 'd']));
    expect(await keys(run.remaining(given(letters)))).toEqual(['c', 'e']);
    run.acknowledged(file('c'));
    run.acknowledged(file('e'));
    expect(run.toJSON()).toMatchObject({ mark: 'e as e', beyond: [], published: 5 });
  });

  it('tries failed items again, wherever they are', async () => {
    const run = new ResumableRun(await interrupted(letters, ['b', 'c', 'e'], ['a', 'd']));
    expect(await keys(run.remaining(given(letters)))).toEqual(['a', 'd']);
    run.acknowledged(file('a'));
    run.unpublishable(file('d'));
    expect(run.toJSON()).toMatchObject({ mark: 'e as e', failed: ['d as d'], published: 4 });
  });

  it('publishes files again that changed or came since the first run began', async () => {
    const saved = await interrupted(letters, ['a', 'b', 'c']);
    const now = [file('a'), file('aa', START_MS + 1), file('b', START_MS), file('c'), file('d')];
    expect(await keys(new ResumableRun(saved).remaining(given(now)))).toEqual(['aa', 'b', 'd']);
  });

  it('says when the items are others than those of the first run', async () => {
    const run = new ResumableRun(await interrupted(letters, ['a', 'b']));
    expect(await keys(run.remaining(given([file('x'), file('y')])))).toEqual([]);
    expect(run.markMet).toBe(false);
  });

  it('goes on in a stream after the mark, with the failed ones before it', async () => {
    const saved: SavedRun = {
      ...freshRun('a', START_MS),
      mark: '4',
      beyond: ['6'],
      failed: ['2'],
      published: 5,
    };
    const run = new ResumableRun(saved);
    expect(await keys(run.following(given([2, 5, 6, 7].map(message))))).toEqual(['2', '5', '7']);
    for (const sequence of [7, 2, 5]) run.acknowledged(message(sequence));
    expect(run.toJSON()).toMatchObject({ mark: '7', beyond: [], failed: [], published: 8 });
  });

  it('publishes each item at least once over any number of interruptions, and none twice but in flight', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.array(fc.nat(), { maxLength: 20 }), { maxLength: 8 }),
        async (count, runs) => {
          const items = Array.from({ length: count }, (_, index) =>
            file(`f${String(index).padStart(3, '0')}`),
          );
          const published = new Map<string, number>();
          let saved = freshRun('a', START_MS);
          for (const picks of [...runs, null]) {
            const run = new ResumableRun(saved);
            const open: PublishSource[] = [];
            for await (const item of run.remaining(given(items))) open.push(item);
            const order = picks === null ? open.map(() => 0) : picks.slice(0, open.length);
            for (const pick of order) {
              const [item] = open.splice(pick % open.length, 1);
              if (item === undefined) break;
              run.acknowledged(item);
              published.set(nameOf(item), (published.get(nameOf(item)) ?? 0) + 1);
            }
            saved = JSON.parse(JSON.stringify(run)) as SavedRun;
          }
          expect([...published.values()].every((times) => times === 1)).toBe(true);
          expect(published.size).toBe(count);
          expect(saved).toMatchObject({ published: count, beyond: [] });
        },
      ),
    );
  });
});
