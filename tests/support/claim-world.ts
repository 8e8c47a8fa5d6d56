// Two claims and two index shards that change hands, with every step between them in a test's hand. The client that
// claims and the journals that fence are the real ones; what is simulated is where shards run and when messages arrive.
import type { IndexPeers, IndexRequest, ShardDirectory, ShardReply } from '#actors';
import { EventSourced } from '#runtime';
import { ManualClock, MemoryBlobs, MemoryJournal } from '#testkit';
import { IndexClient } from '../../actors/dedup/index-client.ts';
import { shardsOf } from '../../actors/dedup/index-exchange.ts';
import { LocalIndex } from '../../actors/dedup/local-index.ts';
import { shardOf } from '../../actors/dedup/partition.ts';

export const SHARDS = 2;

/** Two contents, each of its own shard, that are neighbours of each other. */
export const CONTENTS = [0, 1].map((shard) => {
  for (let at = 0; ; at++) {
    const content = at.toString(16).padStart(64, '0');
    if (shardOf(content, SHARDS) === shard) return content;
  }
}) as [string, string];

type Store = EventSourced<Set<string>, readonly string[]>;

/** Something that happens when the test says so. */
export interface Step {
  readonly name: string;
  /** The claim that waits for it. */
  readonly claim?: 0 | 1;
  readonly run: () => void | Promise<void>;
}

interface Owned {
  readonly node: string;
  readonly epoch: number;
}

/** What a claim reads of the shards' records after its answers. */
export type Reading = 'leader' | 'stale';

export class ClaimWorld {
  readonly clock = new ManualClock();
  /** What may happen next, by whoever waits for it. */
  readonly waiting: Step[] = [];
  /** What each claim found, once it has ended. */
  readonly found: (readonly string[] | undefined)[] = [undefined, undefined];
  /** What each claim was told, in order: all that decides what it does next. */
  readonly #heard: [string[], string[]] = [[], []];
  /** How often each claim was begun. */
  readonly #lives: [number, number] = [0, 0];
  readonly #records: Owned[] = [];
  readonly #journals = Array.from({ length: SHARDS }, () => new MemoryJournal());
  readonly #blobs = new MemoryBlobs();
  /** Replicas that answer, by `node/shard`. */
  readonly #replicas = new Map<string, Store>();

  /** Each shard runs on a node of its own. */
  static async create(): Promise<ClaimWorld> {
    const world = new ClaimWorld();
    for (let shard = 0; shard < SHARDS; shard++) {
      const node = `first ${shard}`;
      world.#records.push({ node, epoch: 1 });
      await world.#load(node, shard, 1);
    }
    return world;
  }

