import { afterEach, describe, expect, it } from 'vitest';
import type { IndexPeers, IndexRequest, ShardDirectory, ShardReply } from '#actors';
import { type ActorSpec, ActorSystem } from '#runtime';
import { ManualClock } from '#testkit';
import { IndexClient } from '../../../actors/dedup/index-client.ts';
import { shardsOf } from '../../../actors/dedup/index-exchange.ts';
import type { IndexShardMessage } from '../../../actors/dedup/index-shard.ts';
import type { ShardFinds } from '../../../actors/dedup/index-spec.ts';
import { LocalIndex } from '../../../actors/dedup/local-index.ts';
import { shardOf } from '../../../actors/dedup/partition.ts';

const SHARDS = 4;

/** A content of each shard. */
const CONTENTS = Array.from({ length: SHARDS }, (_, shard) => {
  for (let at = 0; ; at++) {
    const content = at.toString(16).padStart(64, '0');
    if (shardOf(content, SHARDS) === shard) return { content, hashes: {} };
  }
});

/** Shards 0 and 1 are here, 2 and 3 on `other`, unless the test says otherwise. */
class Routes implements ShardDirectory {
  readonly node = 'here';
  readonly owners = ['here', 'here', 'other', 'other'];
  readonly epochs = [1, 1, 1, 1];
  reads = 0;
  #listeners: (() => void)[] = [];

  route(shard: number) {
    const node = this.owners[shard];
    const epoch = this.epochs[shard];
    return node === undefined || epoch === undefined ? undefined : { node, epoch };
  }

  holds(): boolean {
    return true;
  }

  async refresh(): Promise<void> {
    this.reads += 1;
  }

