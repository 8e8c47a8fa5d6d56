// An index shard: a part of a dataset's similarity index, event-sourced and fenced, so that one owner answers.
// It answers an insert only after its journal holds it; queries answer from what is journaled.
import type { ActorSpec, Behaviour, Codec, EventSourcedOptions, Reply } from '#runtime';
import { compactCopy, EventSourced, MAP_ENTRY_BYTES, retainedBytes, StorageFull } from '#runtime';
import type { Candidate } from '../kinds/kind.ts';
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import { standDownWhenFenced } from '../pipeline/stand-down.ts';
import type { Tenure } from '../pipeline/tenure.ts';
import { HammingIndex } from './hamming-index.ts';

/** What a shard keeps of a content: enough to find it, nothing that a person gave. */
export interface IndexedContent {
  readonly content: string;
  /** 16 hex digits by hash family. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** Neighbours wanted: within `radii` bits by hash family. */
export interface NeighbourQuery extends IndexedContent {
  readonly radii: Readonly<Record<string, number>>;
}

export type IndexShardMessage =
  | {
      readonly type: 'insert';
      readonly contents: readonly IndexedContent[];
      /** Nothing but the epoch: the journal holds them. */
      readonly reply: Reply<ShardAnswer<null>>;
    }
  | {
      readonly type: 'query';
      readonly queries: readonly NeighbourQuery[];
      /** One list a query, in order. */
      readonly reply: Reply<ShardAnswer<readonly (readonly Candidate[])[]>>;
    }
  | {
      readonly type: 'describe';
      readonly reply: Reply<
        ShardAnswer<{
          readonly contents: number;
          readonly sequence: number;
          /** Bytes of memory that the index holds, by its own account. */
          readonly accountedBytes: number;
        }>
      >;
    };

/** An answer and the epoch under which it was given. */
export interface ShardAnswer<T> {
  readonly epoch: number;
  readonly value: T;
}

interface InsertedEvent {
  readonly type: 'inserted';
  readonly contents: readonly IndexedContent[];
}

/** A content's place in the list and in the map of numbers. */
const PLACE_BYTES = 8 + MAP_ENTRY_BYTES;

/** The index in memory: contents by number, one Hamming index by family. */
class ShardIndex {
  readonly #contents: IndexedContent[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #families = new Map<string, HammingIndex>();
  #contentBytes = 0;

  get size(): number {
    return this.#contents.length;
  }

  /** Bytes of memory held: the tables of the families, capacity included, and what is known of each content. */
  get accountedBytes(): number {
    let bytes = this.#contentBytes;
    for (const index of this.#families.values()) bytes += index.bytes;
    return bytes;
  }

  has(content: string): boolean {
    return this.#numbers.has(content);
  }

  insert(came: IndexedContent): void {
    if (this.#numbers.has(came.content)) return;
    const entry = compactCopy(came);
    const number = this.#contents.length;
    this.#numbers.set(entry.content, number);
    this.#contents.push(entry);
    this.#contentBytes += PLACE_BYTES + retainedBytes(entry);
    for (const [family, hash] of Object.entries(entry.hashes)) {
      let index = this.#families.get(family);
      if (index === undefined) {
        index = new HammingIndex();
        this.#families.set(family, index);
      }
      index.insert(BigInt(`0x${hash}`), number);
    }
  }

  /** Every other content within the radius of any family, with its distance in each family where that is within reach. */
  query(query: NeighbourQuery): readonly Candidate[] {
    const found = new Map<number, Record<string, number>>();
    for (const [family, radius] of Object.entries(query.radii)) {
      const hash = query.hashes[family];
      const index = this.#families.get(family);
      if (hash === undefined || index === undefined) continue;
      for (const { value, distance } of index.query(BigInt(`0x${hash}`), radius)) {
        const distances = found.get(value) ?? {};
        distances[family] = distance;
        found.set(value, distances);
      }
    }
    const candidates: Candidate[] = [];
    for (const [number, distances] of found) {
      const content = this.#contents[number]?.content;
      if (content !== undefined && content !== query.content) candidates.push({ content, distances });
    }
    return candidates;
  }

  encode(codec: Codec): Uint8Array {
    return codec.encode(this.#contents);
  }

  static decode(codec: Codec, bytes: Uint8Array): ShardIndex {
    const index = new ShardIndex();
    for (const entry of codec.decode(bytes) as IndexedContent[]) index.insert(entry);
    return index;
  }
}

/** Loads shard `shard` while another node owns it; the result is its actor, to be started once. */
export async function prepareIndexShard(
  ports: DatasetPorts,
  shard: number,
): Promise<(epoch: number) => ActorSpec<IndexShardMessage>> {
  const prepared = await EventSourced.prepare(storage(ports, shard));
  return (epoch) => indexShardActor(ports, shard, { epoch, prepared });
}

/** Actor that owns shard `shard` of the dataset's index. */
export function indexShardActor(
  ports: DatasetPorts,
  shard: number,
  tenure: Tenure<ShardIndex> = {},
): ActorSpec<IndexShardMessage> {
  let { prepared } = tenure;
  return {
    type: 'actor',
    id: `shard-${shard}`,
    mailbox: { capacity: 256, overflow: 'backpressure' },
    start: async (context) => {
      const recovery = { ...storage(ports, shard), ...tenure, prepared, log: context.log };
      prepared = undefined;
      const store = await EventSourced.recover(recovery);
      ports.meter.holds(`index/shard-${shard}`, store.state.accountedBytes);
      return shardBehaviour(ports, shard, store, context.signal);
    },
  };
}

function storage(ports: DatasetPorts, shard: number): EventSourcedOptions<ShardIndex, InsertedEvent> {
  return {
    journal: ports.journal('index', shard),
    blobs: ports.snapshots,
    prefix: `index/${shard}`,
    initial: () => new ShardIndex(),
    apply: (index, event) => {
      for (const entry of event.contents) index.insert(entry);
    },
    encodeSnapshot: (index) => index.encode(ports.codec),
    decodeSnapshot: (bytes) => ShardIndex.decode(ports.codec, bytes),
    faults: ports.faults,
  };
}

function shardBehaviour(
  ports: DatasetPorts,
  shard: number,
  store: EventSourced<ShardIndex, InsertedEvent>,
  signal: AbortSignal,
): Behaviour<IndexShardMessage> {
  const answer = <T>(value: T): ShardAnswer<T> => ({ epoch: store.epoch, value });
  return {
    async receive(message) {
      switch (message.type) {
        case 'insert': {
          const fresh = message.contents.filter(({ content }) => !store.state.has(content));
          if (fresh.length > 0) {
            const event: InsertedEvent = { type: 'inserted', contents: fresh };
            try {
              await standDownWhenFenced(ports, signal, () => store.persist([event]));
            } catch (error) {
              // The state is as it was, and the desk asks again once there may be room.
              if (error instanceof StorageFull) return message.reply.fail(error);
              throw error;
            }
            ports.meter.holds(`index/shard-${shard}`, store.state.accountedBytes);
          }
          ports.faults.reach('index.appended');
          return message.reply.ok(answer(null));
        }
        case 'query':
          return message.reply.ok(answer(message.queries.map((query) => store.state.query(query))));
        case 'describe':
          return message.reply.ok(
            answer({
              contents: store.state.size,
              sequence: store.lastSequence,
              accountedBytes: store.state.accountedBytes,
            }),
          );
      }
    },
  };
}
