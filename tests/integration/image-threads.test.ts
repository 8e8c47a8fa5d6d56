import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActorSystem, type ThreadCall, threadActor } from '#runtime';
import {
  type AnalyseThreadRequest,
  analyseThreadModule,
  type EmbedThreadRequest,
  type EmbedThreadResult,
  embedThreadModule,
  type ImageAnalysis,
  TROUPE_TINY,
} from '../../actors/image/index.ts';
import { resample } from '../../actors/image/resample.ts';
import { buildTroupeTiny } from '../../scripts/build-model.ts';
import { patternRaster } from '../unit/image/synthetic-raster.ts';

const limits = { maxPixels: 1_000_000, maxBytes: 1_000_000 };

function proxy(seed: number): Uint8Array {
  return resample(patternRaster(128, 96, seed), 64, 64, 'box').data;
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0);
}

/** The messages of an error and of its causes. */
function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${messagesOf(error.cause)}` : '';
}

describe('image threads', () => {
  let system: ActorSystem;

  beforeAll(async () => {
    system = await ActorSystem.start({
      name: 'image-threads',
      root: {
        type: 'supervisor',
        id: 'root',
        strategy: 'one_for_one',
        children: [
          threadActor<AnalyseThreadRequest, ImageAnalysis>({
            id: 'analyse',
            module: analyseThreadModule(),
            deadlineMs: 30_000,
          }),
          threadActor<EmbedThreadRequest, EmbedThreadResult>({
            id: 'embed',
            module: embedThreadModule(),
            data: await TROUPE_TINY.session(),
            deadlineMs: 30_000,
          }),
        ],
      },
    });
  });

  afterAll(async () => {
    await system.stop();
  });

  function analyse(bytes: Uint8Array): Promise<ImageAnalysis> {
    return system
      .ref<ThreadCall<AnalyseThreadRequest, ImageAnalysis>>('analyse')
      .ask<ImageAnalysis>((reply) => ({ request: { bytes, ...limits }, reply }), { timeoutMs: 30_000 });
  }

  async function embed(pixels: readonly Uint8Array[]): Promise<readonly Float32Array[]> {
    const { vectors } = await system
      .ref<ThreadCall<EmbedThreadRequest, EmbedThreadResult>>('embed')
      .ask<EmbedThreadResult>((reply) => ({ request: { pixels }, reply }), { timeoutMs: 30_000 });
    return vectors;
  }

  it('analyses an image', async () => {
    const { width, height, data } = patternRaster(320, 240, 1);
    const png = await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const analysis = await analyse(png);
    expect(analysis).toMatchObject({
      mediaType: 'image/png',
      phash: 'f0f6d4a91e694913',
      dhash: 'b6246c4d49db9ab2',
    });
    expect(analysis.pixels.length).toBe(12_288);
  });

  it('passes the code of a refusal on, and goes on', async () => {
    await expect(analyse(Buffer.from('no image'))).rejects.toMatchObject({
      name: 'AnalysisError',
      code: 'corrupt_image',
    });
    await expect(analyse(new Uint8Array(0))).rejects.toMatchObject({ code: 'empty' });
  });

  it('embeds proxies as vectors of unit length, each in a buffer of its own', async () => {
    const vectors = await embed([proxy(1), proxy(2), new Uint8Array(12_288)]);
    expect(vectors).toHaveLength(3);
    for (const vector of vectors) {
      expect(vector.length).toBe(TROUPE_TINY.dimension);
      expect(vector.buffer.byteLength).toBe(TROUPE_TINY.dimension * 4);
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    }
  });

  it('gives a proxy the same vector in any batch and at any place of it', async () => {
    const proxies = Array.from({ length: 17 }, (_, seed) => proxy(seed));
    const together = await embed(proxies);
    for (const size of [1, 2, 3, 8]) {
      for (let from = 0; from + size <= proxies.length; from += 5) {
        expect(await embed(proxies.slice(from, from + size))).toEqual(together.slice(from, from + size));
      }
    }
  });

  it('puts an edit of a picture nearer than another picture', async () => {
    const darker = proxy(1).map((sample) => Math.round(sample * 0.7));
    const [original, edit, other] = await embed([proxy(1), darker, proxy(2)]);
    if (original === undefined || edit === undefined || other === undefined)
      throw new Error('a vector is missing');
    expect(cosine(original, edit)).toBeGreaterThan(0.95);
    expect(cosine(original, other)).toBeLessThan(0.8);
  });

  it('fails a batch with a proxy of another length, and goes on', async () => {
    await expect(embed([proxy(1), new Uint8Array(5)])).rejects.toMatchObject({ code: 'model_failed' });
    expect(await embed([])).toEqual([]);
  });

  it('does not start with a file that is no model', async () => {
    const session = await TROUPE_TINY.session();
    const start = ActorSystem.start({
      name: 'no-model',
      root: {
        type: 'supervisor',
        id: 'root',
        strategy: 'one_for_one',
        children: [
          threadActor({
            id: 'embed',
            module: embedThreadModule(),
            data: { ...session, path: '/no/model.onnx' },
            deadlineMs: 9_000,
          }),
        ],
      },
    });
    const error: unknown = await start.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(messagesOf(error)).toMatch(/the model file \/no\/model.onnx cannot be read/);
  });
});

describe('troupe-tiny', () => {
  it('is what its script builds, byte for byte', async () => {
    const file = await readFile(TROUPE_TINY.path());
    expect(Buffer.compare(file, buildTroupeTiny())).toBe(0);
    expect(file.length).toBeLessThan(200_000);
    expect(await TROUPE_TINY.digest()).toBe(createHash('sha256').update(file).digest('hex'));
  });
});
