import { describe, expect, it } from 'vitest';
import type { SettledAnswer } from '#actors';
import { ManualClock } from '#testkit';
import type { ClientSystem } from '../../../cli/node/client-system.ts';
import { waitUntilSettled } from '../../../cli/node/settle.ts';
import { Terminal } from '../../../cli/terminal.ts';
import { recordingStream } from './recording.ts';

const counts = { eligible: 3, rejected: 0, review: 0, dead: 1, repeats: 0, retried: 0, purged: 0, erased: 0 };

const comparing = { generation: 1, next: null, pending: 0, failed: 0, failures: [], history: [] };

/** A system whose keeper misses so many verdicts at each question; the last number stays. */
function systemMissing(clock: ManualClock, ...missing: readonly number[]) {
  let asked = 0;
  const settled = async (): Promise<SettledAnswer> => {
    const count = missing[Math.min(asked, missing.length - 1)] ?? 0;
    asked += 1;
    return { epoch: 1, counts, accountedBytes: 0, missing: { count, sequences: [] }, comparing };
  };
  const system = { link: { clock }, keeper: () => ({ settled }) } as unknown as ClientSystem;
  return { system, asked: () => asked };
}

const quiet = () =>
  new Terminal({ stdout: recordingStream(), stderr: recordingStream(), clock: new ManualClock(), env: {} });

describe('waiting until a dataset is settled', () => {
  it('asks again while verdicts are missing and answers with the counts', async () => {
    const clock = new ManualClock();
    const { system, asked } = systemMissing(clock, 4, 2, 0);
    const waiting = waitUntilSettled(system, 'photos', { terminal: quiet(), through: 4 });
    await clock.advance(199);
    expect(asked()).toBe(1);
    await clock.advance(201);
    expect(await waiting).toEqual(counts);
    expect(asked()).toBe(3);
  });

  it('gives up with no_answer when nothing has moved for two minutes, and not while something moves', async () => {
    const clock = new ManualClock();
    const steady = systemMissing(clock, ...Array.from({ length: 1_000 }, (_, at) => 1_000 - at), 0);
    const moving = waitUntilSettled(steady.system, 'photos', { terminal: quiet(), through: 1_000 });
    await clock.advance(240_000);
    expect(await moving).toEqual(counts);
    const stuck = systemMissing(clock, 7);
    const outcome = waitUntilSettled(stuck.system, 'photos', { terminal: quiet(), through: 7 }).catch(
      (error: unknown) => error,
    );
    await clock.advance(120_000);
    const marker = Symbol('pending');
    expect(await Promise.race([outcome, Promise.resolve(marker)])).toBe(marker);
    await clock.advance(400);
    expect(await outcome).toMatchObject({
      code: 'no_answer',
      message: expect.stringContaining('7 items of photos'),
    });
  });

  it('ends when its signal aborts', async () => {
    const clock = new ManualClock();
    const { system } = systemMissing(clock, 1);
    const controller = new AbortController();
    const outcome = waitUntilSettled(system, 'photos', {
      terminal: quiet(),
      through: 1,
      signal: controller.signal,
    }).catch((error: unknown) => error);
    await clock.advance(400);
    controller.abort(new Error('interrupted'));
    await clock.advance(200);
    expect(await outcome).toMatchObject({ message: 'interrupted' });
  });
});
