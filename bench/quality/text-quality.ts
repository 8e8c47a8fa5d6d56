// Precision and recall on planted pairs of news articles: as they are, and with a tenth of the words of one of each pair
// replaced by others of the collection.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BandSpec,
  bandKeys,
  DEFAULT_BANDS,
  DedupEngine,
  jaccard,
  shinglesOf,
} from '../../actors/dedup/index.ts';
import { SeededRandom } from '../../cli/corpus/seeded-random.ts';
import type { Metrics } from '../contract.ts';
import { type Found, f1Of, pairName } from './scores.ts';

/** Fixed beforehand: pairs that share half of their word 5-grams are near. */
const NEAR = 0.5;
/** With a tenth of the words changed a pair keeps 0.9^5 of its 5-grams, a Jaccard similarity of about 0.42. */
const CHANGED_NEAR = 0.3;
const CHANGED_BANDS: BandSpec = { bands: 40, rows: 2 };
const CHANGED_SHARE = 0.1;
/** Articles beside the planted pairs of which a changed copy is made. */
const CHANGED_COPIES = 490;
const KEY_LIMIT = 200;

interface Article {
  readonly id: string;
  readonly text: string;
}

export async function textQuality(data: string, note: (line: string) => void): Promise<Metrics> {
  const articles = await readArticles(join(data, 'text', 'articles_1000.txt'));
  const planted = await readPairs(join(data, 'text', 'articles_1000.truth'));
  const plain = { found: await pairsOf(articles, DEFAULT_BANDS, NEAR), truth: pairSet(planted) };
  const changed = changedArticles(articles, planted);
  const widely = {
    found: await pairsOf(changed.articles, CHANGED_BANDS, CHANGED_NEAR),
    truth: changed.truth,
  };
  const byDefault = { found: await pairsOf(changed.articles, DEFAULT_BANDS, NEAR), truth: changed.truth };
  tell(note, 'text, 14 × 8 bands, Jaccard at least 0.5', plain);
  tell(note, 'text with 10 % of the words changed, 40 × 2 bands, at least 0.3', widely);
  tell(note, 'text with 10 % of the words changed, 14 × 8 bands, at least 0.5', byDefault);
  return {
    'quality.text.f1': f1Of(plain),
    'quality.text_perturbed.f1': f1Of(widely),
    'quality.text_perturbed_default.f1': f1Of(byDefault),
  };
}

function tell(note: (line: string) => void, what: string, { found, truth }: Found): void {
  const right = [...found].filter((pair) => truth.has(pair)).length;
  note(`${what}: ${right} of ${truth.size} planted pairs and ${found.size - right} others`);
}

async function pairsOf(
  articles: readonly Article[],
  bands: BandSpec,
  near: number,
): Promise<ReadonlySet<string>> {
  const byContent = new Map(
    articles.map(({ id, text }) => {
      const content = createHash('sha256').update(text).digest('hex');
      return [content, { id, shingles: shinglesOf(text) }] as const;
    }),
  );
  const engine = new DedupEngine({
    indexes: { keys: { limit: KEY_LIMIT } },
    shards: 4,
    verify: ({ a, b }) => {
      const similarity = jaccard(
        byContent.get(a)?.shingles ?? new Set(),
        byContent.get(b)?.shingles ?? new Set(),
      );
      return { distance: 1 - similarity, algorithm: 'jaccard-words5@1', similarity: null };
    },
  });
  await engine.add(
    [...byContent].map(([content, { shingles }]) => ({ content, keys: bandKeys(shingles, 'bench', bands) })),
  );
  const close = engine.edges().filter(({ distance }) => 1 - distance >= near);
  return new Set(close.map(({ a, b }) => pairName(byContent.get(a)?.id ?? '', byContent.get(b)?.id ?? '')));
}

/** One of each planted pair is changed, and of other articles a changed copy is added. */
function changedArticles(
  articles: readonly Article[],
  planted: readonly (readonly [string, string])[],
): { readonly articles: readonly Article[]; readonly truth: ReadonlySet<string> } {
  const random = new SeededRandom(1, 10);
  const vocabulary = articles.flatMap(({ text }) => text.split(' '));
  const change = (text: string) =>
    text
      .split(' ')
      .map((word) =>
        random.next() < CHANGED_SHARE
          ? (vocabulary[random.wholeBetween(0, vocabulary.length - 1)] as string)
          : word,
      )
      .join(' ');
  const paired = new Set(planted.flat());
  const second = new Set(planted.map(([, other]) => other));
  const copied = articles.filter(({ id }) => !paired.has(id)).slice(0, CHANGED_COPIES);
  return {
    articles: [
      ...articles.map(({ id, text }) => ({ id, text: second.has(id) ? change(text) : text })),
      ...copied.map(({ id, text }) => ({ id: `${id} changed`, text: change(text) })),
    ],
    truth: new Set([...pairSet(planted), ...copied.map(({ id }) => pairName(id, `${id} changed`))]),
  };
}

function pairSet(pairs: readonly (readonly [string, string])[]): ReadonlySet<string> {
  return new Set(pairs.map(([one, other]) => pairName(one, other)));
}

async function readArticles(path: string): Promise<readonly Article[]> {
  return (await readLines(path)).map((line) => {
    const space = line.indexOf(' ');
    return { id: line.slice(0, space), text: line.slice(space + 1) };
  });
}

async function readPairs(path: string): Promise<readonly (readonly [string, string])[]> {
  return (await readLines(path)).map((line) => line.split(' ') as [string, string]);
}

async function readLines(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim() !== '');
}
