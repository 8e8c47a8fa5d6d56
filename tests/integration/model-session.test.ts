// Sessions over models that these tests write themselves, so that every number of the way is known: preprocessing,
// layout, channel order, pooling, what is checked when a model is opened, and which batches are used.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelConfig, modelConfigSchema } from '../../actors/config/index.ts';
import { analyseImage } from '../../actors/image/analyse.ts';
import { configuredModel, inspectModel, mustRepeat } from '../../actors/image/embedding-model.ts';
import type { ModelProxySpec } from '../../actors/image/model-proxy.ts';
import { ModelSession } from '../../actors/image/model-session.ts';
import { type SessionSpec, sessionSpecSchema } from '../../actors/image/session-spec.ts';
import { encodeModel, type ModelGraph } from '../../scripts/onnx-writer.ts';
import { flatteningModel, varyingModel } from '../support/onnx-models.ts';

/** Two outputs: each picture as it is, and half of it. */
const twoOutputs: ModelGraph = {
  ...flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] }),
  outputs: [
    { name: 'vector', type: 'float32', shape: ['N', 12] },
    { name: 'maps', type: 'float32', shape: ['N', 2, 2, 3] },
  ],
  weights: [{ name: 'half', shape: [1], values: Float32Array.of(0.5) }],
  nodes: [
    { operator: 'Flatten', inputs: ['picture'], output: 'vector', attributes: { axis: { int: 1 } } },
    { operator: 'Mul', inputs: ['picture', 'half'], output: 'maps' },
  ],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-models-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const settings = (own: object): ModelConfig => modelConfigSchema.parse({ file: 'model.onnx', ...own });

