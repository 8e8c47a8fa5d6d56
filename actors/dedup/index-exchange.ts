// What desks and index shards say to each other, whether they share a process or not: one request for all shards of one
// node, and one answer a shard.
import type { PassingClass } from '../pipeline/item-failure.ts';
import type { ShardFinds, ShardInsert, SlicedContent } from './index-spec.ts';

/** Asked of shards that one node owns. Repeating it changes nothing. */
export type IndexRequest =
  | {
      readonly op: 'insert';
      readonly parts: readonly ({ readonly shard: number } & ShardInsert)[];
    }
  | {
      readonly op: 'query';
      /** Asked of every shard. */
      readonly slices: readonly SlicedContent[];
      readonly parts: readonly { readonly shard: number; readonly keys: readonly string[] }[];
    }
  | {
      readonly op: 'remove';
      readonly parts: readonly { readonly shard: number; readonly contents: readonly string[] }[];
    };

/**
 * Of a query: what the shard found; of an insert: nothing, its journal holds it; of a removal: that neither its journal
 * nor a snapshot has anything of the contents.
 */
export type IndexValue = ShardFinds | null | 'removed';

/** An answer and the epoch under which it was given. */
export interface ShardAnswer<T> {
  readonly epoch: number;
  readonly value: T;
}

/** What became of the request at one shard. */
export type ShardReply =
  | ({ readonly shard: number } & ShardAnswer<IndexValue>)
  /** The shard is not here now: it moves, or is being started again. */
  | { readonly shard: number; readonly absent: true }
  /** The shard is here, and could not do it; `passing` is the class of the failure. */
  | { readonly shard: number; readonly failed: string; readonly passing: PassingClass };

/** The shards that a request is for. */
export function shardsOf(request: IndexRequest): readonly number[] {
  return request.parts.map(({ shard }) => shard);
}

/** The two halves of a query whose answers fit no message; undefined for one that cannot be split. */
export function halvesOf(request: IndexRequest): readonly [IndexRequest, IndexRequest] | undefined {
  if (request.op !== 'query') return undefined;
  const { slices, parts } = request;
  const most = Math.max(slices.length, ...parts.map(({ keys }) => keys.length));
  if (most < 2) return undefined;
  const middle = Math.ceil(most / 2);
  const cut = (from: number, to?: number): IndexRequest => ({
    op: 'query',
    slices: slices.slice(from, to),
    parts: parts.map(({ shard, keys }) => ({ shard, keys: keys.slice(from, to) })),
  });
  return [cut(0, middle), cut(middle)];
}

/** One shard's answer to both halves; given under two epochs, they are none. */
export function joinedHalves(first: ShardReply, second: ShardReply | undefined): ShardReply {
  if (second === undefined || !('epoch' in first)) return first;
  if (!('epoch' in second)) return second;
  if (first.epoch !== second.epoch) return { shard: first.shard, absent: true };
  const [one, two] = [first.value, second.value];
  if (!isFinds(one) || !isFinds(two)) return first;
  const value = { slices: [...one.slices, ...two.slices], buckets: [...one.buckets, ...two.buckets] };
  return { ...first, value };
}

function isFinds(value: IndexValue): value is ShardFinds {
  return typeof value === 'object' && value !== null;
}

/** Asks the shards of other nodes. */
export interface IndexPeers {
  /**
   * One answer for each shard of the request; undefined when that node gave none, for whatever reason: it may be dead,
   * cut off or starting, so that what it did is unknown.
   * @throws PassingFailure when what it found fits no message; the signal's reason when it aborts first
   */
  ask(node: string, request: IndexRequest, signal: AbortSignal): Promise<readonly ShardReply[] | undefined>;
}

/** Knows whose each index shard of one dataset is, by the shards' records. */
export interface ShardDirectory {
  /** This process. */
  readonly node: string;
  /** Whose a shard is as last seen: the node (undefined while it moves) and the epoch. Undefined: no one ever had it. */
  route(shard: number): { readonly node: string | undefined; readonly epoch: number } | undefined;
  /** Whether this node may answer for what it owns. */
  holds(): boolean;
  /** Makes `route` at least as new as this call, by a read from the records' leader. @throws when it cannot be read */
  refresh(): Promise<void>;
  /** Resolves when the epoch of one of these shards is another than it is now, or when the signal aborts. */
  moved(shards: readonly number[], signal: AbortSignal): Promise<void>;
}
