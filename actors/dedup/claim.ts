// A claim: two rounds over the shards of a dataset (DESIGN section 7). First every insert is made and its durability
// awaited, then every shard is asked: of two contents within reach, the one whose inserts finished last sees the other,
// whatever the interleaving. The plans are pure; `claim` runs them over shards wherever they are.
import type {
  ContentKeys,
  ShardFinds,
  ShardInsert,
  ShardQuery,
  SlicedContent,
  SliceFind,
} from './index-spec.ts';
import { shardOf } from './partition.ts';

/** A shard as a claim sees it. */
export interface ClaimShard {
  /** Resolves once what is given cannot be lost any more. */
  insert(part: ShardInsert): Promise<void>;
  query(part: ShardQuery): Promise<ShardFinds>;
}

/** Two contents that an index found within reach of each other; `a` < `b`, equal whichever of them asked. */
export interface CandidatePair {
  readonly a: string;
  readonly b: string;
  /** Bits by family, and by variant (how `a` becomes `b`). */
  readonly distances: Readonly<Record<string, number>>;
  /** Cosine, where vectors found the pair. */
  readonly similarity: number | null;
  /** Keys that both have and that were not hot when asked; sorted. */
  readonly keys: readonly string[];
}

/** Name of each variant of each hash family, and of the one that leads back. */
export type Inverses = Readonly<Record<string, string>>;

/**
 * Claims contents, each of them once.
 * @param inverses Of all variants that the shards' indexes have.
 * @returns every pair of a claimed content with any content claimed before, or in this claim; in no particular order
 * @throws whatever a shard throws; a claim may be made again as often as one likes
 */
export async function claim(
  contents: readonly ContentKeys[],
  shards: readonly ClaimShard[],
  inverses: Inverses = {},
): Promise<readonly CandidatePair[]> {
  const distinct = [...new Map(contents.map((each) => [each.content, each])).values()];
  const inserts = planInserts(distinct, shards.length);
  await Promise.all([...inserts].map(([shard, part]) => shardAt(shards, shard).insert(part)));
  const queries = planQueries(distinct, shards.length);
  const finds = await Promise.all(
    [...queries].map(async ([shard, query]) => ({
      query,
      finds: await shardAt(shards, shard).query(query),
    })),
  );
  return mergeFinds(distinct, finds, inverses);
}

/** Round one: slices go to the content's shard, each key to its own. Shards that get nothing are left out. */
export function planInserts(
  contents: readonly ContentKeys[],
  shards: number,
): ReadonlyMap<number, ShardInsert> {
  const plan = new Map<number, { slices: SlicedContent[]; keys: { key: string; content: string }[] }>();
  const part = (shard: number) => entryOf(plan, shard, () => ({ slices: [], keys: [] }));
  for (const { keys = [], ...slice } of contents) {
    if (isSliced(slice)) part(shardOf(slice.content, shards)).slices.push(slice);
    for (const key of new Set(keys)) part(shardOf(key, shards)).keys.push({ key, content: slice.content });
  }
  return plan;
}

/** Round two: slices are asked of all shards, each key of its own. */
export function planQueries(
  contents: readonly ContentKeys[],
  shards: number,
): ReadonlyMap<number, ShardQuery> {
  const slices = contents.map(({ keys: _, ...slice }) => slice).filter(isSliced);
  const plan = new Map<number, { slices: readonly SlicedContent[]; keys: string[] }>();
  const part = (shard: number) => entryOf(plan, shard, () => ({ slices, keys: [] }));
  if (slices.length > 0) for (let shard = 0; shard < shards; shard += 1) part(shard);
  for (const key of new Set(contents.flatMap(({ keys = [] }) => keys)))
    part(shardOf(key, shards)).keys.push(key);
  return plan;
}

/** Puts the shards' answers together: one pair for each two contents, however many indexes found them. */
export function mergeFinds(
  contents: readonly ContentKeys[],
  answers: readonly { readonly query: ShardQuery; readonly finds: ShardFinds }[],
  inverses: Inverses = {},
): readonly CandidatePair[] {
  const pairs = new PairSet();
  const buckets = new Map<string, readonly string[] | 'hot'>();
  for (const { query, finds } of answers) {
    for (const [at, { content }] of query.slices.entries()) {
      for (const find of finds.slices[at] ?? []) pairs.add(sighted(content, find, inverses));
    }
    for (const [at, key] of query.keys.entries()) buckets.set(key, finds.buckets[at] ?? []);
  }
  for (const { content, keys = [] } of contents) {
    for (const key of keys) {
      const bucket = buckets.get(key) ?? [];
      for (const other of bucket === 'hot' ? [] : bucket) {
        if (other !== content) pairs.add(paired(content, other, {}, null, [key]));
      }
    }
  }
  return pairs.values();
}

/** Pairs as a set: what is added again is merged, and the order of adding does not show in any pair. */
export class PairSet {
  readonly #pairs = new Map<string, CandidatePair>();

  add(pair: CandidatePair): void {
    const name = pair.a + pair.b;
    const known = this.#pairs.get(name);
    this.#pairs.set(name, known === undefined ? pair : merged(known, pair));
  }

  values(): readonly CandidatePair[] {
    return [...this.#pairs.values()];
  }
}

function merged(one: CandidatePair, other: CandidatePair): CandidatePair {
  return {
    a: one.a,
    b: one.b,
    distances: sortedByName({ ...one.distances, ...other.distances }),
    similarity: one.similarity ?? other.similarity,
    keys: [...new Set([...one.keys, ...other.keys])].sort(),
  };
}

/** What a content sees, told from the side of the lesser of the two. */
function sighted(content: string, { content: other, distances, similarity }: SliceFind, inverses: Inverses) {
  if (content < other) return paired(content, other, distances, similarity, []);
  const turned = Object.entries(distances).map(([name, distance]) => [inverses[name] ?? name, distance]);
  return paired(content, other, Object.fromEntries(turned), similarity, []);
}

function paired(
  one: string,
  other: string,
  distances: Readonly<Record<string, number>>,
  similarity: number | null,
  keys: readonly string[],
): CandidatePair {
  const [a, b] = one < other ? [one, other] : [other, one];
  return { a, b, distances: sortedByName(distances), similarity, keys };
}

function sortedByName(distances: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(distances).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isSliced({ hashes, vector }: SlicedContent): boolean {
  return hashes !== undefined || vector !== undefined;
}

function entryOf<T>(map: Map<number, T>, at: number, make: () => T): T {
  const known = map.get(at);
  if (known !== undefined) return known;
  const made = make();
  map.set(at, made);
  return made;
}

function shardAt(shards: readonly ClaimShard[], at: number): ClaimShard {
  const shard = shards[at];
  if (shard === undefined) throw new RangeError(`expected a shard below ${shards.length}, got ${at}`);
  return shard;
}
