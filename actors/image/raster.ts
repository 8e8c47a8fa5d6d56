// Decoded pixels as the kernels pass them around, and the grayscale conversion that the hashes are defined on.

/** Rows from the top, pixels from the left, samples interleaved, 8 bits each, no padding. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** `width × height × channels` samples. */
  readonly data: Uint8Array;
}

/**
 * Luminance of an RGB raster by Pillow's fixed-point ITU-R 601 formula
 * `(19595 R + 38470 G + 7471 B + 2^15) >> 16`; equal samples keep their value.
 */
export function luminance(rgb: Raster): Raster {
  const { width, height } = rgb;
  if (rgb.channels === 1) return rgb;
  const source = rgb.data;
  const data = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < data.length; pixel += 1, at += 3) {
    const red = source[at] as number;
    const green = source[at + 1] as number;
    const blue = source[at + 2] as number;
    data[pixel] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data };
}
