import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DedupEngine } from '../../../actors/dedup/index.ts';
import {
  type ImageThresholds,
  imageHashes,
  imageIndexes,
  imageRelationOf,
  measureImages,
} from '../../../actors/image/image-dedup.ts';
import { ORIENTATIONS, orientationHashes } from '../../../actors/image/orientation-hashes.ts';
import { lowFrequencies, perceptualHashes } from '../../../actors/image/perceptual-hash.ts';
import { luminance, type Raster } from '../../../actors/image/raster.ts';
import { resample } from '../../../actors/image/resample.ts';
import { turnedRaster } from '../../../actors/image/turned-raster.ts';
import { patternRaster } from './synthetic-raster.ts';

const thresholds: ImageThresholds = { near: 0.07, review: 0.08, vectorsNear: 0.95, semantic: 0.8 };

/** A picture as the engine takes it, and its proxy. */
function pictureOf(raster: Raster) {
  const gray = luminance(raster);
  const coefficients = lowFrequencies(gray);
  const hashes = imageHashes({
    ...perceptualHashes(gray, coefficients),
    orientations: orientationHashes(coefficients),
  });
  return {
    keys: { content: createHash('sha256').update(raster.data).digest('hex'), hashes },
    proxy: resample(raster, 64, 64, 'box').data,
  };
}

describe('pictures in the engine', () => {
  it('are found in each of the seven other orientations, whichever came first, and told from each other', async () => {
    const original = pictureOf(patternRaster(160, 120, 2));
    const other = pictureOf(patternRaster(160, 120, 5));
    for (const orientation of ORIENTATIONS) {
      const turned = pictureOf(turnedRaster(patternRaster(160, 120, 2), orientation));
      for (const order of [
        [original, turned, other],
        [other, turned, original],
      ]) {
        const proxies = new Map(order.map(({ keys, proxy }) => [keys.content, proxy]));
        const proxyOf = (content: string) => proxies.get(content) ?? new Uint8Array();
        const engine = new DedupEngine({
          indexes: imageIndexes(),
          shards: 2,
          verify: (pair) => measureImages(pair, proxyOf(pair.a), proxyOf(pair.b), null),
        });
        for (const { keys } of order) await engine.add([keys]);
        const related = engine.edges().filter((edge) => imageRelationOf(edge, thresholds) !== undefined);
        expect(related).toHaveLength(1);
        expect([related[0]?.a, related[0]?.b].sort()).toEqual(
          [original.keys.content, turned.keys.content].sort(),
        );
        expect(related[0]?.turned?.distance).toBeLessThan(0.02);
      }
    }
  });

  it('have no hashes where these would mean nothing', () => {
    const flat: Raster = { width: 64, height: 64, channels: 1, data: new Uint8Array(64 * 64).fill(90) };
    expect(pictureOf(flat).keys.hashes).toEqual({});
  });
});

describe('imageRelationOf', () => {
  const relation = (distance: number, similarity: number | null, turned?: number) =>
    imageRelationOf(
      {
        distance,
        similarity,
        ...(turned !== undefined && { turned: { variant: 'flip-x', distance: turned } }),
      },
      thresholds,
    );

  it('prefers what is the same as it is to what is the same turned, and both to what is only alike', () => {
    expect(relation(0.07, null, 0.01)).toBe('near');
    expect(relation(0.5, 0.95, 0.01)).toBe('near');
    expect(relation(0.5, 0.9, 0.07)).toBe('transformed');
    expect(relation(0.5, 0.8, 0.071)).toBe('semantic');
    expect(relation(0.08, 0.79)).toBe('uncertain');
    expect(relation(0.081, null)).toBeUndefined();
  });

  it('takes nothing from vectors that have no threshold', () => {
    const pixels = { ...thresholds, vectorsNear: null, semantic: null };
    expect(imageRelationOf({ distance: 0.5, similarity: 1 }, pixels)).toBeUndefined();
  });
});
