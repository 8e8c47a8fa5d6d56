// What every disturbed run is held against: the same pictures through a fresh system that nobody disturbs, and the
// comparison by which a chaos test says that nothing was lost, doubled or decided otherwise.
import { beforeAll, expect } from 'vitest';
import type { VerdictCounts } from '#actors';
import { type CorpusItem, generateCorpus } from '../../cli/corpus/index.ts';
import { PICTURES_CONFIG, type Pictures, picturesOf } from './images.ts';
import { madeOnce } from './made-once.ts';
import type { SystemClient } from './system-client.ts';
import { TroupeSystem } from './troupe-system.ts';

/** The result of a run. */
export interface RunResult {
  readonly digest: string;
  readonly verdicts: VerdictCounts;
  /** One line for each outcome message: id, outcome, survivor; sorted. */
  readonly outcomes: readonly string[];
}

/** `count` pictures and what comes of them, for all tests of a file; files with the same count share them. */
export function undisturbedPictures(count: number): {
  readonly pictures: Pictures;
  readonly result: RunResult;
} {
  let made: { readonly items: readonly CorpusItem[]; readonly result: RunResult } | undefined;
  beforeAll(async () => {
    made = await madeOnce(`pictures-${count}`, async (folder) => {
      const { items } = await generateCorpus({ directory: folder, count, seed: 1 });
      return { items, result: await undisturbedRun(picturesOf(items)) };
    });
  });
  const ready = () => {
    if (made === undefined) throw new Error('the pictures are made before the first test');
    return made;
  };
  return {
    get pictures() {
      return picturesOf(ready().items);
    },
    get result() {
      return ready().result;
    },
  };
}

/** Runs the pictures through a fresh system. */
async function undisturbedRun(pictures: Pictures): Promise<RunResult> {
  await using system = await TroupeSystem.up({ config: PICTURES_CONFIG });
  const through = await system.publish(pictures.items);
  await system.waitSettled(through);
  const result = await resultOf(system, pictures);
  expect(result.verdicts.dead).toBe(pictures.of('corrupt').length);
  return result;
}

/** Cuts, checks that every picture has exactly one place and one outcome, and gives what is compared. */
export async function resultOf(system: SystemClient, pictures: Pictures): Promise<RunResult> {
  const digest = await system.manifestDigest();
  const verdicts = await system.verdicts();
  const report = await system.audit();
  expect(report).toMatchObject({
    balanced: true,
    published: pictures.items.length,
    missing: [],
    problems: [],
  });
  expect(Object.values(report.pending).filter((count) => count > 0)).toEqual([]);
  const rows = await system.manifestRows();
  const alive = pictures.items.filter(({ truth }) => truth !== 'corrupt').map(({ id }) => id);
  expect(rows.map(({ id }) => id).sort()).toEqual(alive.sort());
  const outcomes = await system.outcomes();
  const everyone = pictures.items.map(({ id }) => id).sort();
  expect(outcomes.map(({ id }) => id).sort()).toEqual(everyone);
  const lines = outcomes.map(({ id, outcome, survivor }) => `${id} ${outcome} ${survivor?.id ?? ''}`.trim());
  return { digest, verdicts, outcomes: lines.sort() };
}