  moved(_: readonly number[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#listeners.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Another node has taken a shard, and this process learns of it. */
  take(shard: number, node: string): void {
    this.owners[shard] = node;
    this.epochs[shard] = (this.epochs[shard] ?? 0) + 1;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

interface Asked {
  readonly node: string;
  readonly request: IndexRequest;
  readonly answer: (replies: readonly ShardReply[] | undefined) => void;
}

/** Other nodes, which answer when the test says so. */
class Peers implements IndexPeers {
  readonly asked: Asked[] = [];

  ask(node: string, request: IndexRequest): Promise<readonly ShardReply[] | undefined> {
    return new Promise((answer) => {
      this.asked.push({ node, request, answer });
    });
  }

  /** The request that is under way, the oldest first. */
  next(): Asked {
    const asked = this.asked.shift();
    if (asked === undefined) throw new Error('no node was asked');
    return asked;
  }
}

/** Of a shard that finds nobody. */
const NOBODY: ShardFinds = { slices: CONTENTS.map(() => []), buckets: [] };

const answered = (request: IndexRequest, epoch: number): readonly ShardReply[] =>
  shardsOf(request).map((shard) => ({ shard, epoch, value: request.op === 'insert' ? null : NOBODY }));

/** A shard of this node that answers everything under epoch 1. */
function shardActor(shard: number, seen: string[]): ActorSpec<IndexShardMessage> {
  return {
    type: 'actor',
    id: `shard-${shard}`,
    start: () => ({
      receive: (message) => {
        seen.push(`${message.type} ${shard}`);
        if (message.type === 'insert') message.reply.ok({ epoch: 1, value: null });
        else if (message.type === 'query') message.reply.ok({ epoch: 1, value: NOBODY });
      },
    }),
  };
}

class Arena {
  readonly clock: ManualClock;
  readonly routes = new Routes();
  readonly peers = new Peers();
  /** What shards of this node were asked. */
  readonly seen: string[];
  readonly stopping = new AbortController();
  holds = true;
  readonly client: IndexClient;
  readonly local: LocalIndex;
  readonly system: ActorSystem;

  private constructor(system: ActorSystem, clock: ManualClock, seen: string[]) {
    this.system = system;
    this.clock = clock;
    this.seen = seen;
    const shard = (number: number) => system.ref<IndexShardMessage>(`shard-${number}`);
    this.local = new LocalIndex({ shard, holds: () => this.holds });
    this.client = new IndexClient({
      shards: Array.from({ length: SHARDS }, (_, at) => at),
      inverses: {},
      directory: this.routes,
      local: this.local,
      peers: this.peers,
      clock,
    });
  }

  static async start(): Promise<Arena> {
    const clock = new ManualClock();
    const seen: string[] = [];
    const children = [0, 1].map((shard) => shardActor(shard, seen));
    const root = { type: 'supervisor', id: 'root', strategy: 'one_for_one', children } as const;
    return new Arena(await ActorSystem.start({ name: 'test', root, clock }), clock, seen);
  }

  get options() {
    return { signal: this.stopping.signal, timeoutMs: 1_000 };
  }

  query() {
    return this.client.query(CONTENTS, this.options);
  }
}

let arena: Arena | undefined;
afterEach(async () => {
  await arena?.system.stop();
  arena = undefined;
});

describe('a claim', () => {
  it('asks each node once for all of its shards', async () => {
    arena = await Arena.start();
    const inserted = arena.client.insert(CONTENTS, arena.options);
    await arena.clock.settle();
    const insert = arena.peers.next();
    expect(shardsOf(insert.request)).toEqual([2, 3]);
    expect(arena.peers.asked).toEqual([]);
    insert.answer(answered(insert.request, 1));
    await inserted;
    const queried = arena.query();
    await arena.clock.settle();
    const query = arena.peers.next();
    expect(shardsOf(query.request)).toEqual([2, 3]);
    query.answer(answered(query.request, 1));
    expect(await queried).toEqual([]);
    expect(arena.seen.sort()).toEqual(['insert 0', 'insert 1', 'query 0', 'query 1']);
    expect(arena.peers.asked).toEqual([]);
  });

  it('reads the records after its queries were answered, and not for inserts, whose journal fences', async () => {
    arena = await Arena.start();
    const inserted = arena.client.insert(CONTENTS, arena.options);
    await arena.clock.settle();
    const insert = arena.peers.next();
    insert.answer(answered(insert.request, 1));
    await inserted;
    expect(arena.routes.reads).toBe(0);
    const queried = arena.query();
    await arena.clock.settle();
    expect(arena.routes.reads).toBe(0);
    const query = arena.peers.next();
    query.answer(answered(query.request, 1));
    await queried;
    expect(arena.routes.reads).toBe(1);
  });

  it('asks again only the shard whose epoch has changed since it answered', async () => {
    arena = await Arena.start();
    const queried = arena.query();
    await arena.clock.settle();
    arena.routes.take(3, 'third');
    const late = arena.peers.next();
    late.answer(answered(late.request, 1));
    await arena.clock.advance(100);
    const asked = [arena.peers.next(), arena.peers.next()];
    expect(asked.map(({ node, request }) => [node, shardsOf(request)])).toEqual([
      ['other', [2]],
      ['third', [3]],
    ]);
    asked[0]?.answer([{ shard: 2, epoch: 1, value: NOBODY }]);
    asked[1]?.answer([{ shard: 3, epoch: 2, value: NOBODY }]);
    expect(await queried).toEqual([]);
  });

  it('waits for a node that does not answer, and asks it again, until the stage is stopped', async () => {
    arena = await Arena.start();
    const queried = arena.query();
    queried.catch(() => {});
    await arena.clock.settle();
    for (let round = 0; round < 5; round++) {
      arena.peers.next().answer(undefined);
      await arena.clock.settle();
      expect(arena.peers.asked).toEqual([]);
      await arena.clock.advance(100);
    }
    arena.stopping.abort(new Error('stopping'));
    await expect(queried).rejects.toThrow('stopping');
    expect(arena.seen.sort()).toEqual(['query 0', 'query 1']);
  });

  it('no longer waits for the answer of a node whose shards another one has taken', async () => {
    arena = await Arena.start();
    const queried = arena.query();
    await arena.clock.settle();
    expect(arena.peers.next().node).toBe('other');
    arena.routes.take(2, 'here');
    arena.routes.take(3, 'third');
    await arena.clock.advance(100);
    const third = arena.peers.next();
    expect([third.node, shardsOf(third.request)]).toEqual(['third', [3]]);
    arena.stopping.abort(new Error('stopping'));
    await expect(queried).rejects.toThrow('stopping');
  });

  it('fails with the class of what a shard says it failed of', async () => {
    arena = await Arena.start();
    const inserted = arena.client.insert(CONTENTS, arena.options);
    inserted.catch(() => {});
    await arena.clock.settle();
    arena.peers.next().answer([{ shard: 2, failed: 'AskTimeout: late', passing: 'timeout' }]);
    await expect(inserted).rejects.toMatchObject({ code: 'shard_unavailable', failureClass: 'timeout' });
  });
});

describe('the shards of a node', () => {
  it('answer nothing once its lease is over, whatever they have just found', async () => {
    arena = await Arena.start();
    arena.holds = false;
    const request: IndexRequest = {
      op: 'query',
      slices: [],
      parts: [0, 1].map((shard) => ({ shard, keys: [] })),
    };
    expect(await arena.local.answer(request, arena.options)).toEqual([
      { shard: 0, absent: true },
      { shard: 1, absent: true },
    ]);
  });

  it('are absent where they do not run', async () => {
    arena = await Arena.start();
    const request: IndexRequest = {
      op: 'query',
      slices: [],
      parts: [1, 2].map((shard) => ({ shard, keys: [] })),
    };
    expect(await arena.local.answer(request, arena.options)).toEqual([
      { shard: 1, epoch: 1, value: NOBODY },
      { shard: 2, absent: true },
    ]);
  });
});
