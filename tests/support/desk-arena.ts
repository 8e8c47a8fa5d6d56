// Two desks, two index shards, and every message between them in the test's hand.
import type { ActorSpec, ActorSystem, SystemEvent } from '#runtime';
import { MemoryQueue } from '#testkit';
import { type IndexShardMessage, indexShardActor } from '../../actors/dedup/index-shard.ts';
import { shardOf } from '../../actors/dedup/partition.ts';
import type { Edge } from '../../actors/kinds/kind.ts';
import { deskActor } from '../../actors/pipeline/desk.ts';
import { blobKeys, type DedupMessage, type ScoreMessage } from '../../actors/pipeline/messages.ts';
import { contentOf, factsOf, sha } from './ledger-messages.ts';
import { type MemoryDataset, memoryCodec, memoryDataset } from './memory-ports.ts';
import { startActors } from './start-actors.ts';

export const SHARDS = 2;

/** Names of contents, one in each shard. */
export const [EAST, WEST] = [0, 1].map((shard) => {
  for (let at = 0; ; at++) if (shardOf(contentOf(`name ${at}`), SHARDS) === shard) return `name ${at}`;
}) as [string, string];

const NEAR = { [EAST]: '0000000000000000', [WEST]: '0000000000000003' };

/** What a desk is given: a content by its name. */
export function claimOf(
  sequence: number,
  name: string,
  change: { readonly phash?: string; readonly lowInformation?: boolean } = {},
): DedupMessage {
  const { phash = NEAR[name] ?? '0000000000000000', lowInformation = false } = change;
  return {
    sequence,
    item: sha(`item ${sequence}`),
    id: `item ${sequence}`,
    source: 'default',
    time: null,
    metadata: {},
    facts: factsOf(name, { hashes: { phash }, lowInformation }),
    vector: 'vector',
  };
}

/** What a desk asks of a shard. */
export type Ask = Extract<IndexShardMessage, { type: 'insert' | 'query' }>;

/** A request on its way from a desk to a shard: it arrives when the test says so. */
export interface Underway {
  readonly shard: number;
  readonly message: Ask;
  readonly deliver: () => void;
}

/** Stands before a shard and holds what one desk asks of it. */
function gateActor(id: string, shard: number, held: Underway[]): ActorSpec<IndexShardMessage> {
  return {
    type: 'actor',
    id,
    start: (context) => {
      const behind = context.ref<IndexShardMessage>(`shard-${shard}`);
      return {
        receive: (message) => {
          if (message.type === 'describe' || message.type === 'remove') return;
          held.push({ shard, message, deliver: () => void behind.tell(message) });
        },
      };
    },
  };
}

/** Two desks, two shards, and every message between them in the test's hand. */
export class DeskArena {
  readonly dataset: MemoryDataset;
  readonly held: readonly [Underway[], Underway[]] = [[], []];
  readonly queues: readonly [MemoryQueue, MemoryQueue];
  readonly events: SystemEvent[] = [];
  #system: ActorSystem | undefined;

  constructor(dataset = memoryDataset()) {
    this.dataset = dataset;
    const { clock, trace } = dataset;
    this.queues = [
      new MemoryQueue({ clock, name: 'desk-0', trace }),
      new MemoryQueue({ clock, name: 'desk-1', trace }),
    ];
  }

  async start(): Promise<this> {
    const shards = [0, 1].map((shard) => indexShardActor(this.dataset.ports, shard));
    const gates = [0, 1].flatMap((desk) =>
      [0, 1].map((shard) => gateActor(`gate-${desk}-${shard}`, shard, this.held[desk as 0 | 1])),
    );
    const desks = ([0, 1] as const).map((desk) =>
      deskActor(
        { ...this.dataset.ports, source: () => this.queues[desk] },
        { id: `desk-${desk}`, shards: [`gate-${desk}-0`, `gate-${desk}-1`], askTimeoutMs: 20_000 },
      ),
    );
    this.#system = await startActors(this.dataset, [...shards, ...gates, ...desks], {
      intensity: { maxRestarts: 100, withinMs: 1_000 },
      onEvent: (event) => void this.events.push(event),
    });
    return this;
  }

  /** Lets one request of a desk arrive; `last` takes the newest of those that are under way. */
  async step(desk: 0 | 1, last = false): Promise<void> {
    const underway = last ? this.held[desk].pop() : this.held[desk].shift();
    if (underway === undefined) throw new Error(`desk ${desk} has asked nothing`);
    underway.deliver();
    await this.dataset.clock.settle();
  }

  /** The desk's process dies: what it had asked and what it knew is gone, its message is delivered again. */
  async crash(desk: 0 | 1): Promise<void> {
    this.queues[desk].fail(new Error('the process died'));
    this.held[desk].splice(0);
    await this.dataset.clock.advance(1);
  }

  async claim(desk: 0 | 1, ...claims: readonly DedupMessage[]): Promise<void> {
    for (const { facts } of claims) {
      await this.dataset.blobs.put(blobKeys.proxy(facts.content), Uint8Array.of(100));
    }
    this.queues[desk].add(...claims.map((claim) => ({ data: memoryCodec.encode(claim) })));
    await this.dataset.clock.settle();
  }

  scored(): readonly ScoreMessage[] {
    return this.dataset.publisher
      .on('work.score')
      .map(({ data }) => memoryCodec.decode(data) as ScoreMessage);
  }

  edges(): readonly Edge[] {
    return this.scored().flatMap(({ edges }) => edges);
  }

  async stop(): Promise<void> {
    await this.#system?.stop();
  }
}
