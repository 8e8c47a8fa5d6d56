// What every disturbed run is held against: the same pictures through a fresh system that nobody disturbs, and the
// comparison by which a chaos test says that nothing was lost, doubled or decided otherwise.
import { afterAll, beforeAll, expect } from 'vitest';
import type { VerdictCounts } from '#actors';
import { PICTURES_CONFIG, type TestPictures, testPictures } from './images.ts';
import type { SystemClient } from './system-client.ts';
import { TroupeSystem } from './troupe-system.ts';

/** The result of a run. */
export interface RunResult {
  readonly digest: string;
  readonly verdicts: VerdictCounts;
  /** One line for each outcome message: id, outcome, survivor; sorted. */
  readonly outcomes: readonly string[];
}

/** `count` pictures and what comes of them, for all tests of a file: made before the first, removed after the last. */
export function undisturbedPictures(count: number): {
  readonly pictures: TestPictures;
  readonly result: RunResult;
} {
  let made: TestPictures | undefined;
  let result: RunResult | undefined;
  beforeAll(async () => {
    made = await testPictures(count);
    result = await undisturbedRun(made);
  });
  afterAll(() => made?.[Symbol.asyncDispose]());
  const ready = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the pictures are made before the first test');
    return value;
  };
  return {
    get pictures() {
      return ready(made);
    },
    get result() {
      return ready(result);
    },
  };
}

/** Runs the pictures through a fresh system. */
async function undisturbedRun(pictures: TestPictures): Promise<RunResult> {
  await using system = await TroupeSystem.up({ config: PICTURES_CONFIG });
  const through = await system.publish(pictures.items);
  await system.waitSettled(through);
  const result = await resultOf(system, pictures);
  expect(result.verdicts.dead).toBe(pictures.of('corrupt').length);
  return result;
}

/** Cuts, checks that every picture has exactly one place and one outcome, and gives what is compared. */
export async function resultOf(system: SystemClient, pictures: TestPictures): Promise<RunResult> {
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
