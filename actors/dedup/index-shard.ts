// An index shard: a part of a dataset's indexes, event-sourced and fenced, so that one owner answers. It answers an
// insert only after its journal holds it; queries answer from what is journaled. Vectors are not journaled: they lie in
// the dataset's vectors store, from which a shard that starts anew reads those that its snapshot lacks.
import type { ActorSpec, Behaviour, EventSourcedOptions, Reply } from '#runtime';
import { EventSourced, StorageFull } from '#runtime';
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import { standDownWhenFenced } from '../pipeline/stand-down.ts';
import type { Tenure } from '../pipeline/tenure.ts';
import { storedVector, vectorKey } from '../pipeline/vector-store.ts';
import type { ShardAnswer } from './index-exchange.ts';
import { IndexPart } from './index-part.ts';
import { decodePart, encodePart } from './index-snapshot.ts';
import type { ShardFinds, ShardInsert, ShardQuery, SlicedContent } from './index-spec.ts';

export type IndexShardMessage =
  | {
      readonly type: 'insert';
      readonly part: ShardInsert;
      /** Nothing but the epoch: the journal holds it. */
      readonly reply: Reply<ShardAnswer<null>>;
    }
  | {
      readonly type: 'remove';
      readonly contents: readonly string[];
      /** Neither the journal nor a snapshot holds anything of the contents. */
      readonly reply: Reply<ShardAnswer<'removed'>>;
    }
  | { readonly type: 'query'; readonly query: ShardQuery; readonly reply: Reply<ShardAnswer<ShardFinds>> }
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

type IndexEvent =
  | {
      readonly type: 'inserted';
      /** Slices, without their vectors. */
      readonly contents: readonly Omit<SlicedContent, 'vector'>[];
      readonly keys?: ShardInsert['keys'];
    }
  | { readonly type: 'removed'; readonly contents: readonly string[] };

/** Vectors that are read at once when a shard starts. */
const VECTORS_READ = 64;

/** Loads shard `shard` while another node owns it; the result is its actor, to be started once. */
export async function prepareIndexShard(
  ports: DatasetPorts,
  shard: number,
): Promise<(epoch: number) => ActorSpec<IndexShardMessage>> {
  const prepared = await EventSourced.prepare(storage(ports, shard));
  await loadVectors(ports, prepared.state);
  return (epoch) => indexShardActor(ports, shard, { epoch, prepared });
}

/** Actor that owns shard `shard` of the dataset's index. */
export function indexShardActor(
  ports: DatasetPorts,
  shard: number,
  tenure: Tenure<IndexPart> = {},
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
      const absent = await loadVectors(ports, store.state);
      if (absent > 0)
        context.log.warn({ shard, absent }, 'contents whose vector is gone are not found by it');
      ports.meter.holds(`index/shard-${shard}`, store.state.bytes);
      return shardBehaviour(ports, shard, store, context.signal);
    },
  };
}

function storage(ports: DatasetPorts, shard: number): EventSourcedOptions<IndexPart, IndexEvent> {
  const spec = ports.kind.indexes(ports.config.dedup, ports.model.dimension);
  const model = vectorKey(ports, '');
  return {
    journal: ports.journal('index', shard),
    blobs: ports.snapshots,
    prefix: indexPrefix(shard),
    initial: () => new IndexPart(spec),
    apply: (part, event) => {
      if (event.type === 'removed') part.remove(event.contents);
      else part.insert({ slices: event.contents, keys: event.keys ?? [] });
    },
    encodeSnapshot: (part) => encodePart(ports.codec, part, model),
    decodeSnapshot: (bytes) => decodePart(ports.codec, bytes, spec, model),
    faults: ports.faults,
  };
}

/** Where the snapshots of an index shard are. */
export function indexPrefix(shard: number): string {
  return `index/${shard}`;
}

/** Reads the vectors that are lacking; answers how many the store has not. */
async function loadVectors(ports: DatasetPorts, part: IndexPart): Promise<number> {
  const lacking = part.vectorless();
  let absent = 0;
  for (let from = 0; from < lacking.length; from += VECTORS_READ) {
    const batch = lacking.slice(from, from + VECTORS_READ);
    const vectors = await Promise.all(batch.map((content) => storedVector(ports, content)));
    for (const [at, content] of batch.entries()) {
      const vector = vectors[at];
      if (vector === undefined) absent += 1;
      else part.addVector(content, vector);
    }
  }
  return absent;
}

function shardBehaviour(
  ports: DatasetPorts,
  shard: number,
  store: EventSourced<IndexPart, IndexEvent>,
  signal: AbortSignal,
): Behaviour<IndexShardMessage> {
  const answer = <T>(value: T): ShardAnswer<T> => ({ epoch: store.epoch, value });
  /** Contents of which nothing is left: who asks again, since the answer took long, has no second compaction made. */
  const forgotten = new Set<string>();
  return {
    async receive(message) {
      switch (message.type) {
        case 'insert': {
          const { slices, keys } = store.state.unheld(message.part);
          for (const { content } of [...slices, ...keys]) forgotten.delete(content);
          if (slices.length > 0 || keys.length > 0) {
            try {
              await standDownWhenFenced(ports, signal, () => store.persist([inserted(slices, keys)]));
            } catch (error) {
              // The state is as it was, and the desk asks again once there may be room.
              if (error instanceof StorageFull) return message.reply.fail(error);
              throw error;
            }
            for (const { content, vector } of slices) if (vector) store.state.addVector(content, vector);
            ports.meter.holds(`index/shard-${shard}`, store.state.bytes);
          }
          ports.faults.reach('index.appended');
          return message.reply.ok(answer(null));
        }
        case 'remove': {
          const contents = message.contents.filter((content) => !forgotten.has(content));
          if (contents.length === 0) return message.reply.ok(answer('removed'));
          try {
            await standDownWhenFenced(ports, signal, async () => {
              await store.persist([{ type: 'removed', contents }]);
              ports.faults.reach('index.removed');
              await store.compact();
            });
          } catch (error) {
            if (error instanceof StorageFull) return message.reply.fail(error);
            throw error;
          }
          for (const content of contents) forgotten.add(content);
          ports.meter.holds(`index/shard-${shard}`, store.state.bytes);
          return message.reply.ok(answer('removed'));
        }
        case 'query':
          return message.reply.ok(answer(store.state.query(message.query)));
        case 'describe':
          return message.reply.ok(
            answer({
              contents: store.state.slices,
              sequence: store.lastSequence,
              accountedBytes: store.state.bytes,
            }),
          );
      }
    },
  };
}

function inserted(slices: readonly SlicedContent[], keys: ShardInsert['keys']): IndexEvent {
  const contents = slices.map(({ vector: _, ...slice }) => slice);
  return { type: 'inserted', contents, ...(keys.length > 0 && { keys }) };
}
