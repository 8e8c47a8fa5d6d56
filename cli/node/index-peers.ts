// Asks the index shards of other nodes, one request a node, each node behind a breaker of its own: one that is dead or
// frozen costs a few requests, then none until a probe finds it back.
import {
  halvesOf,
  type IndexPeers,
  type IndexRequest,
  joinedHalves,
  PassingFailure,
  type ShardReply,
} from '#actors';
import { type NatsLink, NoResponders, RequestFailed, RequestTimeout } from '#nats';
import {
  type BreakerSnapshot,
  CircuitBreaker,
  type Clock,
  type Codec,
  type RandomSource,
  type SystemHappening,
} from '#runtime';
import type { IndexAnswer } from './serve-index.ts';

/** The first request that a node does not answer is given up after this; each further one waits twice as long. */
const MIN_TIMEOUT_MS = 2_000;
const MAX_TIMEOUT_MS = 20_000;
const BREAKER = {
  failures: 3,
  failureRate: 1,
  minCalls: 1,
  windowMs: 60_000,
  minOpenMs: 500,
  maxOpenMs: 5_000,
  jitter: 0.2,
};

export interface IndexPeersOptions {
  readonly dataset: string;
  readonly link: NatsLink;
  readonly codec: Codec;
  /** Where a node answers for its shards. */
  readonly subject: (node: string) => string;
  /** Nodes that are not gone. */
  readonly members: () => readonly string[];
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly emit: (happening: SystemHappening) => void;
}

interface Peer {
  readonly breaker: CircuitBreaker;
  timeoutMs: number;
}

export class NatsIndexPeers implements IndexPeers {
  readonly #options: IndexPeersOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: IndexPeersOptions) {
    this.#options = options;
  }

  /** See `IndexPeers.ask`. What the breaker holds back is as good as unanswered. */
  async ask(
    node: string,
    request: IndexRequest,
    signal: AbortSignal,
  ): Promise<readonly ShardReply[] | undefined> {
    const peer = this.#peer(node);
    using permit = peer.breaker.tryPermit();
    if (permit === undefined) return undefined;
    const answer = await this.#request(node, request, peer.timeoutMs).catch((cause: unknown) => {
      signal.throwIfAborted();
      if (!isOfPeer(cause)) throw cause;
      if (cause instanceof RequestTimeout) peer.timeoutMs = Math.min(2 * peer.timeoutMs, MAX_TIMEOUT_MS);
      permit.failed(cause);
      return undefined;
    });
    if (answer === undefined) return undefined;
    permit.succeeded();
    peer.timeoutMs = MIN_TIMEOUT_MS;
    return answer === 'too_large' ? this.#inHalves(node, request, signal) : answer;
  }

  /** The breakers of nodes that are there, and were asked. */
  snapshot(): readonly BreakerSnapshot[] {
    const members = new Set(this.#options.members());
    const present = [...this.#peers].filter(([node]) => members.has(node));
    return present.map(([, { breaker }]) => breaker.snapshot());
  }

  async #request(node: string, request: IndexRequest, timeoutMs: number): Promise<IndexAnswer> {
    const { link, codec, subject } = this.#options;
    return codec.decode(await link.request(subject(node), codec.encode(request), timeoutMs)) as IndexAnswer;
  }

  /** Answers that fit no message come for half of the queries at a time. */
  async #inHalves(
    node: string,
    request: IndexRequest,
    signal: AbortSignal,
  ): Promise<readonly ShardReply[] | undefined> {
    const halves = halvesOf(request);
    if (halves === undefined) {
      throw new PassingFailure(
        'shard_unavailable',
        `node ${node}: the neighbours of one content fit no message`,
      );
    }
    const first = await this.ask(node, halves[0], signal);
    const second = await this.ask(node, halves[1], signal);
    return first && second && first.map((reply, at) => joinedHalves(reply, second[at]));
  }

  #peer(node: string): Peer {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const { dataset, clock, random, emit } = this.#options;
    const breaker = new CircuitBreaker({
      path: `${dataset}/desks`,
      name: `node ${node}`,
      options: BREAKER,
      clock,
      random,
      emit,
    });
    const peer = { breaker, timeoutMs: MIN_TIMEOUT_MS };
    this.#peers.set(node, peer);
    return peer;
  }
}

/** What says something of the node that was asked, and nothing of the item: it is asked again when its breaker allows. */
function isOfPeer(cause: unknown): cause is NoResponders | RequestTimeout | RequestFailed {
  return cause instanceof NoResponders || cause instanceof RequestTimeout || cause instanceof RequestFailed;
}
