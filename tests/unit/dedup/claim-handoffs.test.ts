// Two claims of neighbours while the shards that they ask change hands: in whatever order things happen, one of the two
// finds the other.
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#testkit';
import { ClaimWorld, CONTENTS, type Reading, type Step } from '../../support/claim-world.ts';

/** Thousands of runs, on a machine that may have other work. */
const TIMEOUT_MS = 60_000;
/** Rounds without anything to do but to let time pass, after which a run does not end. */
const MAX_IDLE = 5;
/** Steps after which a run does not end. */
const MAX_STEPS = 60;

interface Plan {
  /** Steps beside the claims, each list in its order. */
  readonly others: (world: ClaimWorld) => readonly (readonly Step[])[];
  readonly readings?: readonly [Reading, Reading];
}

interface Run {
  readonly order: readonly string[];
  readonly found: readonly (readonly string[] | undefined)[];
}

/**
 * Runs both claims to their end; `choose` picks one of so many steps in a state, or says that what follows is known.
 */
async function run(
  plan: Plan,
  choose: (width: number, state: string) => number | 'known',
): Promise<Run | 'known'> {
  const world = await ClaimWorld.create();
  const [one = 'leader', other = 'leader'] = plan.readings ?? [];
  world.claim(0, one);
  world.claim(1, other);
  const others = plan.others(world).map((steps) => [...steps]);
  const order: string[] = [];
  await world.settle();
  for (let idle = 0; idle < MAX_IDLE && order.length < MAX_STEPS && world.found.includes(undefined); ) {
    const heads = others.filter(({ length }) => length > 0);
    const width = world.waiting.length + heads.length;
    if (width === 0) {
      idle += 1;
      await world.clock.advance(100);
      continue;
    }
    idle = 0;
    const ahead = others.map((steps) => steps.length);
    const chosen = choose(width, `${world.state} ${ahead}`);
    if (chosen === 'known') return 'known';
    const step =
      chosen < world.waiting.length
        ? world.waiting.splice(chosen, 1)[0]
        : heads[chosen - world.waiting.length]?.shift();
    order.push(step?.name ?? '');
    await step?.run();
    await world.settle();
  }
  return { order, found: world.found };
}

/** Runs of a plan through every state that it can come to, and from there by every step. */
async function* everyRun(plan: Plan): AsyncGenerator<Run> {
  const seen = new Set<string>();
  for (let prefix: number[] | undefined = []; prefix !== undefined; ) {
    const choices: number[] = [];
    const widths: number[] = [];
    const repeated: readonly number[] = prefix;
    const result = await run(plan, (width, state) => {
      const choice = repeated[choices.length];
      if (choice === undefined && seen.has(state)) return 'known';
      seen.add(state);
      choices.push(choice ?? 0);
      widths.push(width);
      return choice ?? 0;
    });
    if (result !== 'known') yield result;
    prefix = nextOf(choices, widths);
  }
}

/** The choices that follow these in order; undefined after the last. */
function nextOf(choices: readonly number[], widths: readonly number[]): number[] | undefined {
  const last = choices.findLastIndex((choice, at) => choice + 1 < (widths[at] ?? 0));
  return last < 0 ? undefined : [...choices.slice(0, last), (choices[last] ?? 0) + 1];
}

function isMissed({ found }: Run): boolean {
  const [one, other] = found;
  return one !== undefined && other !== undefined && one.length === 0 && other.length === 0;
}

function expectFound(result: Run): void {
  const what = result.order.join('\n');
  expect(result.found, what).not.toContain(undefined);
  expect(isMissed(result), what).toBe(false);
  for (const found of result.found.flat()) expect(CONTENTS, what).toContain(found);
}

/** Resolves to the number of different ends. */
async function expectAlwaysFound(plan: Plan): Promise<number> {
  let runs = 0;
  for await (const result of everyRun(plan)) {
    expectFound(result);
    runs += 1;
  }
  return runs;
}

describe('of two claims of neighbours, one finds the other, in every order of steps', {
  timeout: TIMEOUT_MS,
}, () => {
  it.each([
    ['is handed over', true],
    ['is taken from an owner that answers on as if nothing had happened', false],
  ])('while a shard %s', async (_, orderly) => {
    const runs = await expectAlwaysFound({ others: (world) => [world.handOff(0, 'B', orderly)] });
    expect(runs).toBeGreaterThan(50);
  });

  it.each([0, 1] as const)(
    'while a shard is taken from such an owner and the process of claim %i dies',

    async (which) => {
      const others = (world: ClaimWorld) => [world.handOff(0, 'B', false), [world.crash(which)]];
      expect(await expectAlwaysFound({ others })).toBeGreaterThan(50);
    },
  );

  it('and would not, if one of them did not read the records after its answers', async () => {
    const plan: Plan = {
      others: (world) => [world.handOff(0, 'B', false)],
      readings: ['leader', 'stale'],
    };
    let missed = false;
    for await (const result of everyRun(plan)) {
      missed = isMissed(result);
      if (missed) break;
    }
    expect(missed).toBe(true);
  });
});

describe('of two claims of neighbours, one finds the other, in random orders of steps', {
  timeout: TIMEOUT_MS,
}, () => {
  it('while both shards go to other nodes and back, in order or not', async () => {
    const random = new SeededRandom(20_261_125);
    const isOrderly = () => random.next() < 0.5;
    for (let at = 0; at < 300; at++) {
      const plan: Plan = {
        others: (world) => [
          [...world.handOff(0, 'B', isOrderly()), ...world.handOff(0, 'C', isOrderly())],
          [...world.handOff(1, 'B', isOrderly()), ...world.handOff(1, 'A', isOrderly())],
          [world.crash(0)],
        ],
      };
      expectFound((await run(plan, (width) => Math.floor(random.next() * width))) as Run);
    }
  });
});
