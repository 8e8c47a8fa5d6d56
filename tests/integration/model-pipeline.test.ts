// A model of the user's own in a running system: analysis makes its copies, the embedder reads them, and what is wrong
// with a model is said when the node starts or the configuration is checked.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageKind } from '#actors';
import { NatsEntries, namesOf } from '#nats';
import { modelConfigSchema } from '../../actors/config/index.ts';
import { analyseImage } from '../../actors/image/analyse.ts';
import { configuredModel } from '../../actors/image/embedding-model.ts';
import type { ModelProxySpec } from '../../actors/image/model-proxy.ts';
import { ModelSession } from '../../actors/image/model-session.ts';
import { sessionSpecSchema } from '../../actors/image/session-spec.ts';
import { blobKeys } from '../../actors/pipeline/messages.ts';
import { vectorKey } from '../../actors/pipeline/vector-store.ts';
import { datasetBlobs } from '../../cli/node/dataset-blobs.ts';
import { encodeModel } from '../../scripts/onnx-writer.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { flatteningModel } from '../support/onnx-models.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const PIXELS = {
  file: 'models/pixels.onnx',
  layout: 'NHWC',
  size: [8, 6],
  resize: { to: 10 },
  dimension: 144,
} as const;
const limits = { maxPixels: 10_000_000, maxBytes: 10_000_000 };

async function systemWith(model: object): Promise<TroupeSystem> {
  const config = { version: 1, models: { pixels: model }, datasets: { photos: { model: 'pixels' } } };
  const system = await TroupeSystem.create({ config });
  await mkdir(join(system.folder, 'models'));
  const graph = flatteningModel({ input: ['N', 6, 8, 3], output: ['N', 144] });
  await writeFile(join(system.folder, PIXELS.file), encodeModel(graph));
  return system;
}

describe('a model of the user', () => {
  let system: TroupeSystem;
  let pictures: TestPictures;

  beforeAll(async () => {
    [system, pictures] = await Promise.all([systemWith(PIXELS), testPictures(20)]);
    await system.start();
  });

  afterAll(async () => {
    await system?.[Symbol.asyncDispose]();
    await pictures?.[Symbol.asyncDispose]();
  });

  it('embeds each content from the copy that analysis made for it', async () => {
    const items = pictures.of('scene').slice(0, 8);
    expect(items).toHaveLength(8);
    await system.waitSettled(await system.publish(items));
    expect(await system.verdicts()).toMatchObject({ dead: 0 });

    const config = modelConfigSchema.parse(PIXELS);
    const model = await configuredModel('pixels', { file: join(system.folder, PIXELS.file), config });
    const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
    const { link } = await system.connect();
    const names = namesOf('troupe');
    const blobs = datasetBlobs(link, names, 'photos');
    const vectors = new NatsEntries(link, names.records.vectors('photos'));
    for (const { path } of items) {
      const spec = model.proxy?.spec as ModelProxySpec;
      const { sha256, modelPixels = new Uint8Array() } = await analyseImage(
        await readFile(path),
        limits,
        spec,
      );
      expect(await blobs.get(blobKeys.modelProxy(model.proxy?.digest ?? '', sha256))).toEqual(modelPixels);
      const [expected] = await session.embed([modelPixels]);
      const stored = await vectors.get(vectorKey({ model, kind: imageKind }, sha256));
      expect(new Float32Array(stored?.slice().buffer ?? new ArrayBuffer())).toEqual(expected);
    }
    await session.close();
  });

  it('is described by `config check`', async () => {
    const { code, stdout } = await system.command('config', 'check');
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(
        'model pixels: picture to vector, 144 numbers, pictures in a run: 1, 2',
      ),
    });
  });
});

describe('a model that cannot be used', () => {
  it.each([
    ['dimension', { dimension: 512 }, 'expected vectors of 512 numbers, the model gives 144'],
    ['input', { input: 'image' }, 'expected an input of the model (picture), got image'],
    ['file', { file: 'models/absent.onnx' }, 'models/absent.onnx does not exist'],
  ])(
    'for its %s ends `up` and `config check` with exit code 2 and says why',
    async (setting, change, message) => {
      await using system = await systemWith({ ...PIXELS, ...change });
      const check = await system.command('config', 'check');
      expect(check.code).toBe(2);
      expect(check.stderr).toMatch(new RegExp(`troupe\\.yaml:1:\\d+ models\\.pixels\\.${setting}: `));
      expect(check.stderr).toContain(message);
      const up = await system.command('up');
      expect(up.code).toBe(2);
      expect(up.stderr).toContain('models.pixels');
      expect(up.stderr).toContain(message);
    },
  );
});
