// The hashes of a picture's other orientations against real photographs that were really turned.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../actors/image/decode.ts';
import { analyseImage } from '../../actors/image/index.ts';
import { ORIENTATIONS, orientationHashes } from '../../actors/image/orientation-hashes.ts';
import { lowFrequencies, perceptualHashes } from '../../actors/image/perceptual-hash.ts';
import { luminance } from '../../actors/image/raster.ts';
import { turnedRaster } from '../../actors/image/turned-raster.ts';

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const limits = { maxPixels: 100_000_000, maxBytes: 100_000_000 };
const exact = ['flip-x', 'flip-y', 'rotate-180'];

function distance(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;
}

describe.skipIf(!existsSync(data))('orientations (skipped: ../shared/data is absent)', () => {
  it('of 20 photographs have the pHash of the turned picture: mirrored exactly, transposed within 4 bits', async () => {
    const names = readdirSync(join(data, 'photos')).sort().slice(0, 20);
    for (const name of names) {
      const { raster } = await decodeImage(readFileSync(join(data, 'photos', name)), limits);
      const gray = luminance(raster);
      const hashes = orientationHashes(lowFrequencies(gray));
      for (const each of ORIENTATIONS) {
        const { phash } = perceptualHashes(turnedRaster(gray, each));
        expect(distance(phash, hashes[each])).toBeLessThanOrEqual(exact.includes(each) ? 0 : 4);
      }
    }
  });

  it('of a photograph that another program turned lie within 4 bits of one of the eight hashes', async () => {
    const read = async (name: string) => analyseImage(readFileSync(join(data, 'edits', name)), limits);
    const original = await read('bridge-1-original.jpg');
    const turned = readdirSync(join(data, 'edits')).filter((name) => /^bridge-[2-8]/.test(name));
    expect(turned).toHaveLength(7);
    const nearest = new Set<string>();
    for (const name of turned) {
      const { phash } = await read(name);
      const [best] = ORIENTATIONS.map(
        (each) => [each, distance(phash, original.orientations[each])] as const,
      ).sort((one, other) => one[1] - other[1]);
      expect(best?.[1]).toBeLessThanOrEqual(4);
      nearest.add(best?.[0] ?? '');
    }
    expect(nearest.size).toBe(7);
  });
});
