// Deduplication in one process, without journals or queues: contents come in any order and batches, candidates are
// verified as they are found, and stars are formed when asked. For programs of one's own, tests and benchmarks; the
// pipeline runs the same claim over journaled shards.
import { type CandidatePair, type ClaimShard, claim, type Inverses } from './claim.ts';
import { IndexPart } from './index-part.ts';
import type { ContentKeys, IndexSpec } from './index-spec.ts';
import { shardOf } from './partition.ts';
import { formStars, type StarItem, type StarPlace, type StarRules } from './stars.ts';
import { type Measurement, type VerifiedEdge, VerifiedEdges, verifiedEdge } from './verified-edges.ts';

export interface DedupEngineOptions {
  readonly indexes: IndexSpec;
  /**
   * Measures a pair that an index proposed; undefined for two that no threshold would relate. It must be a pure and
   * symmetric function of the two contents.
   */
  verify(pair: CandidatePair): Measurement | undefined | Promise<Measurement | undefined>;
  /** Parts that the indexes are split into; default 1. Results do not depend on it. */
  readonly shards?: number;
}

export class DedupEngine {
  readonly #parts: readonly IndexPart[];
  readonly #shards: readonly ClaimShard[];
  readonly #inverses: Inverses;
  readonly #verify: DedupEngineOptions['verify'];
  readonly #edges = new VerifiedEdges();

  /** @throws RangeError when a radius, limit, dimension or the number of shards is outside its range. */
  constructor({ indexes, verify, shards = 1 }: DedupEngineOptions) {
    if (!Number.isInteger(shards) || shards < 1) {
      throw new RangeError(`expected a number of shards from 1, got ${shards}`);
    }
    this.#parts = Array.from({ length: shards }, () => new IndexPart(indexes));
    this.#shards = this.#parts.map((part) => ({
      insert: async (given) => part.insert(given),
      query: async (asked) => part.query(asked),
    }));
    this.#inverses = inversesOf(indexes);
    this.#verify = verify;
  }

  /** Bytes of memory that the indexes hold. */
  get indexBytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0);
  }

  /**
   * Claims contents and verifies what is found; again changes nothing. Calls may overlap.
   * @throws RangeError when a content, hash, key or vector is malformed, and whatever `verify` throws
   */
  async add(contents: readonly ContentKeys[]): Promise<void> {
    for (const pair of await claim(contents, this.#shards, this.#inverses)) {
      const measured = await this.#verify(pair);
      if (measured !== undefined) this.#edges.add(verifiedEdge(pair, measured));
    }
  }

  /**
   * Forgets contents: nothing finds them any more, and their pairs are gone.
   * @throws RangeError when a content is malformed
   */
  remove(contents: readonly string[]): void {
    for (const part of this.#parts) part.remove(contents);
    this.#edges.remove(new Set(contents));
  }

  /** The verified edges that count, sorted by content. */
  edges(): readonly VerifiedEdge[] {
    return this.#edges.counting(
      (key) => this.#parts[shardOf(key, this.#parts.length)]?.bucket(key) === 'hot',
    );
  }

  /** Places items by the edges there are now. */
  stars<R extends string>(
    items: readonly StarItem[],
    rules: StarRules<R, VerifiedEdge>,
  ): ReadonlyMap<string, StarPlace<R, VerifiedEdge>> {
    return formStars(items, this.edges(), rules);
  }
}

/** The inverses of all variants in a spec, as `claim` takes them. */
export function inversesOf({ hashes = {} }: IndexSpec): Inverses {
  return Object.assign({}, ...Object.values(hashes).map(({ variants }) => variants?.inverse ?? {}));
}
