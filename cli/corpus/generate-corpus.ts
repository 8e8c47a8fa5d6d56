// Generates a corpus of images with planted truth: distinct scenes, copies of five sorts, flat images, corrupt files
// and items of a refused source. The same seed gives the same bytes, so two runs can be compared.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { type ImageFormat, type PlannedItem, planCorpus } from './corpus-plan.ts';
import { type RawImage, renderFlat, renderScene } from './scene.ts';
import { SeededRandom } from './seeded-random.ts';
import { type CorpusItem, type CorpusTruth, TRUTHS } from './truth.ts';

/** Images encoded at the same time; drawing happens on this thread meanwhile. */
const PARALLEL = 6;

/**
 * Writes a corpus into `directory` (made if absent; files of the same names are replaced).
 * @param options.count Items, at least 20; default 600.
 * @param options.seed Default 1.
 * @param options.onProgress Told after each file.
 */
export async function generateCorpus(options: {
  readonly directory: string;
  readonly count?: number;
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}): Promise<CorpusTruth> {
  const { count = 600, seed = 1, onProgress, signal } = options;
  const directory = resolve(options.directory);
  const plan = planCorpus(count, seed);
  const scenes = plan.filter((item) => item.truth === 'scene');
  const copies = plan.filter((item) => item.ofScene !== undefined);
  const others = plan.filter((item) => item.truth !== 'scene' && item.ofScene === undefined);
  for (const folder of new Set(plan.map((item) => dirname(join(directory, item.id))))) {
    await mkdir(folder, { recursive: true });
  }

  let done = 0;
  const write = async (item: PlannedItem, bytes: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    await writeFile(join(directory, item.id), bytes);
    done += 1;
    onProgress?.(done, plan.length);
  };
  const copiesOf = Map.groupBy(copies, (copy) => copy.ofScene ?? 0);
  await forEachParallel(scenes, async (item) => {
    const original = await encode(fromRaw(renderScene(seed, 1, item.index)), item.format, 90);
    await write(item, original);
    for (const copy of copiesOf.get(item.index) ?? [])
      await write(copy, await makeCopy(original, copy, seed));
  });
  await forEachParallel(others, async (item) => write(item, await makeOther(item, seed)));

  const sceneIds = scenes.map((item) => item.id);
  const items = plan.map((item): CorpusItem => {
    const { id, source, truth, ofScene } = item;
    const of = ofScene === undefined ? undefined : sceneIds[ofScene];
    return { id, path: join(directory, id), source, truth, ...(of === undefined ? {} : { of }) };
  });
  return { seed, items: new SeededRandom(seed, 4).shuffled(items) };
}

/** The bytes of a copy, made from the encoded scene as a user would. */
async function makeCopy(original: Uint8Array, copy: PlannedItem, seed: number): Promise<Uint8Array> {
  const random = new SeededRandom(seed, 2, TRUTHS.indexOf(copy.truth), copy.index);
  const image = sharp(original);
  const { width = 0, height = 0 } = await image.metadata();
  switch (copy.truth) {
    case 'exact':
      return original;
    case 'reencode':
      return await encode(image, 'jpeg', random.wholeBetween(35, 85));
    case 'resize': {
      const factor = random.between(0.4, 0.8);
      return await encode(image.resize(Math.round(width * factor)), copy.format, 85);
    }
    case 'crop2':
      return await encode(image.extract(cropOf(width, height, 0.02, random)), copy.format, 90);
    case 'crop5':
      return await encode(image.extract(cropOf(width, height, 0.05, random)), copy.format, 90);
    default:
      throw new TypeError(`${copy.id} is a ${copy.truth}, which is no copy`);
  }
}

/** A region that leaves out `share` of the width and of the height, more on one side than on the other. */
function cropOf(width: number, height: number, share: number, random: SeededRandom) {
  const cutX = Math.max(1, Math.round(width * share));
  const cutY = Math.max(1, Math.round(height * share));
  return {
    left: random.wholeBetween(0, cutX),
    top: random.wholeBetween(0, cutY),
    width: width - cutX,
    height: height - cutY,
  };
}

async function makeOther(item: PlannedItem, seed: number): Promise<Uint8Array> {
  if (item.truth === 'flat') return await encode(fromRaw(renderFlat(seed, 3, item.index)), item.format, 90);
  const scene = await encode(
    fromRaw(renderScene(seed, 5, TRUTHS.indexOf(item.truth), item.index)),
    item.format,
    90,
  );
  return item.truth === 'corrupt' ? damage(scene, item.index, new SeededRandom(seed, 6, item.index)) : scene;
}

/** Of seven corrupt files four are truncated, two are garbage and one is empty. */
function damage(jpeg: Uint8Array, index: number, random: SeededRandom): Uint8Array {
  const sort = index % 7;
  if (sort === 6) return new Uint8Array();
  if (sort >= 4) {
    return Uint8Array.from({ length: random.wholeBetween(500, 20_000) }, () => random.nextUint32() & 0xff);
  }
  return jpeg.subarray(0, Math.floor(jpeg.length * random.between(0.3, 0.8)));
}

function fromRaw({ width, height, data }: RawImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function encode(image: Sharp, format: ImageFormat, quality: number): Promise<Uint8Array> {
  switch (format) {
    case 'jpeg':
      return await image.jpeg({ quality }).toBuffer();
    case 'png':
      return await image.png({ compressionLevel: 6 }).toBuffer();
    case 'webp':
      return await image.webp({ quality, effort: 2 }).toBuffer();
  }
}

/** Runs `task` for every entry, a few at a time. */
async function forEachParallel<T>(entries: readonly T[], task: (entry: T) => Promise<void>): Promise<void> {
  const queue = entries.values();
  const run = async (): Promise<void> => {
    for (const entry of queue) await task(entry);
  };
  await Promise.all(Array.from({ length: PARALLEL }, run));
}
