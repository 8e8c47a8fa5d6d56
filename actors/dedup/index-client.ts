// A claim's way to the index shards, wherever they are: one request a node, asked again until every answer counts.
// What is asked waits while a shard moves or its node is down; it is not the item's fault, so it burns no attempt.
import { type Clock, pause } from '#runtime';
import { PassingFailure } from '../pipeline/item-failure.ts';
import { type CandidatePair, type Inverses, mergeFinds, planInserts, planQueries } from './claim.ts';
import type {
  IndexPeers,
  IndexRequest,
  IndexValue,
  ShardAnswer,
  ShardDirectory,
  ShardReply,
} from './index-exchange.ts';
import type { ContentKeys, ShardFinds } from './index-spec.ts';
import type { LocalIndex } from './local-index.ts';
import { planRemovals } from './removal-plan.ts';

export interface IndexClientOptions {
  /** Numbers of the index shards, in order: a content's is at the place that `shardOf` says. */
  readonly shards: readonly number[];
  /** Of all variants that the shards' indexes have. */
  readonly inverses: Inverses;
  readonly directory: ShardDirectory;
  readonly local: LocalIndex;
  readonly peers: IndexPeers;
  readonly clock: Clock;
}

export interface IndexCallOptions {
  readonly signal: AbortSignal;
  /** Longest that a shard of this node may take over a request. */
  readonly timeoutMs: number;
}

/** Before shards that did not answer are asked again; a changed owner is noticed at once. */
const RETRY_MS = 100;

const NOTHING = { slices: [], buckets: [] };

type Answers = Map<number, ShardAnswer<IndexValue>>;

export class IndexClient {
  readonly #options: IndexClientOptions;

  constructor(options: IndexClientOptions) {
    this.#options = options;
  }

  /**
   * The first round: each content's slice goes to its own shard, each of its keys to the key's; resolves when every
   * journal holds its part.
   * @throws PassingFailure `shard_unavailable` when a shard tried and failed; the signal's reason
   */
  async insert(contents: readonly ContentKeys[], options: IndexCallOptions): Promise<void> {
    const plan = this.#numbered(planInserts(contents, this.#options.shards.length));
    const request = (shards: readonly number[]): IndexRequest => ({
      op: 'insert',
      parts: shards.flatMap((shard) => ({ shard, slices: [], keys: [], ...plan.get(shard) })),
    });
    await this.#gather([...plan.keys()], request, options);
  }

