// The generated corpus on disk: the same bytes for the same seed, copies that are copies, corrupt files that are.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorpusItem, type CorpusTruth, generateCorpus, type Truth } from '../../cli/corpus/index.ts';

const COUNT = 60;
let folder = '';
let first: CorpusTruth;
let second: CorpusTruth;
let otherSeed: CorpusTruth;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'troupe-corpus-'));
  first = await generateCorpus({ directory: join(folder, 'first'), count: COUNT, seed: 7 });
  second = await generateCorpus({ directory: join(folder, 'second'), count: COUNT, seed: 7 });
  otherSeed = await generateCorpus({ directory: join(folder, 'other'), count: 20, seed: 8 });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const sha256 = async (item: CorpusItem): Promise<string> =>
  createHash('sha256')
    .update(await readFile(item.path))
    .digest('hex');

const contents = async (corpus: CorpusTruth): Promise<readonly string[]> =>
  await Promise.all(corpus.items.map(async (item) => `${item.id} ${await sha256(item)}`));

const itemsOf = (truth: Truth): readonly CorpusItem[] => first.items.filter((item) => item.truth === truth);

function originalOf(copy: CorpusItem): CorpusItem {
  const original = first.items.find((item) => item.id === copy.of);
  if (original === undefined) throw new Error(`${copy.id} has no original`);
  return original;
}

const sizeOf = async (item: CorpusItem) => {
  const { width = 0, height = 0 } = await sharp(item.path).metadata();
  return { width, height };
};

/** Mean absolute difference of the grey values at 64 by 64 pixels, 0 to 1. */
async function distance(a: CorpusItem, b: CorpusItem): Promise<number> {
  const [left, right] = await Promise.all(
    [a, b].map(({ path }) => sharp(path).greyscale().resize(64, 64, { fit: 'fill' }).raw().toBuffer()),
  );
  if (left === undefined || right === undefined) throw new Error('not decoded');
  return left.reduce((sum, grey, at) => sum + Math.abs(grey - (right[at] ?? 0)), 0) / left.length / 255;
}

describe('the generated corpus', () => {
  it('has the same bytes for the same seed, and others for another', async () => {
    expect(await contents(second)).toEqual(await contents(first));
    const other = new Set(await contents(otherSeed));
    const empty = createHash('sha256').digest('hex');
    expect((await contents(first)).filter((entry) => other.has(entry) && !entry.endsWith(empty))).toEqual([]);
  });

  it('has exact copies with the bytes of their originals', async () => {
    const copies = itemsOf('exact');
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) expect(await sha256(copy)).toBe(await sha256(originalOf(copy)));
  });

  it('has other copies with other bytes that look like their originals', async () => {
    const copies = (['reencode', 'resize', 'crop2', 'crop5'] as const).flatMap(itemsOf);
    for (const copy of copies) {
      expect(await sha256(copy)).not.toBe(await sha256(originalOf(copy)));
      expect(await distance(copy, originalOf(copy)), copy.id).toBeLessThan(0.1);
    }
    for (const copy of itemsOf('resize')) {
      const share = (await sizeOf(copy)).width / (await sizeOf(originalOf(copy))).width;
      expect(share).toBeGreaterThan(0.39);
      expect(share).toBeLessThan(0.81);
    }
  });

  it('has scenes that differ clearly from each other', async () => {
    const scenes = itemsOf('scene').slice(0, 12);
    for (const [index, scene] of scenes.entries()) {
      for (const other of scenes.slice(0, index)) {
        expect(await distance(scene, other), `${scene.id} and ${other.id}`).toBeGreaterThan(0.1);
      }
    }
  });

  it('has flat images without detail', async () => {
    for (const flat of itemsOf('flat')) {
      const { channels } = await sharp(flat.path).stats();
      for (const channel of channels) expect(channel.max - channel.min).toBeLessThanOrEqual(6);
    }
  });

  it('has corrupt files that cannot be decoded', async () => {
    for (const item of itemsOf('corrupt')) {
      await expect(sharp(item.path).raw().toBuffer(), item.id).rejects.toThrow();
    }
  });

  it('has decodable items of the refused source', async () => {
    const refused = itemsOf('refused');
    expect(refused.every((item) => item.source === 'banned-feed')).toBe(true);
    for (const item of refused) expect((await sizeOf(item)).width).toBeGreaterThan(300);
  });
});
