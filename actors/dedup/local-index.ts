// The index shards of this node, asked by its own desks and by those of other nodes alike.
import type { ActorRef, Reply } from '#runtime';
import { passingClassOf } from '../pipeline/item-failure.ts';
import {
  type IndexRequest,
  type IndexValue,
  type ShardAnswer,
  type ShardReply,
  shardsOf,
} from './index-exchange.ts';
import type { IndexShardMessage } from './index-shard.ts';

export interface LocalIndexOptions {
  /** Reference to an index shard by its number; that of one that is elsewhere leads nowhere. */
  readonly shard: (number: number) => ActorRef<IndexShardMessage>;
  /** Whether this node may answer for what it owns. */
  readonly holds: () => boolean;
}

export class LocalIndex {
  readonly #shard: LocalIndexOptions['shard'];
  readonly #holds: () => boolean;

  constructor({ shard, holds }: LocalIndexOptions) {
    this.#shard = shard;
    this.#holds = holds;
  }

  /**
   * One answer a shard, in the order of the request. A busy shard is waited for.
   * @throws the signal's reason when it aborts first
   */
  async answer(
    request: IndexRequest,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<readonly ShardReply[]> {
    const replies = await Promise.all(
      shardsOf(request).map((shard, at) => this.#ask(shard, messageOf(request, at), options)),
    );
    // Asked afterwards: what a node answered after its lease was over is nobody's answer.
    return this.#holds() ? replies : replies.map(({ shard }) => ({ shard, absent: true }));
  }

  async #ask(
    shard: number,
    build: (reply: Reply<ShardAnswer<IndexValue>>) => IndexShardMessage,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ShardReply> {
    const ref = this.#shard(shard);
    for (;;) {
      try {
        await ref.room(options.signal);
        return { shard, ...(await ref.ask<ShardAnswer<IndexValue>>(build, options)) };
      } catch (cause) {
        if (!(cause instanceof Error) || options.signal.aborted) throw cause;
        if (cause.name === 'ActorEnded') return { shard, absent: true };
        if (cause.name === 'MailboxFull') continue;
        return { shard, failed: `${cause.name}: ${cause.message}`, passing: passingClassOf(cause) };
      }
    }
  }
}

/** The message for the shard at place `at` of a request. */
function messageOf(
  request: IndexRequest,
  at: number,
): (reply: Reply<ShardAnswer<IndexValue>>) => IndexShardMessage {
  if (request.op === 'query') {
    const query = { slices: request.slices, keys: request.parts[at]?.keys ?? [] };
    return (reply) => ({ type: 'query', query, reply });
  }
  if (request.op === 'remove') {
    const contents = request.parts[at]?.contents ?? [];
    return (reply) => ({ type: 'remove', contents, reply });
  }
  const { slices = [], keys = [] } = request.parts[at] ?? {};
  return (reply) => ({ type: 'insert', part: { slices, keys }, reply });
}