  /**
   * The second round: asks every shard, and reads afterwards from the records' leader whose each is: an answer counts
   * only if its epoch is still the shard's. Every taking is recorded before the new owner writes, so what a former owner
   * did not know of was inserted after its answer, by a claim that will find this one (DESIGN section 6).
   * @param contents Each once.
   * @returns every pair of one of them with any content that was inserted before; in no particular order
   * @throws PassingFailure `shard_unavailable` when a shard tried and failed; the signal's reason
   */
  async query(
    contents: readonly ContentKeys[],
    options: IndexCallOptions,
  ): Promise<readonly CandidatePair[]> {
    const plan = this.#numbered(planQueries(contents, this.#options.shards.length));
    const asked = [...plan.keys()];
    const slices = plan.values().next().value?.slices ?? [];
    const request = (shards: readonly number[]): IndexRequest => ({
      op: 'query',
      slices,
      parts: shards.map((shard) => ({ shard, keys: plan.get(shard)?.keys ?? [] })),
    });
    const counted: Answers = new Map();
    for (let open = asked; open.length > 0; ) {
      for (const [shard, answer] of await this.#gather(open, request, options)) counted.set(shard, answer);
      await this.#refresh(options.signal);
      open = asked.filter(
        (shard) => this.#options.directory.route(shard)?.epoch !== counted.get(shard)?.epoch,
      );
    }
    const answers = [...plan].map(([shard, query]) => ({
      query,
      finds: findsOf(counted.get(shard)),
    }));
    return mergeFinds(contents, answers, this.#options.inverses);
  }

  /**
   * Has the shards forget contents; resolves when no journal and no snapshot holds anything of them. Repeating it changes
   * nothing.
   * @param isKeyed Whether contents stand under keys.
   * @throws PassingFailure `shard_unavailable` when a shard tried and failed; the signal's reason
   */
  async remove(contents: readonly string[], isKeyed: boolean, options: IndexCallOptions): Promise<void> {
    const plan = this.#numbered(planRemovals(contents, this.#options.shards.length, isKeyed));
    const request = (shards: readonly number[]): IndexRequest => ({
      op: 'remove',
      parts: shards.map((shard) => ({ shard, contents: plan.get(shard) ?? [] })),
    });
    for (const [shard, { value }] of await this.#gather([...plan.keys()], request, options)) {
      if (value === 'removed') continue;
      const message = `index shard ${shard}: the node that owns it runs a program that cannot erase`;
      throw new PassingFailure('shard_unavailable', message, { failureClass: 'recoverable' });
    }
  }

  /** A plan by the numbers of its shards. */
  #numbered<T>(plan: ReadonlyMap<number, T>): ReadonlyMap<number, T> {
    return new Map([...plan].map(([at, part]) => [this.#options.shards[at] ?? -1, part]));
  }

  /** Asks until each of these shards has answered. */
  async #gather(
    shards: readonly number[],
    request: (shards: readonly number[]) => IndexRequest,
    options: IndexCallOptions,
  ): Promise<Answers> {
    const answers: Answers = new Map();
    for (let open = shards; ; ) {
      const replies = await Promise.all(
        [...this.#byNode(open)].map(([node, owned]) => this.#ask(node, owned, request(owned), options)),
      );
      for (const reply of replies.flat()) {
        if ('failed' in reply) {
          const message = `index shard ${reply.shard}: ${reply.failed}`;
          throw new PassingFailure('shard_unavailable', message, { failureClass: reply.passing });
        }
        if ('epoch' in reply) answers.set(reply.shard, reply);
      }
      open = open.filter((shard) => !answers.has(shard));
      if (open.length === 0) return answers;
      await this.#changeOf(open, options.signal);
      await this.#refresh(options.signal);
    }
  }

  /** Shards by the node that owns them now; those that move are nobody's. */
  #byNode(shards: readonly number[]): ReadonlyMap<string, readonly number[]> {
    const byNode = Map.groupBy(shards, (shard) => this.#options.directory.route(shard)?.node ?? '');
    byNode.delete('');
    return byNode;
  }

  /** What a node's shards answer; what was taken from it meanwhile is not waited for. */
  async #ask(
    node: string,
    shards: readonly number[],
    request: IndexRequest,
    options: IndexCallOptions,
  ): Promise<readonly ShardReply[]> {
    const { directory, local, peers } = this.#options;
    if (node === directory.node) return local.answer(request, options);
    const { signal } = options;
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    try {
      const asked = peers.ask(node, request, until);
      asked.catch(() => {}); // when its shards moved first
      const replies = await Promise.race([asked, directory.moved(shards, until)]);
      signal.throwIfAborted();
      return replies ?? [];
    } finally {
      over.abort();
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#options.directory.refresh();
        return;
      } catch (cause) {
        if (!(cause instanceof Error)) throw cause;
        await pause(this.#options.clock, RETRY_MS, signal);
        signal.throwIfAborted();
      }
    }
  }

  async #changeOf(shards: readonly number[], signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    try {
      const retry = pause(this.#options.clock, RETRY_MS, until);
      await Promise.race([this.#options.directory.moved(shards, until), retry]);
    } finally {
      over.abort();
    }
    signal.throwIfAborted();
  }
}

function findsOf(answer: ShardAnswer<IndexValue> | undefined): ShardFinds {
  const value = answer?.value ?? NOTHING;
  return value === 'removed' ? NOTHING : value;
}
