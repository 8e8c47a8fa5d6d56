import { describe, expect, it } from 'vitest';
import {
  type ModelProxySpec,
  modelProxy,
  modelProxyDigest,
  resizedTo,
} from '../../../actors/image/model-proxy.ts';
import type { Raster } from '../../../actors/image/raster.ts';
import { type ResampleFilter, resample, resampleWindow } from '../../../actors/image/resample.ts';
import { patternRaster } from './synthetic-raster.ts';

const squeezenet: ModelProxySpec = {
  resize: 'shortest',
  to: [256, 256],
  filter: 'bicubic',
  size: [224, 224],
  pad: [0, 0, 0],
};

/** A picture of one row, one sample a pixel. */
const row = (...data: number[]): Raster => ({
  width: data.length,
  height: 1,
  channels: 1,
  data: Uint8Array.from(data),
});

describe('resampling', () => {
  it('weighs samples by the triangle, and by the cubic with a = -0.5, widened when it shrinks', () => {
    // Twice as large: centres fall on quarters, where the triangle is 0.75 and 0.25 and the cubic 0.8671875, 0.2265625,
    // -0.0703125 and -0.0234375; at the border the weights inside are scaled to 1.
    expect([...resample(row(0, 100), 4, 1, 'bilinear').data]).toEqual([0, 25, 75, 100]);
    expect([...resample(row(0, 100, 100, 0), 8, 1, 'bicubic').data]).toEqual([
      0, 19, 78, 109, 109, 78, 19, 0,
    ]);
    // Half as large: the triangle spans four samples, with 1, 3, 3 and 1 eighths.
    expect([...resample(row(0, 80, 160, 240, 80, 80), 3, 1, 'bilinear').data]).toEqual([57, 170, 103]);
  });

  it('gives in a window exactly what cutting the whole result gives', () => {
    const picture = patternRaster(97, 61, 3);
    const window = { left: 11, top: 7, width: 40, height: 30 };
    for (const filter of ['box', 'bilinear', 'bicubic', 'lanczos'] as ResampleFilter[]) {
      for (const [width, height] of [
        [120, 75],
        [60, 45],
        [97, 61],
      ] as const) {
        const whole = resample(picture, width, height, filter);
        const part = resampleWindow(picture, { width, height }, window, filter);
        for (let y = 0; y < window.height; y += 1) {
          const from = ((y + window.top) * width + window.left) * 3;
          expect(part.data.subarray(y * window.width * 3, (y + 1) * window.width * 3)).toEqual(
            whole.data.subarray(from, from + window.width * 3),
          );
        }
      }
    }
  });
});

describe("a model's copy of a picture", () => {
  it('keeps the aspect ratio by the short side, rounding the long side down', () => {
    const to = { resize: 'shortest', to: [256, 256] } as const;
    expect(resizedTo({ width: 500, height: 375 }, to)).toEqual({ width: 341, height: 256 });
    expect(resizedTo({ width: 375, height: 500 }, to)).toEqual({ width: 256, height: 341 });
    expect(resizedTo({ width: 256, height: 256 }, to)).toEqual({ width: 256, height: 256 });
  });

  it('fits the whole picture into a frame by the side that is nearer to it', () => {
    const to = { resize: 'longest-pad', to: [200, 100] } as const;
    expect(resizedTo({ width: 300, height: 100 }, to)).toEqual({ width: 200, height: 67 });
    expect(resizedTo({ width: 100, height: 300 }, to)).toEqual({ width: 33, height: 100 });
    expect(resizedTo({ width: 5000, height: 1 }, to)).toEqual({ width: 200, height: 1 });
  });

  it('ignores the aspect ratio where it should', () => {
    expect(resizedTo({ width: 9, height: 1 }, { resize: 'exact', to: [5, 7] })).toEqual({
      width: 5,
      height: 7,
    });
  });

  it('is cropped around the centre, an odd rest going to the right and the bottom', () => {
    const picture: Raster = {
      width: 5,
      height: 4,
      channels: 1,
      data: Uint8Array.from({ length: 20 }, (_, at) => at * 10),
    };
    const spec: ModelProxySpec = {
      resize: 'exact',
      to: [5, 4],
      filter: 'bicubic',
      size: [2, 2],
      pad: [0, 0, 0],
    };
    const gray = [60, 70, 110, 120];
    expect([...modelProxy(picture, spec)]).toEqual(gray.flatMap((value) => [value, value, value]));
  });

  it('is padded with the colour around the centre', () => {
    const picture: Raster = { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const spec: ModelProxySpec = {
      resize: 'longest-pad',
      to: [2, 2],
      filter: 'bilinear',
      size: [2, 3],
      pad: [7, 8, 9],
    };
    expect([...modelProxy(picture, spec)]).toEqual([7, 8, 9, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8, 9]);
  });

  it('costs no more for a picture that is one pixel high or wide', () => {
    const long: Raster = { width: 30_000, height: 1, channels: 3, data: new Uint8Array(90_000).fill(9) };
    const tall: Raster = { ...long, width: 1, height: 30_000 };
    for (const picture of [long, tall]) {
      const copy = modelProxy(picture, squeezenet);
      expect(copy.length).toBe(224 * 224 * 3);
      expect(copy.every((sample) => sample === 9)).toBe(true);
    }
  });

  it('has a name that changes with everything that changes a sample', () => {
    const changed: ModelProxySpec[] = [
      { ...squeezenet, resize: 'exact' },
      { ...squeezenet, to: [224, 224] },
      { ...squeezenet, filter: 'bilinear' },
      { ...squeezenet, size: [192, 224] },
      { ...squeezenet, pad: [0, 0, 1] },
    ];
    const names = [squeezenet, ...changed].map(modelProxyDigest);
    expect(new Set(names).size).toBe(names.length);
    expect(modelProxyDigest({ ...squeezenet })).toBe(names[0]);
  });
});
