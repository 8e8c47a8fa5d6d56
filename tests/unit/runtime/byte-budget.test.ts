import { describe, expect, it } from 'vitest';
import { ByteBudget } from '#runtime';

const never = new AbortController().signal;

/** Raises a hold and tells whether it was admitted by now. */
async function asks(budget: ByteBudget, bytes: number, signal = never) {
  const hold = budget.open();
  let admitted = false;
  let refused: unknown;
  hold.raise(bytes, signal).then(
    () => {
      admitted = true;
    },
    (error: unknown) => {
      refused = error;
    },
  );
  await settle();
  return { hold, admitted: () => admitted, refused: () => refused };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

describe('a byte budget', () => {
  it('admits as long as there is room, and the next as soon as there is again', async () => {
    const budget = new ByteBudget(100);
    const first = await asks(budget, 60);
    const second = await asks(budget, 40);
    const third = await asks(budget, 1);
    expect([first, second, third].map(({ admitted }) => admitted())).toEqual([true, true, false]);
    expect([budget.heldBytes, budget.waiting]).toEqual([100, 1]);
    second.hold.release();
    await settle();
    expect(third.admitted()).toBe(true);
    expect([budget.heldBytes, budget.waiting]).toEqual([61, 0]);
  });

  it('serves in the order of asking: a large one is not overtaken by small ones for ever', async () => {
    const budget = new ByteBudget(100);
    const running = await asks(budget, 50);
    const large = await asks(budget, 90);
    const small = await asks(budget, 10);
    expect([large.admitted(), small.admitted()]).toEqual([false, false]);
    running.hold.release();
    await settle();
    expect([large.admitted(), small.admitted()]).toEqual([true, true]);
  });

  it('lets what is larger than all of it go alone', async () => {
    const budget = new ByteBudget(100);
    const running = await asks(budget, 1);
    const huge = await asks(budget, 1_000);
    expect(huge.admitted()).toBe(false);
    running.hold.release();
    await settle();
    expect(huge.admitted()).toBe(true);
    const next = await asks(budget, 1);
    expect(next.admitted()).toBe(false);
    huge.hold.release();
    await settle();
    expect(next.admitted()).toBe(true);
  });

  it('never lets two that grow wait for each other', async () => {
    const budget = new ByteBudget(100);
    const [one, other] = [await asks(budget, 50), await asks(budget, 50)];
    const grown: string[] = [];
    const growing = one.hold.raise(100, never).then(() => grown.push('one'));
    const growingToo = other.hold.raise(100, never).then(() => grown.push('other'));
    await growing;
    await settle();
    expect(grown).toEqual(['one']);
    one.hold.release();
    await growingToo;
    expect(grown).toEqual(['one', 'other']);
  });

  it('forgets whoever stops waiting, and lets the next one in', async () => {
    const budget = new ByteBudget(100);
    const running = await asks(budget, 50);
    const stop = new AbortController();
    const large = await asks(budget, 90, stop.signal);
    const small = await asks(budget, 10);
    stop.abort(new Error('the actor stops'));
    await settle();
    expect(large.refused()).toMatchObject({ message: 'the actor stops' });
    expect(small.admitted()).toBe(true);
    running.hold.release();
    small.hold.release();
    large.hold.release();
    expect([budget.heldBytes, budget.waiting]).toEqual([0, 0]);
  });

  it('gets back what was released while it waited in line', async () => {
    const budget = new ByteBudget(100);
    const running = await asks(budget, 100);
    const gone = await asks(budget, 100);
    gone.hold.release();
    running.hold.release();
    await settle();
    expect(budget.heldBytes).toBe(0);
  });

  it('never holds more than its capacity beyond what goes alone, whatever the order of asking', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const budget = new ByteBudget(100);
    const holds = [];
    for (let step = 0; step < 500; step++) {
      if (holds.length === 0 || random(2) === 0) holds.push(await asks(budget, 1 + random(100)));
      else holds.splice(random(holds.length), 1)[0]?.hold.release();
      await settle();
      expect(budget.heldBytes).toBeLessThanOrEqual(100);
    }
    for (const { hold } of holds) hold.release();
    while (budget.waiting > 0) await settle();
    await settle();
    expect([budget.heldBytes, budget.waiting]).toEqual([0, 0]);
  });
});
