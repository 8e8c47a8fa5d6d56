// Signals of pictures that are computed here, so that each number is known.
import { describe, expect, it } from 'vitest';
import type { DecodedImage } from '../../../actors/image/decode.ts';
import { imageSignals } from '../../../actors/image/image-signals.ts';
import { imageKind } from '../../../actors/image/kind.ts';
import { luminance, type Raster } from '../../../actors/image/raster.ts';
import { IMAGE_SIGNALS } from '../../../actors/image/signal-catalogue.ts';
import { patternRaster } from './synthetic-raster.ts';

const signalsOf = (raster: Raster, change: Partial<DecodedImage> = {}, bytes = new Uint8Array(1000)) =>
  imageSignals(
    {
      mediaType: 'image/png',
      raster,
      channels: raster.channels,
      colourSpace: 'srgb',
      depth: 'uchar',
      hasAlpha: false,
      pages: 1,
      orientation: 1,
      exif: undefined,
      ...change,
    },
    luminance(raster),
    bytes,
  );

/** Rows of one grey value each. */
function rows(width: number, values: readonly number[]): Raster {
  const data = Uint8Array.from(values.flatMap((value) => Array.from({ length: width }, () => value)));
  return { width, height: values.length, channels: 1, data };
}

describe('signals', () => {
  it('are those of the catalogue, each of its type, and the same every time', () => {
    const raster = patternRaster(200, 100, 1);
    const signals = signalsOf(raster);
    const types = { number: 'number', text: 'string', flag: 'boolean', time: 'number' } as const;
    for (const [name, description] of Object.entries(IMAGE_SIGNALS)) {
      if ('optional' in description && !(name in signals)) continue;
      expect([name, typeof signals[name]]).toEqual([name, types[description.type]]);
    }
    expect(Object.keys(signals).filter((name) => !(name in IMAGE_SIGNALS))).toEqual([]);
    expect(signalsOf(raster)).toEqual(signals);
  });

  it('tell size, aspect ratio and bits for each pixel', () => {
    expect(signalsOf(patternRaster(200, 100, 1))).toMatchObject({
      width: 200,
      height: 100,
      aspectRatio: 2,
      bitsPerPixel: 0.4,
    });
  });

  it('tell exposure: the shares that are black and white, and the mean', () => {
    const exposed = signalsOf(rows(20, [0, 4, 5, 128, 250, 251, 255, 255, 100, 100]));
    expect(exposed).toMatchObject({ clippedDark: 0.2, clippedBright: 0.3, luminanceMean: 134.8 });
    expect(signalsOf(rows(20, [0, 0, 0]))).toMatchObject({ clippedDark: 1, clippedBright: 0, entropy: 0 });
  });

  it('tell an animation, and that only its first frame was looked at', () => {
    const raster = rows(9, [1, 2, 3]);
    const told = (change: Partial<DecodedImage>) => {
      const { pages, animated, firstFrameOnly } = signalsOf(raster, change);
      return [pages, animated, firstFrameOnly];
    };
    expect(told({})).toEqual([1, false, false]);
    expect(told({ pages: 12, mediaType: 'image/gif' })).toEqual([12, true, true]);
    expect(told({ pages: 2, mediaType: 'image/tiff' })).toEqual([2, false, true]);
  });

  it.each([
    ['srgb', 'rgb'],
    ['rgb16', 'rgb'],
    ['b-w', 'grey'],
    ['grey16', 'grey'],
    ['cmyk', 'cmyk'],
    ['lab', 'lab'],
    ['hsv', 'other'],
  ])('tell colour space %s as %s', (colourSpace, colourMode) => {
    expect(signalsOf(rows(3, [1]), { colourSpace })).toMatchObject({ colourMode });
  });

  it('have no JPEG quality where there is no JPEG, and EXIF that is malformed is no failure', () => {
    expect(signalsOf(rows(3, [1]))).not.toHaveProperty('jpegQuality');
    const broken = signalsOf(rows(3, [1]), { exif: Buffer.from('Exif\0\0II*\0') });
    expect(broken).toMatchObject({ exif: 'malformed' });
    expect(broken).not.toHaveProperty('captureTime');
  });
});

describe('keep-best', () => {
  const facts = (mediaType: string, signals: Record<string, number>, byteLength = 1000) => ({
    mediaType,
    byteLength,
    signals: { effectiveWidth: 100, effectiveHeight: 100, sharpness: 400, ...signals },
  });
  const isBetter = (a: ReturnType<typeof facts>, b: ReturnType<typeof facts>): boolean => {
    const [better, worse] = [imageKind.quality(a), imageKind.quality(b)];
    const at = better.findIndex((value, index) => value !== worse[index]);
    return at !== -1 && (better[at] ?? 0) > (worse[at] ?? 0);
  };

  it('prefers resolution, then sharpness, then the encoding, then length', () => {
    const plain = facts('image/jpeg', { jpegQuality: 80 });
    expect(isBetter(facts('image/jpeg', { effectiveWidth: 101, sharpness: 10 }), plain)).toBe(true);
    expect(isBetter(facts('image/jpeg', { sharpness: 900, jpegQuality: 20 }), plain)).toBe(true);
    expect(isBetter(facts('image/jpeg', { jpegQuality: 81 }, 10), plain)).toBe(true);
    expect(isBetter(facts('image/jpeg', { jpegQuality: 80 }, 1001), plain)).toBe(true);
  });

  it('does not take the blocks of a poor encoding for sharpness', () => {
    const original = facts('image/jpeg', { jpegQuality: 90, sharpness: 400 });
    const blocky = facts('image/jpeg', { jpegQuality: 30, sharpness: 408 });
    expect(isBetter(original, blocky)).toBe(true);
  });

  it('takes an encoding without loss for the best, and one of unknown quality for the worst', () => {
    expect(isBetter(facts('image/png', {}), facts('image/jpeg', { jpegQuality: 99 }))).toBe(true);
    expect(isBetter(facts('image/jpeg', { jpegQuality: 1 }), facts('image/webp', {}))).toBe(true);
  });
});
