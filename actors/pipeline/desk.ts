// The dedup desk: claims contents in two rounds (DESIGN section 7). First every insert is made and acknowledged
// by its shard's journal, then every shard is queried: of two contents within reach the one whose insert
// finished last sees the other, whatever the interleaving. Candidates are measured here; what the measurements mean
// is decided at the cut.
import type { ActorRef, ActorSpec } from '#runtime';
import type { IndexedContent, IndexShardMessage, NeighbourQuery, ShardAnswer } from '../dedup/index-shard.ts';
import { shardOf } from '../dedup/partition.ts';
import { isRecorded } from '../dedup/relation.ts';
import type { Candidate, Edge } from '../kinds/kind.ts';
import { round } from '../rules/judge.ts';
import { ContentLoader } from './content-loader.ts';
import { cosine } from './cosine.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { PassingFailure } from './item-failure.ts';
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
      const shards = options.shards.map((path) => context.ref<IndexShardMessage>(path));
      return (batch, signal, { limitFactor }) =>
        new Desk(ports, shards, options.askTimeoutMs * limitFactor).claim(batch.map(queued.read), signal);
    },
  });
}

const RESTART_WAIT_MS = 100;

class Desk {
  readonly #ports: DatasetPorts;
  readonly #shards: readonly ActorRef<IndexShardMessage>[];
  readonly #askTimeoutMs: number;

  constructor(ports: DatasetPorts, shards: readonly ActorRef<IndexShardMessage>[], askTimeoutMs: number) {
    this.#ports = ports;
    this.#shards = shards;
    this.#askTimeoutMs = askTimeoutMs;
  }

  async claim(items: readonly DedupMessage[], signal: AbortSignal): Promise<readonly HopResult[]> {
    const claimed = distinctContents(items);
    await this.#insert(claimed, signal);
    this.#ports.faults.reach('dedup.inserted');
    const candidates = await this.#query(claimed, signal);
    const edges = await this.#verify(claimed, candidates);
    return items.map((item) => {
      const message: ScoreMessage = { ...item, edges: [...(edges.get(item.facts.content) ?? [])] };
      return { effects: [{ stage: 'score' as const, sequence: item.sequence, message }] };
    });
  }

  /** Round one: each content goes to its own shard; resolves when every journal holds its part. */
  async #insert(claimed: readonly IndexedContent[], signal: AbortSignal): Promise<void> {
    const byShard = new Map<number, IndexedContent[]>();
    for (const entry of claimed) {
      const shard = shardOf(entry.content, this.#shards.length);
      const part = byShard.get(shard);
      if (part === undefined) byShard.set(shard, [entry]);
      else part.push(entry);
    }
    await Promise.all(
      [...byShard].map(([shard, contents]) =>
        this.#ask<void>(shard, signal, (reply) => ({ type: 'insert', contents, reply })),
      ),
    );
  }

  /** Round two: every shard is asked, one batched request each. */
  async #query(
    claimed: readonly IndexedContent[],
    signal: AbortSignal,
  ): Promise<readonly (readonly Candidate[])[]> {
    if (claimed.length === 0) return [];
    const radii = this.#ports.kind.radii(this.#ports.config.dedup);
    const queries: NeighbourQuery[] = claimed.map((entry) => ({ ...entry, radii }));
    const answers = await Promise.all(
      this.#shards.map((_, shard) =>
        this.#ask<readonly (readonly Candidate[])[]>(shard, signal, (reply) => ({
          type: 'query',
          queries,
          reply,
        })),
      ),
    );
    return claimed.map((_, at) => answers.flatMap((answer) => answer[at] ?? []));
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

  /** A shard that is busy, or that nobody runs for the moment, is waited for: the item stays unacknowledged and burns no attempt. */
  async #ask<T>(
    shard: number,
    signal: AbortSignal,
    build: (reply: { ok(value: ShardAnswer<T>): void; fail(error: Error): void }) => IndexShardMessage,
  ): Promise<T> {
    const ref = this.#shards[shard];
    if (ref === undefined)
      throw new Error(`shard ${shard} is not among the dataset's ${this.#shards.length}`);
    for (;;) {
      try {
        await ref.room(signal);
        const answer = await ref.ask<ShardAnswer<T>>(build, { timeoutMs: this.#askTimeoutMs, signal });
        return answer.value;
      } catch (cause) {
        if (!(cause instanceof Error) || signal.aborted) throw cause;
        if (cause.name === 'ActorEnded') await this.#pause();
        else if (cause.name !== 'MailboxFull') {
          throw new PassingFailure('shard_unavailable', `index shard ${shard} did not answer`, { cause });
        }
      }
    }
  }

  /** A shard that is not here now is being restarted or taken. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.clock.schedule(RESTART_WAIT_MS, resolve);
    });
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
