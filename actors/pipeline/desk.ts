// The dedup desk: claims contents in two rounds (DESIGN section 7). First every insert is made and acknowledged
// by its shard's journal, then every shard is queried: of two contents within reach the one whose insert
// finished last sees the other, whatever the interleaving. Candidates are measured here; what the measurements mean
// is decided at the cut.
import type { ActorSpec } from '#runtime';
import type { CandidatePair } from '../dedup/claim.ts';
import { cosine } from '../dedup/cosine.ts';
import { inversesOf } from '../dedup/dedup-engine.ts';
import { type IndexCallOptions, IndexClient } from '../dedup/index-client.ts';
import type { IndexShardMessage } from '../dedup/index-shard.ts';
import type { ContentKeys, IndexSpec } from '../dedup/index-spec.ts';
import { LocalIndex } from '../dedup/local-index.ts';
import { isRecorded } from '../dedup/relation.ts';
import type { Edge } from '../kinds/kind.ts';
import { round } from '../rules/judge.ts';
import { ContentLoader } from './content-loader.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { type DedupMessage, dedupMessageSchema, type ScoreMessage } from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';

export interface DeskOptions {
  readonly id: string;
  /** Paths of the index shards, in order. */
  readonly shards: readonly string[];
  readonly askTimeoutMs: number;
}

export function deskActor(ports: DatasetPorts, options: DeskOptions): ActorSpec<StageMessage> {
  const queued = queuedItem(ports.codec, dedupMessageSchema);
  return stageActor(ports, {
    stage: 'dedup',
    id: options.id,
    maxBatch: 32,
    prefetch: 64,
    identify: queued.identify,
    handler: (context) => {
      const { directory, peers } = ports.index;
      const shards = options.shards.map((path) => context.ref<IndexShardMessage>(path));
      const local = new LocalIndex({ shards, holds: () => directory.holds() });
      const spec = ports.kind.indexes(ports.config.dedup, ports.model.dimension);
      const index = new IndexClient({
        shards: shards.length,
        inverses: inversesOf(spec),
        directory,
        local,
        peers,
        clock: ports.clock,
      });
      const desk = new Desk(ports, index, spec);
      return (batch, signal, { limitFactor }) =>
        desk.claim(batch.map(queued.read), { signal, timeoutMs: options.askTimeoutMs * limitFactor });
    },
  });
}

class Desk {
  readonly #ports: DatasetPorts;
  readonly #index: IndexClient;
  readonly #spec: IndexSpec;

  constructor(ports: DatasetPorts, index: IndexClient, spec: IndexSpec) {
    this.#ports = ports;
    this.#index = index;
    this.#spec = spec;
  }

  async claim(items: readonly DedupMessage[], options: IndexCallOptions): Promise<readonly HopResult[]> {
    const load = new ContentLoader(this.#ports);
    const claimed = await this.#keysOf(items, load);
    await this.#index.insert(claimed, options);
    this.#ports.faults.reach('dedup.inserted');
    const edges = await this.#verify(await this.#index.query(claimed, options), load);
    return items.map((item) => {
      const message: ScoreMessage = { ...item, edges: edges.get(item.facts.content) ?? [] };
      return { effects: [{ stage: 'score' as const, sequence: item.sequence, message }] };
    });
  }

  /** What each content is found by, without those whose hashes mean nothing: they are neither inserted nor queried. */
  #keysOf(items: readonly DedupMessage[], load: ContentLoader): Promise<readonly ContentKeys[]> {
    const facts = new Map(items.map((item) => [item.facts.content, item.facts]));
    const meaning = [...facts.values()].filter(({ lowInformation }) => !lowInformation);
    return Promise.all(
      meaning.map(async ({ content, hashes }) => {
        const vector = this.#spec.vectors && (await load.vector(content));
        return { content, hashes, ...(vector !== undefined && { vector }) };
      }),
    );
  }

  /** Measures each pair, for both of its contents; what is far apart under any sensible threshold is not recorded. */
  async #verify(pairs: readonly CandidatePair[], load: ContentLoader): Promise<ReadonlyMap<string, Edge[]>> {
    const edges = new Map<string, Edge[]>();
    for (const pair of pairs) {
      const edge = await this.#measure(pair, load);
      if (!isRecorded(edge, this.#ports.config.dedup)) continue;
      for (const content of [edge.a, edge.b]) {
        const known = edges.get(content);
        if (known === undefined) edges.set(content, [edge]);
        else known.push(edge);
      }
    }
    return edges;
  }

  async #measure(pair: CandidatePair, load: ContentLoader): Promise<Edge> {
    const { a, b, distances } = pair;
    const [proxyA, proxyB] = await Promise.all([load.proxy(a), load.proxy(b)]);
    const { distance, algorithm, turned } = this.#ports.kind.verify(pair, proxyA, proxyB);
    const similarity = this.#comparesVectors
      ? cosine(...(await Promise.all([load.vector(a), load.vector(b)])))
      : null;
    return {
      a,
      b,
      hashes: distances,
      distance: round(distance),
      ...(turned !== undefined && { turned: { ...turned, distance: round(turned.distance) } }),
      algorithm,
      similarity,
    };
  }

  /** Vectors take part when the configuration gives them a threshold. */
  get #comparesVectors(): boolean {
    const { near, semantic } = this.#ports.config.dedup.vectors;
    return near !== null || semantic !== null;
  }
}