  /** Lets everything happen that needs no step and no time. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Claims content `which` from now on. */
  claim(which: 0 | 1, reading: Reading = 'leader'): void {
    this.#lives[which] += 1;
    const life = this.#lives[which];
    const content = CONTENTS[which];
    const signal = new AbortController().signal;
    const directory = this.#directory(which, reading);
    const client = new IndexClient({
      shards: Array.from({ length: SHARDS }, (_, shard) => shard),
      inverses: {},
      directory,
      local: new LocalIndex({
        shard: () => {
          throw new Error('no shard is here');
        },
        holds: () => true,
      }),
      peers: this.#peers(which),
      clock: this.clock,
    });
    const entry = { content, hashes: {} };
    const options = { signal, timeoutMs: 1_000 };
    // What it knows of the shards then may be old when it asks them.
    void this.#gate(which, 'begin', () => directory.look())
      .then(() => client.insert([entry], options))
      .then(() => client.query([entry], options))
      .then((pairs) => {
        if (life !== this.#lives[which]) return;
        this.found[which] = pairs.map(({ a, b }) => (a === content ? b : a));
      });
  }

  /** The step in which the process of a claim dies; its message is delivered again, and the claim made anew. */
  crash(which: 0 | 1): Step {
    return {
      name: `claim ${which} dies`,
      run: () => {
        const left = this.waiting.filter(({ claim }) => claim !== which);
        this.waiting.splice(0, this.waiting.length, ...left);
        this.#heard[which] = [];
        this.found[which] = undefined;
        this.claim(which);
      },
    };
  }

  /**
   * The steps in which a shard goes to `node`. `orderly`: its owner stops first. Otherwise that is frozen, wakes up
   * knowing of nothing, and answers on.
   */
  handOff(shard: number, node: string, orderly: boolean): readonly Step[] {
    const name = `shard ${shard} to ${node}`;
    const owner = () => this.#records[shard] as Owned;
    return [
      ...(orderly
        ? [{ name: `${name}: stop`, run: () => void this.#replicas.delete(`${owner().node}/${shard}`) }]
        : []),
      {
        name: `${name}: record`,
        run: () => {
          this.#records[shard] = { node, epoch: owner().epoch + 1 };
        },
      },
      { name: `${name}: own`, run: () => this.#load(node, shard, owner().epoch) },
    ];
  }

  /** Worlds with the same state, in which the same steps wait, have the same futures. */
  get state(): string {
    const replicas = [...this.#replicas].map(([at, { state, epoch }]) => [at, epoch, [...state].sort()]);
    const claims = this.#heard.map((heard, which) => this.found[which] ?? heard);
    const stored = this.#journals.map(({ frames }) => frames);
    return JSON.stringify([
      this.#records,
      replicas.sort(),
      stored,
      claims,
      this.waiting.map(({ name }) => name).sort(),
    ]);
  }

  async #load(node: string, shard: number, epoch: number): Promise<void> {
    const store = await EventSourced.recover<Set<string>, readonly string[]>({
      journal: (this.#journals[shard] as MemoryJournal).rival(),
      blobs: this.#blobs,
      prefix: String(shard),
      epoch,
      initial: () => new Set(),
      apply: (contents, event) => {
        for (const content of event) contents.add(content);
      },
      encodeSnapshot: () => new Uint8Array(),
      decodeSnapshot: () => new Set(),
    });
    this.#replicas.set(`${node}/${shard}`, store);
  }

  #directory(which: 0 | 1, reading: Reading): ShardDirectory & { readonly look: () => readonly Owned[] } {
    let seen: readonly Owned[] = [];
    const look = () => {
      seen = [...this.#records];
      return seen;
    };
    return {
      look,
      node: `desk ${which}`,
      route: (shard) => seen[shard],
      holds: () => true,
      refresh: () => this.#gate(which, 'read', () => (reading === 'leader' ? look() : seen)).then(() => {}),
      moved: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
    };
  }

  /** A request arrives, is answered, and the answer is back in one step; those to other nodes may come between. */
  #peers(which: 0 | 1): IndexPeers {
    return {
      ask: (node, request) =>
        this.#gate(which, `${request.op} at ${node}`, () =>
          Promise.all(shardsOf(request).map((shard, at) => this.#answer(node, shard, request, at))),
        ),
    };
  }

  async #answer(node: string, shard: number, request: IndexRequest, at: number): Promise<ShardReply> {
    const store = this.#replicas.get(`${node}/${shard}`);
    if (store === undefined) return { shard, absent: true };
    if (request.op === 'query') {
      const slices = request.slices.map(({ content }) =>
        [...store.state]
          .filter((other) => other !== content)
          .map((other) => ({ content: other, distances: {}, similarity: null })),
      );
      return { shard, epoch: store.epoch, value: { slices, buckets: [] } };
    }
    if (request.op === 'remove') throw new Error('nothing is removed here');
    const fresh = (request.parts[at]?.slices ?? []).filter(({ content }) => !store.state.has(content));
    try {
      if (fresh.length > 0) await store.persist([fresh.map(({ content }) => content)]);
      return { shard, epoch: store.epoch, value: null };
    } catch {
      // Fenced: a former owner that tries to write finds out, and stops.
      this.#replicas.delete(`${node}/${shard}`);
      return { shard, absent: true };
    }
  }

  /** What a claim does next happens when its step is chosen. */
  #gate<T>(which: 0 | 1, name: string, action: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async () => {
      try {
        const answer = await action();
        this.#heard[which].push(`${name} ${JSON.stringify(answer)}`);
        resolve(answer);
      } catch (error) {
        reject(error);
      }
    };
    this.waiting.push({ name: `claim ${which}: ${name}`, claim: which, run });
    return promise;
  }
}
