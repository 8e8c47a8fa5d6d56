// Claims contents in one generation of the index, in two rounds (DESIGN section 7): first every insert is made and
// acknowledged by its shard's journal, then every shard is queried: of two contents within reach the one whose insert
// finished last sees the other, whatever the interleaving. Candidates are measured here; what the measurements mean is
// decided at the cut.
import type { ActorContext } from '#runtime';
import type { CandidatePair } from '../dedup/claim.ts';
import { inversesOf } from '../dedup/dedup-engine.ts';
import { type IndexCallOptions, IndexClient } from '../dedup/index-client.ts';
import type { IndexShardMessage } from '../dedup/index-shard.ts';
import type { ContentKeys, IndexSpec } from '../dedup/index-spec.ts';
import { LocalIndex } from '../dedup/local-index.ts';
import { comparesVectors, isRecorded, relationOf } from '../dedup/relation.ts';
import type { ContentFacts, Edge } from '../kinds/kind.ts';
import { edgesAgainst } from './against.ts';
import { ContentLoader } from './content-loader.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { measuredEdge } from './measured-edge.ts';

/** The edges that each content was found to have; contents without any may be absent. */
export type FoundEdges = ReadonlyMap<string, readonly Edge[]>;

/** Pairs whose proxies are read while others are measured. */
const READ_AHEAD = 16;

export class ContentClaims {
  readonly #ports: DatasetPorts;
  readonly #index: IndexClient;
  readonly #spec: IndexSpec;

  /** @param paths Paths of the generation's index shards, in order. */
  constructor(ports: DatasetPorts, context: Pick<ActorContext<never>, 'ref'>, paths: readonly string[]) {
    const { directory, peers } = ports.index;
    const { base } = ports.generation;
    const refs = paths.map((path) => context.ref<IndexShardMessage>(path));
    const shard = (number: number) => {
      const ref = refs[number - base];
      if (ref === undefined) throw new RangeError(`shard ${number} is none of generation ${base}`);
      return ref;
    };
    this.#ports = ports;
    this.#spec = ports.kind.indexes(ports.config.dedup, ports.model.dimension);
    this.#index = new IndexClient({
      shards: paths.map((_, at) => base + at),
      inverses: inversesOf(this.#spec),
      directory,
      local: new LocalIndex({ shard, holds: () => directory.holds() }),
      peers,
      clock: ports.clock,
    });
  }

  /**
   * Claims contents; again changes nothing.
   * @param contents The same one may be among them more than once.
   * @throws PassingFailure `proxy_missing`, `shard_unavailable`; the signal's reason
   */
  async claim(contents: readonly ContentFacts[], options: IndexCallOptions): Promise<FoundEdges> {
    const load = new ContentLoader(this.#ports);
    const claimed = await this.#keysOf(contents, load);
    await this.#index.insert(claimed, options);
    this.#ports.faults.reach('dedup.inserted');
    const found = await this.#verify(await this.#index.query(claimed, options), load);
    for (const edge of await edgesAgainst(this.#ports, contents, claimed, load, options)) place(found, edge);
    return found;
  }

  /** What each content is found by, without those whose hashes mean nothing: they are neither inserted nor queried. */
  #keysOf(contents: readonly ContentFacts[], load: ContentLoader): Promise<readonly ContentKeys[]> {
    const distinct = new Map(contents.map((facts) => [facts.content, facts]));
    const meaning = [...distinct.values()].filter(({ lowInformation }) => !lowInformation);
    return Promise.all(
      meaning.map(async ({ content, hashes }) => {
        const vector = this.#spec.vectors && (await load.vector(content));
        return { content, hashes, ...(vector !== undefined && { vector }) };
      }),
    );
  }

  /** Measures each pair, for both of its contents; what is far apart under any sensible threshold is not recorded. */
  async #verify(pairs: readonly CandidatePair[], load: ContentLoader): Promise<Map<string, Edge[]>> {
    const edges = new Map<string, Edge[]>();
    for (const { a, b } of pairs.slice(0, READ_AHEAD)) load.ahead(a, b);
    for (const [at, pair] of pairs.entries()) {
      const next = pairs[at + READ_AHEAD];
      if (next !== undefined) load.ahead(next.a, next.b);
      const edge = await this.#measure(pair, load);
      const { config, meter } = this.#ports;
      if (!isRecorded(edge, config.dedup)) continue;
      const relation = relationOf(edge, config.dedup);
      if (relation !== undefined) meter.related(relation);
      place(edges, edge);
    }
    return edges;
  }

  async #measure(pair: CandidatePair, load: ContentLoader): Promise<Edge> {
    const { a, b } = pair;
    const [proxyA, proxyB] = await Promise.all([load.proxy(a), load.proxy(b)]);
    const comparison = this.#ports.kind.verify(pair, proxyA, proxyB);
    const vectors = comparesVectors(this.#ports.config.dedup)
      ? await Promise.all([load.vector(a), load.vector(b)])
      : undefined;
    return measuredEdge(pair, comparison, vectors);
  }
}

/** Under each of its contents. */
function place(edges: Map<string, Edge[]>, edge: Edge): void {
  for (const content of new Set([edge.a, edge.b])) {
    const known = edges.get(content);
    if (known === undefined) edges.set(content, [edge]);
    else known.push(edge);
  }
}
