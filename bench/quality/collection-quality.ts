// Two collections with hard negatives: CIFAR's pairs that people judged, and product photographs, nearly all of
// different garments.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VectorIndex } from '../../actors/dedup/index.ts';
import { imageRelationOf } from '../../actors/image/image-dedup.ts';
import type { BenchOptions, Metric, Metrics } from '../contract.ts';
import { imageEdges, THRESHOLDS } from './photo-quality.ts';
import { editedPhoto } from './picture-edits.ts';
import type { ModelName, PictureFacts, PictureReader } from './picture-facts.ts';
import { pairName, share } from './scores.ts';

const MODELS: readonly ModelName[] = ['tiny', 'squeezenet'];
/** Of all pairs that nobody judged to be near. */
const FALSE_PAIR_RATE = 1e-4;
const PLANTED = 20;

/** Recall of the judged pairs by cosine, at the threshold that one in 10,000 other pairs reaches. */
export async function cifarQuality(
  reader: PictureReader,
  data: string,
  { note }: BenchOptions,
): Promise<Metrics> {
  const folder = join(data, 'cifar');
  const lines = (await readFile(join(folder, 'near-duplicate-pairs.csv'), 'utf8'))
    .trim()
    .split('\n')
    .slice(1);
  const judged = new Set(lines.map((line) => pairName(line.split(',')[0] ?? '', line.split(',')[1] ?? '')));
  const pictures = await readFolder(reader, folder);
  const metrics: Record<string, Metric> = {};
  const pairs = (pictures.length * (pictures.length - 1)) / 2 - judged.size;
  const allowed = Math.floor(pairs * FALSE_PAIR_RATE);
  for (const model of MODELS) {
    const { right, threshold } = recallAt(pictures, judged, model, allowed);
    note(
      `cifar, ${model}: ${right} of ${judged.size} judged pairs above ${allowed} of ${pairs} others, cosine ${threshold}`,
    );
    metrics[`quality.${model}.cifar.recall_fpr1e4`] = share(right, judged.size);
  }
  return metrics;
}

function recallAt(
  pictures: readonly Named[],
  judged: ReadonlySet<string>,
  model: ModelName,
  allowed: number,
): { readonly right: number; readonly threshold: number } {
  const vectors = pictures.map(({ facts }) => facts.vectors[model] as Float32Array);
  const index = new VectorIndex(vectors[0]?.length ?? 1);
  for (const [at, vector] of vectors.entries()) index.insert(vector, at);
  const others: number[] = [];
  const near: number[] = [];
  for (const [at, matches] of index.query(vectors, 0.5).entries()) {
    for (const { value, similarity } of matches) {
      if (value <= at) continue;
      const isJudged = judged.has(pairName(pictures[at]?.name ?? '', pictures[value]?.name ?? ''));
      (isJudged ? near : others).push(similarity);
    }
  }
  const threshold =
    Float64Array.from(others)
      .sort()
      .at(-1 - allowed) ?? -1;
  return { right: near.filter((similarity) => similarity > threshold).length, threshold };
}

/** Near pairs among product photographs of which 20 are planted re-encodes. */
export async function clothingQuality(
  reader: PictureReader,
  data: string,
  { note }: BenchOptions,
): Promise<Metrics> {
  const products = await readFolder(reader, join(data, 'clothing'));
  const planted: Named[] = [];
  for (const { path, name } of products.slice(0, PLANTED)) {
    const bytes = await editedPhoto(await readFile(path), 'reencode');
    planted.push({ path, name: `${name} again`, facts: await reader.read(bytes) });
  }
  const all = [...products, ...planted];
  const nameOf = new Map(all.map(({ name, facts }) => [facts.content, name]));
  const metrics: Record<string, Metric> = {};
  for (const model of MODELS) {
    const edges = await imageEdges(
      all.map(({ facts }) => facts),
      model,
      THRESHOLDS[model],
    );
    const pairs = (relation: string) =>
      edges
        .filter((edge) => imageRelationOf(edge, THRESHOLDS[model]) === relation)
        .map(({ a, b }) => pairName(nameOf.get(a) ?? '', nameOf.get(b) ?? ''));
    const near = new Set(pairs('near'));
    const found = planted.filter(({ name }) =>
      near.delete(pairName(name, name.replace(/ again$/, ''))),
    ).length;
    note(
      `clothing, ${model}: ${found} of ${PLANTED} planted; ${near.size} other near pairs, ${pairs('transformed').length} transformed, ${pairs('semantic').length} semantic, ${pairs('uncertain').length} for a person`,
    );
    metrics[`quality.${model}.clothing.near_pairs`] = { value: near.size, unit: 'pairs besides the planted' };
    metrics[`quality.${model}.clothing.planted_recall`] = share(found, PLANTED);
  }
  return metrics;
}

interface Named {
  readonly path: string;
  /** Path below its folder. */
  readonly name: string;
  readonly facts: PictureFacts;
}

async function readFolder(reader: PictureReader, folder: string): Promise<readonly Named[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.jpe?g$/i.test(name)).sort();
  const pictures: Named[] = [];
  for (const name of names) {
    const path = join(folder, name);
    pictures.push({ path, name, facts: await reader.read(await readFile(path)) });
  }
  return pictures;
}
