// How busy parts are, on a clock that a test moves.
import { describe, expect, it } from 'vitest';
import { WorkFlow } from '../../../cli/node/work-flow.ts';

const WORKERS = { intake: 4, held: 2, decode: 1, embed: 1, dedup: 2, replay: 1, score: 1, keep: 1 };

function flowAt() {
  let nowMs = 0;
  const advance = (byMs: number) => {
    nowMs += byMs;
  };
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs, schedule: () => () => {}, advance };
  return { clock, flow: new WorkFlow({ clock, workers: WORKERS }) };
}

describe('the work of a part', () => {
  it('adds up the time in which each worker has something in hand, also while it still has', () => {
    const { clock, flow } = flowAt();
    const first = flow.working('intake');
    clock.advance(100);
    const second = flow.working('intake');
    clock.advance(100);
    first();
    first();
    clock.advance(100);
    expect(flow.totals().intake).toEqual({ items: 0, busyMs: 400, workers: 4 });
    second();
    clock.advance(1_000);
    expect(flow.totals().intake.busyMs).toBe(400);
  });

  it('is never more than all workers have time for: who stands in line is not busy', () => {
    const { clock, flow } = flowAt();
    for (let asked = 0; asked < 5; asked += 1) flow.working('decode');
    clock.advance(1_000);
    expect(flow.totals().decode.busyMs).toBe(1_000);
  });

  it('is told for the last 15 seconds, or for as long as there was one', () => {
    const { clock, flow } = flowAt();
    clock.advance(10_000);
    flow.handled('embed', 32);
    expect(flow.recent()).toMatchObject({ windowMs: 10_000, parts: { embed: { items: 32 } } });
    clock.advance(10_000);
    flow.handled('embed', 8);
    clock.advance(10_000);
    expect(flow.recent()).toMatchObject({ windowMs: 15_000, parts: { embed: { items: 8 } } });
    expect(flow.totals().embed.items).toBe(40);
  });

  it('counts only the part of a long span that lies in the window', () => {
    const { clock, flow } = flowAt();
    clock.advance(5_000);
    const rest = flow.working('keep');
    clock.advance(40_000);
    rest();
    clock.advance(10_000);
    expect(flow.recent().parts.keep.busyMs).toBe(5_000);
  });

  it('follows the rate of a long run', () => {
    const { clock, flow } = flowAt();
    for (let at = 0; at < 100_000; at += 1) {
      flow.handled('score', 1);
      clock.advance(10);
    }
    expect(flow.recent().parts.score.items).toBeGreaterThan(1_400);
    expect(flow.recent().parts.score.items).toBeLessThan(1_600);
  });
});
