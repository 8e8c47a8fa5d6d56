import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePixels, DEFAULT_PIXEL_THRESHOLD } from '../../../actors/image/pixel-comparison.ts';
import type { Raster } from '../../../actors/image/raster.ts';
import { resample } from '../../../actors/image/resample.ts';
import { patternRaster } from './synthetic-raster.ts';

const side = 64;

function proxyOf(raster: Raster): Uint8Array {
  return resample(raster, side, side, 'box').data;
}

/** The part of a raster that is left when the given shares of its sides are cut off. */
function crop(raster: Raster, left: number, top: number, right: number, bottom: number): Raster {
  const x = Math.round(raster.width * left);
  const y = Math.round(raster.height * top);
  const width = raster.width - x - Math.round(raster.width * right);
  const height = raster.height - y - Math.round(raster.height * bottom);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const from = ((y + row) * raster.width + x) * 3;
    data.set(raster.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { width, height, channels: 3, data };
}

function mapped(proxy: Uint8Array, change: (sample: number, at: number) => number): Uint8Array {
  return proxy.map((sample, at) => Math.min(255, Math.max(0, Math.round(change(sample, at)))));
}

function distance(a: Uint8Array, b: Uint8Array): number {
  return comparePixels(a, b).distance;
}

const picture = patternRaster(400, 300, 1);
const proxy = proxyOf(picture);
const proxies = fc.oneof(
  fc.uint8Array({ minLength: 12_288, maxLength: 12_288 }),
  fc.nat({ max: 30 }).map((seed) => proxyOf(patternRaster(80, 60, seed))),
  fc.nat({ max: 255 }).map((level) => new Uint8Array(12_288).fill(level)),
);

describe('comparePixels', () => {
  it('is symmetric, within 0 and 1, and 0 for equal bytes', () => {
    fc.assert(
      fc.property(proxies, proxies, (a, b) => {
        const there = comparePixels(a, b);
        expect(comparePixels(b, a)).toEqual(there);
        expect(there.distance).toBeGreaterThanOrEqual(0);
        expect(there.distance).toBeLessThanOrEqual(1);
        expect(distance(a, a.slice())).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('names its algorithm and version', () => {
    expect(comparePixels(proxy, proxy).algorithm).toBe('pixels64@1');
  });

  it.each([
    ['less brightness', mapped(proxy, (sample) => sample * 0.7)],
    ['more contrast', mapped(proxy, (sample) => 128 + (sample - 128) * 1.3)],
    ['the rounding of another decoder', mapped(proxy, (sample, at) => sample + ((at * 31) % 5) - 2)],
  ])('confirms a picture with %s', (_edit, edited) => {
    expect(distance(proxy, edited)).toBeLessThan(DEFAULT_PIXEL_THRESHOLD);
  });

  it.each([
    ['2 % on each side', [0.02, 0.02, 0.02, 0.02]],
    ['5 % on each side', [0.05, 0.05, 0.05, 0.05]],
    ['5 % at the left', [0.05, 0, 0, 0]],
    ['5 % at the top and the right', [0, 0.05, 0.05, 0]],
  ] as const)('confirms a picture cropped by %s', (_edit, [left, top, right, bottom]) => {
    const cropped = proxyOf(crop(picture, left, top, right, bottom));
    expect(distance(proxy, cropped)).toBeLessThan(DEFAULT_PIXEL_THRESHOLD);
    expect(distance(proxy, cropped)).toBeGreaterThan(0);
  });

  it('confirms a picture that was made square', () => {
    const squashed = proxyOf(resample(picture, 150, 150, 'lanczos'));
    expect(distance(proxy, squashed)).toBeLessThan(DEFAULT_PIXEL_THRESHOLD);
  });

  it('rejects other pictures', () => {
    for (let seed = 2; seed <= 12; seed += 1) {
      expect(distance(proxy, proxyOf(patternRaster(400, 300, seed)))).toBeGreaterThan(
        3 * DEFAULT_PIXEL_THRESHOLD,
      );
    }
  });

  it('rejects the same shapes in exchanged colours', () => {
    const exchanged = proxy.map((_, at) => proxy[at - (at % 3) + (2 - (at % 3))] ?? 0);
    expect(distance(proxy, exchanged)).toBeGreaterThan(DEFAULT_PIXEL_THRESHOLD);
  });

  it('rejects a mirrored picture', () => {
    const mirrored = proxy.map((_, at) => {
      const pixel = Math.floor(at / 3);
      const other = pixel - (pixel % side) + (side - 1 - (pixel % side));
      return proxy[other * 3 + (at % 3)] ?? 0;
    });
    expect(distance(proxy, mirrored)).toBeGreaterThan(3 * DEFAULT_PIXEL_THRESHOLD);
  });

  it('tells flat pictures apart by their level', () => {
    const black = new Uint8Array(12_288);
    const white = new Uint8Array(12_288).fill(255);
    expect(distance(black, white)).toBe(1);
    expect(distance(white, new Uint8Array(12_288).fill(253))).toBeLessThan(DEFAULT_PIXEL_THRESHOLD);
  });

  it('refuses anything but 12,288 bytes', () => {
    expect(() => comparePixels(proxy, proxy.subarray(1))).toThrow(RangeError);
  });
});
