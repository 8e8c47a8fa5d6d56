// Rasters that tests compute instead of reading: the same numbers on every machine, with structure at several sizes.
import type { Raster } from '../../../actors/image/raster.ts';

/** Integer pattern of overlapping triangle waves; `seed` gives another picture. */
export function patternRaster(width: number, height: number, seed: number): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const u = Math.floor((x * 512) / width);
      const v = Math.floor((y * 512) / height);
      const at = (y * width + x) * 3;
      data[at] = wave(u * (2 + (seed % 3)) + v + 37 * seed, 255);
      data[at + 1] = (wave(u + v * 3 + 91 * seed, 200) + wave(u * 5 - v * 2, 110)) >> 1;
      data[at + 2] = wave(Math.floor((u * v) / (64 + 8 * seed)) + 53 * seed, 255);
    }
  }
  return { width, height, channels: 3, data };
}

/** Triangle wave from 0 to `top` with a period of 512. */
function wave(at: number, top: number): number {
  const phase = ((at % 512) + 512) % 512;
  return Math.floor(((phase < 256 ? phase : 511 - phase) * top) / 255);
}
