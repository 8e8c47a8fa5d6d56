// The parts of a dataset that have one owner in the whole system, the index shards and the keeper, on this node: they
// are started and stopped as children of the dataset's tree, each under the epoch under which this node took it.
import { type ActorSpec, ChildRefused, type SupervisorRef } from '#runtime';
import { shardNumbers } from '../config/index.ts';
import { indexShardActor, prepareIndexShard } from '../dedup/index-shard.ts';
import { keeperActor, prepareKeeper } from '../keeper/keeper.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { type DatasetShard, INDEX_PARENT, idOf, KEEPER_PARENT, shardPath } from './shard-path.ts';

/** The actor of a shard under an epoch. */
// biome-ignore lint/suspicious/noExplicitAny: a supervisor holds children of any message type; refs restore it.
type ShardActor = (epoch: number) => ActorSpec<any>;

/** The shards of one dataset on this node. */
export class DatasetShards {
  readonly #ports: DatasetPorts;
  readonly #judging: JudgingContext;
  readonly #supervisor: (path: string) => SupervisorRef;
  readonly #prepared = new Map<DatasetShard, ShardActor>();

  constructor(options: {
    readonly ports: DatasetPorts;
    readonly judging: JudgingContext;
    /** The supervisors of the system in which the dataset's tree stands. */
    readonly supervisor: (path: string) => SupervisorRef;
  }) {
    this.#ports = options.ports;
    this.#judging = options.judging;
    this.#supervisor = options.supervisor;
  }

  /** The epoch under which a shard's journal was owned last; 0 for none. */
  async lastEpoch(shard: DatasetShard): Promise<number> {
    const journal =
      shard === 'keeper' ? this.#ports.journal('keeper', 0) : this.#ports.journal('index', shard);
    return (await journal.standing()).epoch;
  }

  /** Loads what can be loaded of a shard that another node still owns. */
  async prepare(shard: DatasetShard): Promise<void> {
    const actor =
      shard === 'keeper'
        ? await prepareKeeper(this.#ports, this.#judging)
        : await prepareIndexShard(this.#portsOf(shard), shard);
    this.#prepared.set(shard, actor);
  }

  /** Resolves when the shard answers. @throws StartFailed; its cause is JournalFenced when another owner has it */
  async start(shard: DatasetShard, epoch: number): Promise<void> {
    await this.stop(shard);
    const actor = this.#prepared.get(shard) ?? this.#actor(shard);
    this.#prepared.delete(shard);
    await this.#parent(shard).startChild(actor(epoch));
  }

  /** Resolves when the shard no longer answers; at once when it does not run. */
  async stop(shard: DatasetShard): Promise<void> {
    const parent = this.#parent(shard);
    const id = idOf(shard);
    try {
      await parent.terminateChild(id);
      await parent.deleteChild(id);
      this.#ports.meter.holds(shardPath(shard), 0);
    } catch (error) {
      const gone = error instanceof ChildRefused && ABSENT.has(error.refusal);
      if (!gone) throw error;
    }
  }

  /** Shards that run, or are being restarted. */
  running(): readonly DatasetShard[] {
    const generations = [this.#ports, this.#ports.next].filter((each) => each !== undefined);
    const all: readonly DatasetShard[] = [
      'keeper',
      ...generations.flatMap(({ generation, config }) => shardNumbers(generation, config)),
    ];
    const alive = new Set(
      [KEEPER_PARENT, INDEX_PARENT].flatMap((parent) =>
        this.#supervisor(`${this.#ports.dataset}/${parent}`)
          .children()
          .flatMap(({ id, state }) => (state === 'done' ? [] : [id])),
      ),
    );
    return all.filter((shard) => alive.has(idOf(shard)));
  }

  #parent(shard: DatasetShard): SupervisorRef {
    return this.#supervisor(`${this.#ports.dataset}/${shard === 'keeper' ? KEEPER_PARENT : INDEX_PARENT}`);
  }

  #actor(shard: DatasetShard): ShardActor {
    return shard === 'keeper'
      ? (epoch) => keeperActor(this.#ports, this.#judging, { epoch })
      : (epoch) => indexShardActor(this.#portsOf(shard), shard, { epoch });
  }

  /** The ports of the generation that a shard belongs to. */
  #portsOf(shard: number): DatasetPorts {
    const { next } = this.#ports;
    return next !== undefined && shard >= next.generation.base ? next : this.#ports;
  }
}

const ABSENT: ReadonlySet<string> = new Set(['not_found', 'no_supervisor', 'supervisor_stops', 'terminated']);
