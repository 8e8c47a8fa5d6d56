import { describe, expect, it } from 'vitest';
import {
  inverseOrientation,
  ORIENTATIONS,
  orientationHashes,
} from '../../../actors/image/orientation-hashes.ts';
import { lowFrequencies, perceptualHashes } from '../../../actors/image/perceptual-hash.ts';
import { luminance, type Raster } from '../../../actors/image/raster.ts';
import { turnedRaster } from '../../../actors/image/turned-raster.ts';
import { patternRaster } from './synthetic-raster.ts';

/** 1 2 3 over 4 5 6. */
const six: Raster = { width: 3, height: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

function distance(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;
}

describe('turnedRaster', () => {
  it('rearranges the samples as each orientation says', () => {
    const turned = Object.fromEntries(ORIENTATIONS.map((each) => [each, turnedRaster(six, each)]));
    expect(turned).toMatchObject({
      'flip-x': { width: 3, height: 2, data: Uint8Array.of(3, 2, 1, 6, 5, 4) },
      'flip-y': { width: 3, height: 2, data: Uint8Array.of(4, 5, 6, 1, 2, 3) },
      'rotate-180': { width: 3, height: 2, data: Uint8Array.of(6, 5, 4, 3, 2, 1) },
      transpose: { width: 2, height: 3, data: Uint8Array.of(1, 4, 2, 5, 3, 6) },
      'rotate-90': { width: 2, height: 3, data: Uint8Array.of(4, 1, 5, 2, 6, 3) },
      'rotate-270': { width: 2, height: 3, data: Uint8Array.of(3, 6, 2, 5, 1, 4) },
      transverse: { width: 2, height: 3, data: Uint8Array.of(6, 3, 5, 2, 4, 1) },
    });
  });

  it('is undone by the inverse orientation, with all channels', () => {
    const colour = patternRaster(5, 4, 3);
    for (const each of ORIENTATIONS) {
      expect(turnedRaster(turnedRaster(colour, each), inverseOrientation(each))).toEqual(colour);
    }
  });
});

describe('orientationHashes', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'are the pHash of the turned picture: exactly where it is mirrored, within 4 bits where it is transposed (pattern %i)',
    (seed) => {
      const gray = luminance(patternRaster(60 + 41 * seed, 300 - 23 * seed, seed));
      const hashes = orientationHashes(lowFrequencies(gray));
      for (const each of ORIENTATIONS) {
        const { phash } = perceptualHashes(turnedRaster(gray, each));
        const mirrored = ['flip-x', 'flip-y', 'rotate-180'].includes(each);
        expect(distance(phash, hashes[each])).toBeLessThanOrEqual(mirrored ? 0 : 4);
      }
    },
  );
});
