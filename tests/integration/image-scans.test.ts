import { describe, expect, it } from 'vitest';
import { analyseImage } from '../../actors/image/analyse.ts';
import { jpegOfScans, picture } from '../support/hostile-bytes.ts';

const limits = (pixels: number) => ({ maxPixels: pixels, maxBytes: 10_000_000 });

describe('a progressive JPEG', () => {
  it('of the scans that encoders write is decoded up to the largest size', async () => {
    const usual = await picture('usual').jpeg({ progressive: true }).toBuffer();
    expect(await analyseImage(usual, limits(240 * 180))).toMatchObject({ width: 240, height: 180 });
  });

  it('may have more scans where it is smaller: the work counts', async () => {
    const many = jpegOfScans(80, 99);
    expect(await analyseImage(many, limits(80 * 80 * 5))).toMatchObject({ width: 80, height: 80 });
    await expect(analyseImage(many, limits(80 * 80 * 4))).rejects.toMatchObject({
      code: 'too_many_pixels',
      message: expect.stringContaining('6400 pixels in 100 scans'),
    });
  });
});