async function modelOf(graph: ModelGraph, own: object) {
  const bytes = encodeModel(graph);
  const file = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.onnx`);
  await writeFile(file, bytes);
  return configuredModel('test', { file, config: settings(own) });
}

async function open(graph: ModelGraph, own: object): Promise<ModelSession> {
  return ModelSession.open((await modelOf(graph, own)).session as SessionSpec);
}

/** A PNG of 2 × 2 pixels of known colours. */
const png = () =>
  sharp(Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255), {
    raw: { width: 2, height: 2, channels: 3 },
  })
    .png()
    .toBuffer();
const limits = { maxPixels: 100, maxBytes: 10_000 };
const rounded = (vector: Float32Array | undefined) =>
  [...(vector ?? [])].map((value) => Math.round(value * 1e5) / 1e5);
const unit = (values: readonly number[]) => {
  const length = Math.hypot(...values);
  return values.map((value) => Math.round((value / length) * 1e5) / 1e5);
};

describe('a configured model', () => {
  it('gets a picture scaled, normalised, in its layout and channel order', async () => {
    const own = {
      layout: 'NHWC',
      channels: 'BGR',
      size: 2,
      resize: { mode: 'exact' },
      scale: '1/255',
      mean: [0.25, 0.5, 0.75],
      std: [0.5, 1, 2],
      dimension: 12,
    };
    const model = await modelOf(flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] }), own);
    const { modelPixels } = await analyseImage(await png(), limits, model.proxy?.spec as ModelProxySpec);
    expect([...(modelPixels ?? [])]).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
    const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
    const [vector] = await session.embed([modelPixels ?? new Uint8Array()]);
    // Blue, green, red of each pixel: 0 or 1, less 0.25, 0.5, 0.75, over 0.5, 1, 2.
    const [b0, b1, g0, g1, r0, r1] = [-0.5, 1.5, -0.5, 0.5, -0.375, 0.125];
    expect(rounded(vector)).toEqual(unit([b0, g0, r1, b0, g1, r0, b1, g0, r0, b1, g1, r1]));
    await session.close();
  });

  it('gets planes where it wants planes', async () => {
    const own = { size: 2, scale: 1, dimension: 12 };
    const session = await open(flatteningModel({ input: ['N', 3, 2, 2], output: ['N', 12] }), own);
    const [vector] = await session.embed([Uint8Array.of(1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12)]);
    expect(rounded(vector)).toEqual(unit([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
    await session.close();
  });

  it('that takes 8-bit samples gets them as they are', async () => {
    const graph = flatteningModel({ type: 'uint8', input: ['N', 2, 2, 3], output: ['N', 12] });
    const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12 };
    const session = await open(graph, own);
    const [vector] = await session.embed([Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255)]);
    expect(rounded(vector)).toEqual(unit([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]));
    await session.close();
    await expect(open(graph, { ...own, scale: '1/255' })).rejects.toMatchObject({
      setting: 'scale',
      message: 'expected neither scale, mean nor std: the input picture takes 8-bit samples as they are',
    });
  });

  it('gives the output that is named, pooled', async () => {
    const own = { layout: 'NHWC', size: 2, scale: 1, output: 'maps', pooling: 'spatial', dimension: 2 };
    const session = await open(twoOutputs, own);
    // The output's second dimension is the picture's rows here: means 2 and 8, halved.
    const [vector] = await session.embed([Uint8Array.of(1, 2, 3, 1, 2, 3, 7, 8, 9, 7, 8, 9)]);
    expect(rounded(vector)).toEqual(unit([1, 4]));
    await session.close();
  });

  it('gives a picture the same bits in every batch, and says in which it runs', async () => {
    const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12, batch: 8 };
    const session = await open(flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] }), own);
    expect(session.facts).toEqual({
      input: 'picture',
      output: 'vector',
      batches: [1, 2, 4, 8],
      repeats: true,
      provider: 'cpu',
      unavailable: [],
    });
    const pictures = Array.from({ length: 13 }, (_, at) => new Uint8Array(12).fill(at + 1).fill(200 - at, 5));
    const together = await session.embed(pictures);
    for (const [at, picture] of pictures.entries()) {
      expect(await session.embed([picture])).toEqual([together[at]]);
    }
    await session.close();
  });

  it('that takes one picture at a time is given one at a time', async () => {
    const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12, batch: 8 };
    const session = await open(flatteningModel({ input: [1, 2, 2, 3], output: [1, 12] }), own);
    expect(session.facts.batches).toEqual([1]);
    expect(await session.embed([new Uint8Array(12).fill(1), new Uint8Array(12).fill(2)])).toHaveLength(2);
    await session.close();
  });

  it('fails a request with a picture of another size, and goes on', async () => {
    const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12 };
    const session = await open(flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] }), own);
    await expect(session.embed([new Uint8Array(5)])).rejects.toMatchObject({ code: 'model_failed' });
    expect(await session.embed([])).toEqual([]);
    expect(await session.embed([new Uint8Array(12).fill(1)])).toHaveLength(1);
    await session.close();
  });
});

describe('a session', () => {
  const nhwc = flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] });
  const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12 };

  it('runs on the next provider where one does not work, and says why', async () => {
    const session = await open(nhwc, { ...own, providers: ['cuda', 'cpu'] });
    // A machine that has CUDA and its libraries runs it there.
    if (session.facts.provider === 'cpu') {
      expect(session.facts.unavailable).toEqual([{ provider: 'cuda', reason: expect.stringMatching(/./) }]);
    }
    const plain = await open(nhwc, own);
    const picture = new Uint8Array(12).fill(7).fill(200, 5);
    if (session.facts.provider === 'cpu') {
      expect(await session.embed([picture])).toEqual(await plain.embed([picture]));
    }
    await session.close();
    await plain.close();
  });

  it('takes more threads where they change no bit', async () => {
    const [two, one] = [await open(nhwc, { ...own, threads: 2 }), await open(nhwc, own)];
    const picture = new Uint8Array(12).fill(9).fill(100, 4);
    expect(await two.embed([picture])).toEqual(await one.embed([picture]));
    await two.close();
    await one.close();
  });

  it('takes and gives half precision', async () => {
    const graph = flatteningModel({
      type: 'float16',
      gives: 'float16',
      input: ['N', 2, 2, 3],
      output: ['N', 12],
    });
    const session = await open(graph, own);
    const [vector] = await session.embed([Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)]);
    expect(rounded(vector)).toEqual(unit([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
    await session.close();
  });

  it('gives the first numbers at unit length where a shorter vector is asked for', async () => {
    const model = await modelOf(nhwc, { ...own, matryoshka: { dimension: 3 } });
    expect(model.dimension).toBe(3);
    const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
    const [vector] = await session.embed([Uint8Array.of(2, 3, 6, 4, 5, 6, 7, 8, 9, 10, 11, 12)]);
    expect(rounded(vector)).toEqual(unit([2, 3, 6]));
    await session.close();
  });

  it('of a model whose vectors vary runs pictures one by one, and is refused where they would drop items', async () => {
    const graph = varyingModel({ input: ['N', 2, 2, 3], output: ['N', 12] });
    const model = await modelOf(graph, { ...own, batch: 8 });
    const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
    expect(session.facts).toMatchObject({ repeats: false, batches: [1] });
    await session.close();
    const decides = sessionSpecSchema.parse(mustRepeat(model).session);
    await expect(ModelSession.open(decides)).rejects.toMatchObject({
      setting: 'file',
      message: expect.stringContaining('set dedup.vectors.near to null'),
    });
  });
});

describe('a model that cannot be used as configured', () => {
  const nhwc = flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] });
  const own = { layout: 'NHWC', size: 2, scale: 1, dimension: 12 };

  it.each([
    ['input', { input: 'image' }, 'expected an input of the model (picture), got image'],
    ['output', { output: 'embedding' }, 'expected an output of the model (vector), got embedding'],
    ['dimension', { dimension: 512 }, 'expected vectors of 512 numbers, the model gives 12'],
    ['pooling', { pooling: 'cls' }, 'pooling cls takes an output of N × T × C, the model gives 1 × 12'],
    [
      'size',
      { layout: 'NCHW' },
      'expected the input picture to be N × 2 × 2 × 3 as the model says, layout NCHW and size 2 × 2 give N × 3 × 2 × 2',
    ],
  ])('is refused for its %s, with what the model has', async (setting, changed, message) => {
    await expect(open(nhwc, { ...own, ...changed })).rejects.toMatchObject({
      name: 'ModelUnusable',
      code: 'config_invalid',
      setting,
      message,
    });
  });

  it('is refused when it leaves unit length to nobody', async () => {
    await expect(open(nhwc, { ...own, normalise: 'none' })).rejects.toMatchObject({
      setting: 'normalise',
      message: expect.stringMatching(
        /^expected vectors of length 1, the output vector gives .* set normalise: l2$/,
      ),
    });
  });

  it('is refused when it has several outputs and none is named', async () => {
    await expect(open(twoOutputs, own)).rejects.toMatchObject({
      setting: 'output',
      message: "expected output to name one of the model's outputs: vector, maps",
    });
  });

  it('is refused when its file is absent, another one, or no model', async () => {
    const config = settings(own);
    const absent = join(folder, 'absent.onnx');
    await expect(configuredModel('test', { file: absent, config })).rejects.toMatchObject({
      setting: 'file',
      message: `the model file ${absent} does not exist`,
    });
    const file = join(folder, 'text.onnx');
    await writeFile(file, 'no model');
    const pinned = settings({ ...own, sha256: 'a'.repeat(64) });
    await expect(configuredModel('test', { file, config: pinned })).rejects.toMatchObject({
      setting: 'sha256',
      message: expect.stringContaining(`expected ${file} to have sha256 aaaa`),
    });
    await expect(inspectModel(await configuredModel('test', { file, config }))).rejects.toMatchObject({
      setting: 'file',
      message: expect.stringContaining(`expected ${file} to be one self-contained ONNX model`),
    });
  });
});

describe("a model's identity", () => {
  it('changes with every setting that changes a vector, and with no other', async () => {
    const graph = flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] });
    const base = { layout: 'NHWC', size: 2, dimension: 12 };
    const identityOf = async (own: object) => {
      const { digest, recipe, dimension } = await modelOf(graph, { ...base, ...own });
      return `${digest} ${recipe} ${dimension}`;
    };
    const same = await identityOf({});
    expect(await identityOf({ batch: 16, threads: 2, scale: 1 / 255, file: 'elsewhere.onnx' })).toBe(same);
    const changes = [
      { layout: 'NCHW' },
      { channels: 'BGR' },
      { size: 4 },
      { resize: { mode: 'exact' } },
      { resize: { filter: 'bilinear' } },
      { scale: 1 },
      { mean: 0.5 },
      { std: [1, 1, 2] },
      { output: 'vector' },
      { pooling: 'cls' },
      { normalise: 'none' },
      { dimension: 13 },
      { providers: ['cuda'] },
      { matryoshka: { dimension: 6 } },
      { matryoshka: { dimension: 6, layerNorm: true } },
    ];
    const identities = await Promise.all(changes.map(identityOf));
    expect(new Set([same, ...identities]).size).toBe(changes.length + 1);
  });
});
