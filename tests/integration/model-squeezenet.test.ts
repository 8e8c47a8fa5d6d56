// SqueezeNet by configuration, as docs/models.md gives it, on real pictures: what its cosines say about edits, about
// garments that only look alike to a perceptual hash, and about re-encodes; and that batching changes no bit.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ActorSystem, threadActor } from '#runtime';
import { modelConfigSchema } from '../../actors/config/index.ts';
import { cosine } from '../../actors/dedup/cosine.ts';
import { analyseImage } from '../../actors/image/analyse.ts';
import { configuredModel } from '../../actors/image/embedding-model.ts';
import type { ModelProxySpec } from '../../actors/image/model-proxy.ts';
import { ModelSession } from '../../actors/image/model-session.ts';
import { type SessionSpec, sessionSpecSchema } from '../../actors/image/session-spec.ts';
import { embedThreadModule } from '../../actors/image/thread-modules.ts';
import type { EmbedCall } from '../../actors/pipeline/guarded-session.ts';
import { decodeVector, encodeVector } from '../../actors/pipeline/vector-codec.ts';

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const NEAR = 0.95;
const limits = { maxPixels: 100_000_000, maxBytes: 100_000_000 };

/** The entry of a model in docs/models.md. */
async function documented(name: string): Promise<unknown> {
  const text = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8');
  for (const [, yaml = ''] of text.matchAll(/```yaml\n([^`]*)```/g)) {
    const { models = {} } = parse(yaml) as { models?: Record<string, unknown> };
    if (name in models) return models[name];
  }
  throw new Error(`docs/models.md has no entry for ${name}`);
}

describe.skipIf(!existsSync(DATA))('squeezenet (skipped: ../shared/data is absent)', () => {
  let session: ModelSession;
  let spec: SessionSpec;
  let proxy: ModelProxySpec;
  const vectors = new Map<string, Float32Array>();

  beforeAll(async () => {
    const config = modelConfigSchema.parse({ ...((await documented('squeezenet')) as object), batch: 8 });
    const file = join(DATA, 'models/squeezenet-emb512.onnx');
    const model = await configuredModel('squeezenet', { file, config });
    proxy = model.proxy?.spec as ModelProxySpec;
    spec = sessionSpecSchema.parse(model.session);
    session = await ModelSession.open(spec);
  });

  afterAll(() => session?.close());

  async function copyOf(bytes: Uint8Array): Promise<Uint8Array> {
    return (await analyseImage(bytes, limits, proxy)).modelPixels ?? new Uint8Array();
  }

  async function vectorOf(bytes: Uint8Array): Promise<Float32Array> {
    const [vector] = await session.embed([await copyOf(bytes)]);
    if (vector === undefined) throw new Error('no vector');
    return vector;
  }

  async function vectorOfFile(path: string): Promise<Float32Array> {
    const vector = vectors.get(path) ?? (await vectorOf(await readFile(join(DATA, path))));
    vectors.set(path, vector);
    return vector;
  }

  it('that is past its deadline in the middle of a run costs its thread, and nothing else', async () => {
    const system = await ActorSystem.start({
      name: 'squeezenet',
      root: {
        type: 'supervisor',
        id: 'root',
        strategy: 'one_for_one',
        children: [threadActor({ id: 'session', module: embedThreadModule(), data: spec, deadlineMs: 50 })],
      },
    });
    try {
      const ref = system.ref<EmbedCall>('session');
      const picture = new Uint8Array(224 * 224 * 3);
      const embed = (count: number) =>
        ref.ask<unknown>((reply) => ({ request: { pixels: Array(count).fill(picture) }, reply }), {
          timeoutMs: 60_000,
        });
      for (let times = 0; times < 3; times++) {
        await expect(embed(64)).rejects.toMatchObject({ name: 'ThreadTimeout' });
      }
    } finally {
      await system.stop();
    }
  });

  it('runs in batches of 1, 2, 4 and 8 without changing a bit', async () => {
    expect(session.facts).toMatchObject({
      repeats: true,
      input: 'data_0',
      output: 'emb512',
      batches: [1, 2, 4, 8],
    });
    const names = (await readdir(join(DATA, 'photos'))).sort().slice(0, 15);
    const copies = await Promise.all(
      names.map(async (name) => copyOf(await readFile(join(DATA, 'photos', name)))),
    );
    const together = await session.embed(copies);
    for (const [at, copy] of copies.entries()) expect(await session.embed([copy])).toEqual([together[at]]);
    expect(await session.embed(copies.toReversed())).toEqual(together.toReversed());
  });

  it('gives the same bits with two threads as with one', async () => {
    const copy = await copyOf(await readFile(join(DATA, 'edits/aaa-orig.jpg')));
    const two = await ModelSession.open({ ...spec, threads: 2, batch: 1 });
    expect(await two.embed([copy])).toEqual(await session.embed([copy]));
    await two.close();
  });

  it.each([
    ['f16', 1e-4],
    ['i8', 5e-3],
  ] as const)('stored as %s keeps every cosine within %f', async (precision, off) => {
    const names = (await readdir(join(DATA, 'photos'))).sort().slice(0, 12);
    const exact = await Promise.all(names.map((name) => vectorOfFile(join('photos', name))));
    const stored = exact.map((vector) => decodeVector(encodeVector(vector, precision), precision));
    for (const [at, one] of exact.entries()) {
      for (const [beside, other] of exact.entries()) {
        const difference = cosine(one, other) - cosine(stored[at] ?? one, stored[beside] ?? other);
        expect(Math.abs(difference), `${names[at]} ${names[beside]}`).toBeLessThan(off);
      }
    }
  });

  it('puts light edits of a photograph at 0.95 or more, and heavy ones far below', async () => {
    const original = await vectorOfFile('edits/aaa-orig.jpg');
    const similarity = async (name: string) => cosine(original, await vectorOfFile(`edits/${name}.jpg`));
    for (const name of [
      'bridge-1-original',
      'blur-a-little',
      'high-contrast',
      'sharpen-a-little',
      'shrink-a-little',
    ]) {
      expect(await similarity(name), name).toBeGreaterThanOrEqual(NEAR);
    }
    for (const name of ['high-saturation', 'sharpen-a-lot', 'blur-a-lot', 'square-512x512']) {
      const found = await similarity(name);
      expect(found, name).toBeGreaterThan(0.85);
      expect(found, name).toBeLessThan(NEAR);
    }
  });

  it('confirms none of the 258 pairs of garments that pHash takes for the same', async () => {
    const [, ...pairs] = (await readFile(join(DATA, 'clothing/phash-le10-pairs.csv'), 'utf8'))
      .trim()
      .split('\n');
    expect(pairs).toHaveLength(258);
    const found: number[] = [];
    for (const pair of pairs) {
      const [, a, b] = pair.split(',');
      found.push(cosine(await vectorOfFile(`clothing/${a}`), await vectorOfFile(`clothing/${b}`)));
    }
    expect(found.filter((similarity) => similarity >= NEAR)).toEqual([]);
    expect(found.filter((similarity) => similarity >= 0.9).length).toBeLessThanOrEqual(10);
  });

  it('puts a re-encode of a photograph at 0.95 or more', async () => {
    const names = (await readdir(join(DATA, 'photos'))).sort().slice(0, 20);
    for (const name of names) {
      const bytes = await readFile(join(DATA, 'photos', name));
      const copy = await sharp(bytes).jpeg({ quality: 70 }).toBuffer();
      expect(cosine(await vectorOf(bytes), await vectorOf(copy)), name).toBeGreaterThanOrEqual(NEAR);
    }
  });
});
