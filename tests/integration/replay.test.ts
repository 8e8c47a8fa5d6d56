// Live changes: the contents of a running dataset are compared anew, in a generation of the index beside the present one,
// while items keep coming; the result equals a fresh run with the new setting.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../scripts/onnx-writer.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { flatteningModel } from '../support/onnx-models.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const COUNT = 120;
const CONFIG = {
  version: 1,
  models: {
    pixels: {
      file: 'models/pixels.onnx',
      layout: 'NHWC',
      size: [8, 6],
      resize: { to: 10 },
      dimension: 144,
    },
  },
};

async function systemWith(settings: readonly string[]): Promise<TroupeSystem> {
  const system = await TroupeSystem.create({ config: CONFIG, dataset: 'art' });
  await mkdir(join(system.folder, 'models'));
  const graph = flatteningModel({ input: ['N', 6, 8, 3], output: ['N', 144] });
  await writeFile(join(system.folder, CONFIG.models.pixels.file), encodeModel(graph));
  await system.start();
  const created = await system.command('dataset', 'create', 'art', ...settings);
  expect(created).toMatchObject({ code: 0 });
  return system;
}

describe.each([
  ['another number of shards', [['shards', 'resize', 'art', '7', '--wait']], ['shards=7']],
  [
    'other radii and thresholds',
    [
      [
        'dataset',
        'set',
        'art',
        'dedup.phashRadius=4',
        'dedup.dhashRadius=0',
        'dedup.pixels.near=0.03',
        '--wait',
      ],
    ],
    ['dedup.phashRadius=4', 'dedup.dhashRadius=0', 'dedup.pixels.near=0.03'],
  ],
  [
    'another model whose vectors propose pairs',
    [['dataset', 'set', 'art', 'model=pixels', 'dedup.vectors.semantic=0.99', '--wait']],
    ['model=pixels', 'dedup.vectors.semantic=0.99'],
  ],
])('a running dataset that is given %s', (_, changes, fresh) => {
  let pictures: TestPictures;
  let system: TroupeSystem;
  let calm: TroupeSystem;

  beforeAll(async () => {
    pictures = await testPictures(COUNT);
    [system, calm] = await Promise.all([systemWith(['shards=3']), systemWith(fresh)]);
  });

  afterAll(async () => {
    await system?.[Symbol.asyncDispose]();
    await calm?.[Symbol.asyncDispose]();
    await pictures?.[Symbol.asyncDispose]();
  });

  it('while items come is in the end what a fresh run with the new setting is, and can say what happened', async () => {
    const { items } = pictures;
    const half = items.length / 2;
    await system.waitSettled(await system.publish(items.slice(0, half)));
    const before = await system.cut();
    const [rest, ...done] = await Promise.all([
      system.publish(items.slice(half)),
      ...changes.map((change) => system.command(...change)),
    ]);
    for (const { code, stdout, stderr } of done) expect({ code, stderr }, stdout).toMatchObject({ code: 0 });
    await system.waitSettled(rest);
    const after = await system.cut();
    await calm.waitSettled(await calm.publish(items));
    expect(after.manifest.digest).toBe(await calm.manifestDigest());
    expect(after.manifest.number).toBe(before.manifest.number + 1);
    expect(await system.command('audit', 'art')).toMatchObject({ code: 0 });
    const kept = (await system.manifestRows()).find(({ relation }) => relation === 'near');
    const explained = await system.command('explain', 'art', kept?.id ?? '');
    expect(explained.stdout).toMatch(/compared anew in generation 2 \(in force since 20/);
    const status = await system.command('status');
    expect(status.stdout).not.toContain('left to compare');
  });
});
