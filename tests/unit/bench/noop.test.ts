import { describe, expect, it } from 'vitest';
import { Arrivals, fastest, payloadOf, verifyNoop } from '../../../bench/noop/protocol.ts';

const answer = (distinct: number, finished: number) => ({ distinct, finished, seconds: 1, cpuMs: 1 });

describe('the message-bound bench', () => {
  it('counts a run only when every id came to the end exactly once', () => {
    expect(() => verifyNoop({ items: 3 }, answer(3, 3))).not.toThrow();
    expect(() => verifyNoop({ items: 3 }, answer(2, 3))).toThrow('expected 3 ids');
    expect(() => verifyNoop({ items: 3 }, answer(3, 4))).toThrow('4 times in all');
    expect(() => verifyNoop({ items: 3 }, answer(2, 2))).toThrow('2 came');
  });

  it('is over when the last message is acknowledged, not when it arrives', async () => {
    const arrivals = new Arrivals(2);
    let isOver = false;
    void arrivals.complete.then(() => {
      isOver = true;
    });
    for (const id of [1, 2]) arrivals.arrived(id);
    arrivals.acknowledged();
    await Promise.resolve();
    expect(isOver).toBe(false);
    arrivals.acknowledged();
    await arrivals.complete;
    expect(arrivals.counts).toEqual({ distinct: 2, finished: 2 });
  });

  it('tells repetitions from ids', () => {
    const arrivals = new Arrivals(2);
    for (const id of [1, 1]) {
      arrivals.arrived(id);
      arrivals.acknowledged();
    }
    expect(arrivals.counts).toEqual({ distinct: 1, finished: 2 });
  });

  it('takes the fastest of what was tried, the first of equals', () => {
    const tried = [3, 1, 2, 1].map((seconds, at) => ({ at, seconds }));
    expect(fastest(tried).at).toBe(1);
    expect(() => fastest([])).toThrow();
  });

  it('gives both sides payloads of the same size', () => {
    for (const bytes of [0, 1, 7, 256]) expect(Buffer.byteLength(payloadOf(bytes))).toBe(bytes);
  });
});
