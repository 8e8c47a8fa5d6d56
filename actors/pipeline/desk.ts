// The dedup desk: claims contents in two rounds (DESIGN section 7). First every insert is made and acknowledged
// by its shard's journal, then every shard is queried: of two contents within reach the one whose insert
// finished last sees the other, whatever the interleaving. Candidates are measured here; what the measurements mean
// is decided at the cut.
import type { ActorSpec } from '#runtime';
import { cosine } from '../dedup/cosine.ts';
import { type IndexCallOptions, IndexClient } from '../dedup/index-client.ts';
import type { IndexedContent, IndexShardMessage } from '../dedup/index-shard.ts';
import { LocalIndex } from '../dedup/local-index.ts';
import { isRecorded } from '../dedup/relation.ts';
import type { Candidate, Edge } from '../kinds/kind.ts';
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
      const index = new IndexClient({ shards: shards.length, directory, local, peers, clock: ports.clock });
      const desk = new Desk(ports, index);
      return (batch, signal, { limitFactor }) =>
        desk.claim(batch.map(queued.read), { signal, timeoutMs: options.askTimeoutMs * limitFactor });
    },
  });
}

class Desk {
  readonly #ports: DatasetPorts;
  readonly #index: IndexClient;

  constructor(ports: DatasetPorts, index: IndexClient) {
    this.#ports = ports;
    this.#index = index;
  }

  async claim(items: readonly DedupMessage[], options: IndexCallOptions): Promise<readonly HopResult[]> {
    const claimed = distinctContents(items);
    await this.#index.insert(claimed, options);
    this.#ports.faults.reach('dedup.inserted');
    const radii = this.#ports.kind.radii(this.#ports.config.dedup);
    const queries = claimed.map((entry) => ({ ...entry, radii }));
    const candidates = await this.#index.query(queries, options);
    const edges = await this.#verify(claimed, candidates);
    return items.map((item) => {
      const message: ScoreMessage = { ...item, edges: [...(edges.get(item.facts.content) ?? [])] };
      return { effects: [{ stage: 'score' as const, sequence: item.sequence, message }] };
    });
  }

  /** Measures each candidate pair; what is far apart under any sensible threshold is not recorded. */
  async #verify(
    claimed: readonly IndexedContent[],
    candidates: readonly (readonly Candidate[])[],
  ): Promise<ReadonlyMap<string, readonly Edge[]>> {
    const edges = new Map<string, Edge[]>();
    const load = new ContentLoader(this.#ports);
    for (const [at, { content }] of claimed.entries()) {
      const found: Edge[] = [];
      for (const candidate of candidates[at] ?? []) {
        const edge = await this.#measure(content, candidate, load);
        if (isRecorded(edge)) found.push(edge);
      }
      edges.set(content, found);
    }
    return edges;
  }

  async #measure(content: string, candidate: Candidate, load: ContentLoader): Promise<Edge> {
    const [a, b] = content < candidate.content ? [content, candidate.content] : [candidate.content, content];
    const [proxyA, proxyB] = await Promise.all([load.proxy(a), load.proxy(b)]);
    const { distance, algorithm } = this.#ports.kind.verify(proxyA, proxyB);
    const similarity = this.#comparesVectors
      ? cosine(...(await Promise.all([load.vector(a), load.vector(b)])))
      : null;
    return { a, b, hashes: candidate.distances, distance: round(distance), algorithm, similarity };
  }

  /** Vectors take part when the configuration gives them a threshold. */
  get #comparesVectors(): boolean {
    return this.#ports.config.dedup.vectors.near !== null;
  }
}

/** Each content once, without those whose hashes mean nothing: these are neither inserted nor queried. */
function distinctContents(items: readonly DedupMessage[]): readonly IndexedContent[] {
  const distinct = new Map<string, IndexedContent>();
  for (const { facts } of items) {
    if (!facts.lowInformation) distinct.set(facts.content, { content: facts.content, hashes: facts.hashes });
  }
  return [...distinct.values()];
}
