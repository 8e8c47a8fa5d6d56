// What a running system finds of pictures that are the same re-encoded, mirrored or turned, or alike by vectors alone,
// and that it finds the same after its shards were read back.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../scripts/onnx-writer.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { flatteningModel } from '../support/onnx-models.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

/** A vector is the picture in 8 × 6 pixels: faint pictures are all alike by it. */
const MODEL = {
  file: 'models/pixels.onnx',
  layout: 'NHWC',
  size: [8, 6],
  resize: { to: 10 },
  dimension: 144,
} as const;
const CONFIG = {
  version: 1,
  models: { pixels: MODEL },
  datasets: {
    photos: {
      model: 'pixels',
      dedup: { vectors: { semantic: 0.99 } },
      // Faint pictures are poor ones, but not here.
      rules: { rejectBelow: 0, keepAt: 0 },
    },
  },
};

/** Gray with hardly visible blocks, other ones by `seed`. */
async function faint(seed: number): Promise<Buffer> {
  const side = 96;
  const data = new Uint8Array(side * side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const block = Math.imul((x >> 4) * 7 + (y >> 4) * 13 + seed * 101 + 5, 0x9e3779b1) >>> 24;
      data[y * side + x] = 110 + (block % 24);
    }
  }
  const raw = { width: side, height: side, channels: 1 as const };
  return sharp(data, { raw }).png().toBuffer();
}

describe('the relations of pictures in a running system', () => {
  let system: TroupeSystem;
  let pictures: TestPictures;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-relations-'));
    pictures = await testPictures(20);
    system = await TroupeSystem.create({ config: CONFIG });
    await mkdir(join(system.folder, 'models'));
    const graph = flatteningModel({ input: ['N', 6, 8, 3], output: ['N', 144] });
    await writeFile(join(system.folder, MODEL.file), encodeModel(graph));
    await system.start();
  });

  afterAll(async () => {
    await system?.[Symbol.asyncDispose]();
    await pictures?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const publish = async (files: Readonly<Record<string, Buffer>>) => {
    const named = await Promise.all(
      Object.entries(files).map(async ([id, bytes]) => {
        const path = join(folder, id);
        await writeFile(path, bytes);
        return { id, path };
      }),
    );
    await system.waitSettled(await system.publish(named));
  };
  const places = async () => {
    const rows = await system.manifestRows();
    const idOf = new Map(rows.map(({ item, id }) => [item, id]));
    return Object.fromEntries(
      rows.map(({ id, outcome, relation, survivor }) => [
        id,
        [outcome, relation, survivor && idOf.get(survivor)],
      ]),
    );
  };

  it('are near and dropped, or transformed and grouped, whichever came first; and semantic by vectors alone', async () => {
    const [scene] = pictures.of('scene');
    const original = await readFile(scene?.path ?? '');
    await publish({
      'turned.png': await sharp(original).rotate(90).png().toBuffer(),
      'faint-1.png': await faint(1),
    });
    await publish({
      'original.png': await sharp(original).png().toBuffer(),
      'mirrored.png': await sharp(original).flop().png().toBuffer(),
      'again.jpg': await sharp(original).jpeg({ quality: 70 }).toBuffer(),
      'faint-2.png': await faint(2),
    });
    await system.cut();
    const found = await places();
    expect(found['again.jpg']).toEqual(['duplicate', 'near', 'original.png']);
    const turned = ['original.png', 'mirrored.png', 'turned.png'].map((id) => found[id]?.slice(0, 2));
    expect(turned).toEqual(
      expect.arrayContaining([
        ['kept', null],
        ['kept', 'transformed'],
        ['kept', 'transformed'],
      ]),
    );
    const alike = ['faint-1.png', 'faint-2.png'].map((id) => found[id]?.slice(0, 2));
    expect(alike).toEqual(
      expect.arrayContaining([
        ['kept', null],
        ['kept', 'semantic'],
      ]),
    );
  });

  it('are found by what came before the node was killed', async () => {
    await system.kill();
    await system.start();
    const [scene] = pictures.of('scene');
    await publish({
      'turned-again.png': await sharp(await readFile(scene?.path ?? ''))
        .rotate(270)
        .png()
        .toBuffer(),
      'faint-3.png': await faint(3),
    });
    await system.cut();
    const found = await places();
    expect(found['turned-again.png']?.slice(0, 2)).toEqual(['kept', 'transformed']);
    const alike = [1, 2, 3].map((seed) => found[`faint-${seed}.png`]?.slice(0, 2));
    expect(alike.filter((place) => place?.[1] === 'semantic')).toHaveLength(2);
  });
});
