// Two collections with hard negatives: CIFAR's pairs that people judged, and product photographs, nearly all of
// different garments.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VectorIndex } from '../../actors/dedup/index.ts';
import { relationOf } from '../../actors/dedup/relation.ts';
import { comparePixels } from '../../actors/image/index.ts';
import { editedPhoto } from '../../cli/calibrate/picture-edits.ts';
import type { BenchOptions, Metric, Metrics } from '../contract.ts';
import { imageEdges, THRESHOLDS } from './photo-quality.ts';
import type { ModelName, PictureFacts, PictureReader } from './picture-facts.ts';
import { pairName, share } from './scores.ts';

const MODELS: readonly ModelName[] = ['tiny', 'squeezenet'];
/** Of all pairs that nobody judged to be near. */
const FALSE_PAIR_RATE = 1e-4;
/** What a whole picture's difference in pixels takes off the cosine. */
const PIXEL_WEIGHT = 0.2;
/** No threshold lies below. */
const LEAST_COSINE = 0.7;
const PLANTED = 20;

/**
 * Recall of the judged pairs at the threshold that one in 10,000 other pairs reaches: by cosine alone, and by cosine and
 * pixels together, both of which the engine measures.
 */
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
    const ranked = rankedPairs(pictures, judged, model);
    const alone = recallAt(ranked, allowed, ({ similarity }) => similarity);
    const together = recallAt(ranked, allowed, ({ similarity, one, other }) => {
      const { distance } = comparePixels(one.proxy, other.proxy);
      return similarity - PIXEL_WEIGHT * distance;
    });
    note(
      `cifar, ${model}: of ${judged.size} judged pairs ${alone} by cosine and ${together} by cosine and pixels, above ${allowed} of ${pairs} others`,
    );
    metrics[`quality.${model}.cifar.recall_fpr1e4`] = share(together, judged.size);
    metrics[`quality.${model}.cifar.recall_fpr1e4_cosine`] = share(alone, judged.size);
  }
  return metrics;
}

interface RankedPair {
  readonly one: PictureFacts;
  readonly other: PictureFacts;
  readonly similarity: number;
  readonly isJudged: boolean;
}

/** All pairs of at least that cosine, the highest first. */
function rankedPairs(
  pictures: readonly Named[],
  judged: ReadonlySet<string>,
  model: ModelName,
): readonly RankedPair[] {
  const vectors = pictures.map(({ facts }) => facts.vectors[model] as Float32Array);
  const index = new VectorIndex(vectors[0]?.length ?? 1);
  for (const [at, vector] of vectors.entries()) index.insert(vector, at);
  const ranked: RankedPair[] = [];
  for (const [at, matches] of index.query(vectors, LEAST_COSINE).entries()) {
    const one = pictures[at] as Named;
    for (const { value, similarity } of matches) {
      if (value <= at) continue;
      const other = pictures[value] as Named;
      const isJudged = judged.has(pairName(one.name, other.name));
      ranked.push({ one: one.facts, other: other.facts, similarity, isJudged });
    }
  }
  return ranked.sort((a, b) => b.similarity - a.similarity);
}

/**
 * Judged pairs that score above all but `allowed` of the others. A score is at most the cosine, so that pairs whose
 * cosine is no longer above the threshold need not be scored.
 */
function recallAt(
  ranked: readonly RankedPair[],
  allowed: number,
  score: (pair: RankedPair) => number,
): number {
  const near: number[] = [];
  let best: number[] = [];
  for (const [at, pair] of ranked.entries()) {
    if (at % 500 === 0) {
      best = best.sort((a, b) => b - a).slice(0, allowed + 1);
      if (pair.similarity <= (best[allowed] ?? -1)) break;
    }
    (pair.isJudged ? near : best).push(score(pair));
  }
  const threshold = best.sort((a, b) => b - a)[allowed] ?? -1;
  if (threshold < LEAST_COSINE)
    throw new Error(`expected a threshold of at least ${LEAST_COSINE}, got ${threshold}`);
  return near.filter((value) => value > threshold).length;
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
        .filter((edge) => relationOf(edge, THRESHOLDS[model]) === relation)
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
