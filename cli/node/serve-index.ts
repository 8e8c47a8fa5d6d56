// Answers the desks of other nodes for the index shards that this node owns.
import type { IndexRequest, LocalIndex, ShardReply } from '#actors';
import type { NatsLink } from '#nats';
import type { Codec } from '#runtime';

/** One reply a shard, or that they fit no message. */
export type IndexAnswer = readonly ShardReply[] | 'too_large';

/** Longest that a shard may take; who asked has given up by then. */
const SHARD_TIMEOUT_MS = 20_000;

/** Answers on `subject` until the returned function is called. */
export function serveIndex(
  link: NatsLink,
  { subject, codec, local }: { readonly subject: string; readonly codec: Codec; readonly local: LocalIndex },
): () => void {
  const ended = new AbortController();
  const stop = link.serve(subject, async (data) => {
    // Only nodes of this system ask here, so what they send has the shape that they compile.
    const request = codec.decode(data) as IndexRequest;
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(SHARD_TIMEOUT_MS)]);
    const replies = await local.answer(request, { timeoutMs: SHARD_TIMEOUT_MS, signal });
    const encoded = codec.encode(replies satisfies IndexAnswer);
    return encoded.length <= link.maxPayload ? encoded : codec.encode('too_large' satisfies IndexAnswer);
  });
  return () => {
    stop();
    ended.abort(new Error('the node is stopping'));
  };
}
