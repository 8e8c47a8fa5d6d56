// Pictures that need much memory to decode wait for the node's budget before a thread decodes them.
import { describe, expect, it } from 'vitest';
import { imageKind } from '../../../actors/image/kind.ts';
import type { AnalysisPool } from '../../../actors/kinds/kind.ts';

const signal = new AbortController().signal;
const LIMITS = { maxPixels: 100_000_000, maxBytes: 1_000 };
const ANALYSIS = {
  sha256: 'c',
  mediaType: 'image/png',
  byteLength: 1,
  orientations: {},
  pixels: new Uint8Array(1),
  signals: {},
};

/** A pool whose thread sees a picture of so many pixels; tells what happened in order. */
function poolWith(pixels: number) {
  const happened: string[] = [];
  const pool: AnalysisPool = {
    ask: async (request, { transfer }) => {
      const { admittedPixels, bytes, movable } = request as {
        readonly admittedPixels: number;
        readonly bytes: Uint8Array;
        readonly movable?: boolean;
      };
      happened.push(pixels > admittedPixels ? 'looked at the header' : `decoded ${bytes.byteLength} bytes`);
      // As posting does it: what is moved is gone here and arrives there.
      const arrived = structuredClone(bytes, { transfer: [...(transfer ?? [])] });
      return pixels > admittedPixels
        ? { largePixels: pixels, bytes: movable === true ? arrived : null }
        : ANALYSIS;
    },
    admit: async (bytes) => {
      happened.push(`admitted ${bytes}`);
      return { [Symbol.dispose]: () => void happened.push('gave back') };
    },
  };
  return { pool, happened };
}

describe('a picture', () => {
  it.each([true, false])(
    'that is large is admitted with four bytes a pixel, then decoded; moved: %s',
    async (movable) => {
      const { pool, happened } = poolWith(20_000_000);
      const request = { bytes: new Uint8Array(9), movable, ...LIMITS };
      await imageKind.analyse(pool, request, 1_000, signal);
      expect(happened).toEqual(['looked at the header', 'admitted 80000000', 'decoded 9 bytes', 'gave back']);
    },
  );

  it.each([true, false])('leaves its asker only if it may: %s', async (movable) => {
    const whole = new Uint8Array(100);
    const { pool, happened } = poolWith(20_000_000);
    const request = { bytes: movable ? whole : whole.subarray(10, 19), movable, ...LIMITS };
    await imageKind.analyse(pool, request, 1_000, signal);
    expect(happened).toContain(`decoded ${movable ? 100 : 9} bytes`);
    expect(whole.byteLength).toBe(movable ? 0 : 100);
  });

  it('of usual size asks nobody', async () => {
    const { pool, happened } = poolWith(4_000_000);
    await imageKind.analyse(pool, { bytes: new Uint8Array(9), ...LIMITS }, 1_000, signal);
    expect(happened).toEqual(['decoded 9 bytes']);
  });

  it('that fails while it is decoded gives its memory back', async () => {
    const { pool, happened } = poolWith(20_000_000);
    const failing: AnalysisPool = {
      ...pool,
      ask: async (request, options) => {
        const answer = await pool.ask(request, options);
        if (happened.length > 1) throw new Error('corrupt');
        return answer;
      },
    };
    const failed = imageKind.analyse(failing, { bytes: new Uint8Array(9), ...LIMITS }, 1_000, signal);
    await expect(failed).rejects.toThrow('corrupt');
    expect(happened.at(-1)).toBe('gave back');
  });
});
