import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DedupEngine } from '../../../actors/dedup/index.ts';
import { relationOf } from '../../../actors/dedup/relation.ts';
import { compareImages, imageHashes, imageIndexes } from '../../../actors/image/image-dedup.ts';
import { ORIENTATIONS, orientationHashes } from '../../../actors/image/orientation-hashes.ts';
import { lowFrequencies, perceptualHashes } from '../../../actors/image/perceptual-hash.ts';
import { luminance, type Raster } from '../../../actors/image/raster.ts';
import { resample } from '../../../actors/image/resample.ts';
import { turnedRaster } from '../../../actors/image/turned-raster.ts';
import { patternRaster } from './synthetic-raster.ts';

const THRESHOLDS = {
  pixels: { near: 0.07, review: 0.08 },
  vectors: { near: null, review: null, semantic: null },
};

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
          verify: (pair) => ({
            ...compareImages(pair, proxyOf(pair.a), proxyOf(pair.b)),
            similarity: null,
          }),
        });
        for (const { keys } of order) await engine.add([keys]);
        const related = engine.edges().filter((edge) => relationOf(edge, THRESHOLDS) === 'transformed');
        expect(related).toHaveLength(1);
        expect([related[0]?.a, related[0]?.b].sort()).toEqual(
          [original.keys.content, turned.keys.content].sort(),
        );
        expect(related[0]?.turned?.distance).toBeLessThan(0.02);
      }
    }
  });
});
