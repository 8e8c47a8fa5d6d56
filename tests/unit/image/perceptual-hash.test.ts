import { describe, expect, it } from 'vitest';
import { perceptualHashes } from '../../../actors/image/perceptual-hash.ts';
import { luminance, type Raster } from '../../../actors/image/raster.ts';
import { resample } from '../../../actors/image/resample.ts';
import { patternRaster } from './synthetic-raster.ts';

// Expected values were computed with Pillow 12.3 (convert('L'), resize) and SciPy's fftpack.dct.
const vectors = [
  { width: 320, height: 240, seed: 1, phash: 'f0f6d4a91e694913', dhash: 'b6246c4d49db9ab2' },
  { width: 97, height: 131, seed: 2, phash: 'f8f5d5aa8c3c6142', dhash: '4a525615b5adaa6a' },
  { width: 33, height: 20, seed: 3, phash: 'fef8d0868cb56342', dhash: '9db9333367cecccc' },
  { width: 8, height: 8, seed: 4, phash: 'ffd4c4818bb3a245', dhash: 'b6a4256dc99bda93' },
  { width: 640, height: 37, seed: 5, phash: 'ffc0d5c384c991b4', dhash: '5495b5a1afea4a5e' },
] as const;

const squares: Raster = {
  width: 7,
  height: 5,
  channels: 1,
  data: Uint8Array.from({ length: 35 }, (_, index) => (index * index * 7) % 256),
};

function flat(width: number, height: number, colour: readonly [number, number, number]): Raster {
  return {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: width * height * 3 }, (_, at) => colour[at % 3] ?? 0),
  };
}

describe('perceptualHashes', () => {
  it.each(vectors)(
    'equals imagehash on a pattern of $width × $height',
    ({ width, height, seed, phash, dhash }) => {
      const gray = luminance(patternRaster(width, height, seed));
      expect(perceptualHashes(gray)).toEqual({ phash, dhash, lowInformation: false });
    },
  );

  it('gives a flat picture the hash of its brightness alone and says that it means nothing', () => {
    const gray = luminance(flat(100, 100, [10, 200, 30]));
    expect(perceptualHashes(gray)).toEqual({
      phash: '8000000000000000',
      dhash: '0000000000000000',
      lowInformation: true,
    });
  });

  it('says that a hash of faint noise means nothing', () => {
    const noisy = Uint8Array.from({ length: 64 * 64 }, (_, at) => 128 + ((at * 7919) % 13 === 0 ? 1 : 0));
    expect(perceptualHashes({ width: 64, height: 64, channels: 1, data: noisy }).lowInformation).toBe(true);
  });
});

describe('luminance', () => {
  it('keeps grey values and weighs colours as Pillow does', () => {
    const grays = Uint8Array.from({ length: 256 * 3 }, (_, at) => Math.floor(at / 3));
    expect(luminance({ width: 256, height: 1, channels: 3, data: grays }).data).toEqual(
      Uint8Array.from({ length: 256 }, (_, at) => at),
    );
    const primaries = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255]);
    expect([...luminance({ width: 3, height: 1, channels: 3, data: primaries }).data]).toEqual([76, 150, 29]);
  });
});

describe('resample', () => {
  it('reduces as Pillow does', () => {
    expect([...resample(squares, 3, 2, 'lanczos').data]).toEqual([53, 114, 206, 107, 120, 165]);
    expect([...resample(squares, 3, 2, 'box').data]).toEqual([70, 108, 215, 111, 94, 180]);
  });

  it('enlarges as Pillow does, clamping what overshoots', () => {
    const rows = [
      [0, 0, 2, 30, 54, 106, 139, 206, 255],
      [38, 104, 92, 59, 124, 74, 144, 220, 190],
      [100, 175, 109, 60, 219, 137, 195, 239, 158],
      [95, 69, 0, 40, 231, 235, 213, 230, 241],
      [22, 13, 28, 118, 221, 116, 80, 189, 255],
      [45, 120, 168, 152, 130, 4, 55, 187, 198],
      [110, 228, 251, 128, 62, 1, 121, 210, 141],
    ];
    expect([...resample(squares, 9, 7, 'lanczos').data]).toEqual(rows.flat());
  });

  it('treats each channel of a colour raster as a raster of its own', () => {
    const colour = patternRaster(50, 40, 7);
    const reduced = resample(colour, 9, 11, 'lanczos').data;
    for (const channel of [0, 1, 2]) {
      const data = colour.data.filter((_, at) => at % 3 === channel);
      const alone = resample({ width: 50, height: 40, channels: 1, data }, 9, 11, 'lanczos').data;
      expect(reduced.filter((_, at) => at % 3 === channel)).toEqual(alone);
    }
  });

  it('leaves a raster of the wanted size as it is', () => {
    expect(resample(squares, 7, 5, 'lanczos').data).toEqual(squares.data);
  });
});
