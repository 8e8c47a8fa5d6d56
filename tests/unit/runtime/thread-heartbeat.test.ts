import { describe, expect, it } from 'vitest';
import type { HeartbeatOptions } from '#runtime';
import { ManualClock } from '#testkit';
import { ThreadHeartbeat } from '../../../runtime/thread-heartbeat.ts';

function watched(heartbeat?: Partial<HeartbeatOptions>) {
  const clock = new ManualClock();
  const silences: number[] = [];
  const thread = { underWay: 0, beats: () => {} };
  const heart = new ThreadHeartbeat({
    heartbeat,
    clock,
    underWay: () => thread.underWay,
    silent: (silentMs) => silences.push(silentMs),
  });
  thread.beats = () => void Atomics.add(heart.pulse.beats, 0, 1);
  heart.watch();
  return { clock, silences, thread, heart };
}

describe('the heartbeat of a thread', () => {
  it('reports an idle thread after ten seconds of silence, once', async () => {
    const { clock, silences, thread } = watched();
    thread.beats();
    await clock.advance(10_999);
    expect(silences).toEqual([]);
    await clock.advance(1);
    expect(silences).toEqual([10_000]);
    await clock.advance(60_000);
    expect(silences).toEqual([10_000]);
  });

  it('leaves a thread with a request in hand to its deadline, unless it is given a limit', async () => {
    const patient = watched();
    patient.thread.underWay = 1;
    await patient.clock.advance(600_000);
    expect(patient.silences).toEqual([]);
    const strict = watched({ busyLimitMs: 3_000 });
    strict.thread.underWay = 1;
    await strict.clock.advance(3_000);
    expect(strict.silences).toEqual([3_000]);
  });

  it('counts the silence of an idle thread from its last request on', async () => {
    const { clock, silences, thread } = watched();
    thread.underWay = 1;
    await clock.advance(60_000);
    thread.underWay = 0;
    await clock.advance(9_000);
    expect(silences).toEqual([]);
    await clock.advance(1_000);
    expect(silences).toEqual([10_000]);
  });

  it('begins anew at each beat', async () => {
    const { clock, silences, thread } = watched();
    for (let beats = 0; beats < 20; beats += 1) {
      thread.beats();
      await clock.advance(9_000);
    }
    expect(silences).toEqual([]);
  });

  it('needs two looks, however short the limit, and none after it was stopped', async () => {
    const { clock, silences, heart } = watched({ idleLimitMs: 1 });
    await clock.advance(1_000);
    expect(silences).toEqual([]);
    await clock.advance(1_000);
    expect(silences).toEqual([2_000]);
    heart.stop();
    const stopped = watched({ idleLimitMs: 1 });
    stopped.heart.stop();
    await stopped.clock.advance(10_000);
    expect(stopped.silences).toEqual([]);
  });
});
