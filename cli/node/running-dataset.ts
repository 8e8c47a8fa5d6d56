// One dataset on this node: its streams, its supervision tree, the shards of it that this node owns, and, while it owns
// the keeper, the door through which commands ask that.
import { availableParallelism } from 'node:os';
import type { DependencyContainer } from 'tsyringe';
import {
  canonicalJson,
  type DatasetPorts,
  type DatasetShard,
  DatasetShards,
  type DatasetSizing,
  datasetTree,
  embedThreadModule,
  type IndexShardMessage,
  type ItemTracer,
  judgingContext,
  type KeeperAnswer,
  type KeeperMessage,
  keeperRequestSchema,
  LocalIndex,
  type ModelIdentity,
  metersTogether,
  mustRepeat,
  STATELESS_PARTS,
  type StageMeter,
  shardPath,
  vectorsDrop,
  workersOf,
} from '#actors';
import { ensureDataset } from '#nats';
import {
  type ActorSnapshot,
  ActorSystem,
  type BreakerSnapshot,
  type ClusterNode,
  logHappening,
  type SystemEvent,
  type SystemHappening,
} from '#runtime';
import type { Config } from '../config/index.ts';
import { connectAgainst } from './connect-against.ts';
import { connectPorts } from './connect-ports.ts';
import { type DatasetRecord, recordedShards } from './dataset-registry.ts';
import { datasetTopology } from './dataset-topology.ts';
import { RecentEvents } from './escalation-report.ts';
import { forgetFormerShards } from './former-shards.ts';
import { NatsIndexPeers } from './index-peers.ts';
import { KEEPER_ACTORS, type KeeperAccess, requireAccess } from './keeper-access.ts';
import { messageCodec } from './message-codec.ts';
import { asModelFailure, modelContext, resolveModel } from './resolve-model.ts';
import { serveIndex } from './serve-index.ts';
import { shardDirectory } from './shard-directory.ts';
import { StageTotals } from './stage-totals.ts';
import { TOKENS } from './tokens.ts';
import { WorkFlow } from './work-flow.ts';

/** Longest that the keeper may take over one request (a cut of a large dataset). */
const KEEPER_TIMEOUT_MS = 600_000;
const DESKS = 2;
const EMBED_BATCH = 32;

export interface DatasetOptions {
  readonly dataset: string;
  readonly record: DatasetRecord;
  /** The datasets that it is held against, by name; without a record where there is none. */
  readonly against: ReadonlyMap<string, DatasetRecord | undefined>;
  /** The generation that was being made holds everything: it is to be recorded as the present one. */
  readonly switched: (generation: number) => void;
  readonly onEvent: (event: SystemEvent) => void;
  readonly fenced: (error: Error) => void;
  readonly node: string;
  /** This node as a member of its system. */
  readonly cluster: ClusterNode;
  readonly tracer: ItemTracer;
  /** Counts the work for metrics. */
  readonly meter: Partial<StageMeter>;
}

export class RunningDataset {
  /** As it was when this was started. */
  readonly record: DatasetRecord;
  readonly #against: ReadonlyMap<string, DatasetRecord | undefined>;
  /** What each stage has handled since this dataset started here. */
  readonly totals: StageTotals;
  /** How busy each part is. */
  readonly flow: WorkFlow;
  /** For a report, should the tree give up. */
  readonly recent: RecentEvents;
  /** What its vectors are made by. */
  readonly model: ModelIdentity;
  readonly #dataset: string;
  readonly #system: ActorSystem;
  readonly #breakers: () => readonly BreakerSnapshot[];
  readonly #shards: DatasetShards;
  /** Serves requests to the keeper until the returned function is called. */
  readonly #serveKeeper: () => () => void;
  readonly #endIndexService: () => void;
  #endKeeperService: () => void = () => {};
  #isStopped = false;

  private constructor(parts: {
    readonly dataset: string;
    readonly record: DatasetRecord;
    readonly against: ReadonlyMap<string, DatasetRecord | undefined>;
    readonly system: ActorSystem;
    readonly totals: StageTotals;
    readonly flow: WorkFlow;
    readonly recent: RecentEvents;
    readonly model: ModelIdentity;
    readonly breakers: () => readonly BreakerSnapshot[];
    readonly shards: DatasetShards;
    readonly serveKeeper: () => () => void;
    readonly endIndexService: () => void;
  }) {
    this.#dataset = parts.dataset;
    this.record = parts.record;
    this.#against = parts.against;
    this.totals = parts.totals;
    this.flow = parts.flow;
    this.recent = parts.recent;
    this.model = parts.model;
    this.#system = parts.system;
    this.#breakers = parts.breakers;
    this.#shards = parts.shards;
    this.#serveKeeper = parts.serveKeeper;
    this.#endIndexService = parts.endIndexService;
  }

  static async start(node: DependencyContainer, options: DatasetOptions): Promise<RunningDataset> {
    const { dataset, record } = options;
    const { config } = record;
    const link = node.resolve(TOKENS.link);
    const names = node.resolve(TOKENS.names);
    const codec = node.resolve(TOKENS.codec);
    const { node: settings } = node.resolve(TOKENS.config).config;
    await ensureDataset(link, dataset, datasetTopology(node.resolve(TOKENS.config).config));
    const clock = node.resolve(TOKENS.clock);
    const sizing = sizingOf(settings);
    const totals = new StageTotals();
    const flow = new WorkFlow({ clock, workers: workersOf(sizing, settings.roles) });
    const log = node.resolve(TOKENS.log);
    const recent = new RecentEvents();
    const onEvent = (event: SystemEvent): void => {
      recent.add(event);
      options.onEvent(event);
    };
    const emit = (happening: SystemHappening): void => {
      logHappening(log, happening);
      onEvent({ ...happening, atMs: clock.wallMs() });
    };
    const random = node.resolve(TOKENS.random);
    const indexOf = (name: string) => ({
      directory: shardDirectory(options.node, options.cluster, name),
      peers: new NatsIndexPeers({
        dataset: name,
        link,
        codec,
        subject: (peer) => names.subjects.askIndex(name, peer),
        members: () => options.cluster.view.members().map(({ id }) => id),
        clock,
        random,
        emit,
      }),
    });
    const { directory, peers } = indexOf(dataset);
    const portsOf = async ({ config: of, generation }: Pick<DatasetRecord, 'config' | 'generation'>) => {
      const use = { path: `datasets.${dataset}.model`, dataset };
      const resolved = await resolveModel(modelContext(node), use, of.model);
      const model = vectorsDrop(of.dedup) ? mustRepeat(resolved) : resolved;
      const against = await Promise.all(
        (of.dedup.against ?? [])
          .filter((name) => name !== dataset)
          .map((name) =>
            connectAgainst(node, {
              dataset: name,
              record: options.against.get(name),
              model,
              ...indexOf(name),
            }),
          ),
      );
      return connectPorts(node, dataset, of, {
        model,
        against,
        meter: metersTogether([totals, flow, options.meter]),
        tracer: options.tracer,
        emit,
        fenced: options.fenced,
        index: { directory, peers },
        generation,
      });
    };
    const next = record.replay && (await portsOf(record.replay));
    const ports: DatasetPorts = {
      ...(await portsOf(record)),
      switched: options.switched,
      forgetShards: () => forgetFormerShards(link, { names, codec, dataset }, recordedShards(record)),
      ...(next !== undefined && { next }),
    };
    const judging = judgingContext(config, ports.kind, ports.model);
    const tree = datasetTree(ports, judging, embedThreadModule(), sizing, settings.roles);
    const system = await ActorSystem.start({
      name: dataset,
      root: {
        type: 'supervisor',
        id: 'root',
        strategy: 'one_for_one',
        intensity: TOP_INTENSITY,
        children: [tree],
      },
      clock,
      random,
      log,
      onEvent,
    }).catch((error: unknown) => {
      throw asModelFailure(error, config.model);
    });
    const keeper = system.ref<KeeperMessage>(`${dataset}/${shardPath('keeper')}`);
    const serveAt = (access: KeeperAccess) =>
      link.serve(names.subjects.ask(dataset, KEEPER_ACTORS[access]), async (data) => {
        const request = keeperRequestSchema.parse(codec.decode(data));
        requireAccess(request, access);
        const answer = await keeper.ask<KeeperAnswer>((reply) => ({ type: 'request', request, reply }), {
          timeoutMs: KEEPER_TIMEOUT_MS,
        });
        return messageCodec.encode(answer);
      });
    const serveKeeper = () => {
      const ends = (['order', 'review', 'read'] as const).map(serveAt);
      return () => {
        for (const end of ends) end();
      };
    };
    const shards = new DatasetShards({ ports, judging, supervisor: (path) => system.supervisor(path) });
    const breakers = () => [ports.modelBreaker.snapshot(), ...ports.guard.snapshot(), ...peers.snapshot()];
    try {
      const endIndexService = serveIndex(link, {
        subject: names.subjects.askIndex(dataset, options.node),
        codec,
        local: new LocalIndex({
          shard: (shard) => system.ref<IndexShardMessage>(`${dataset}/${shardPath(shard)}`),
          holds: () => options.cluster.holds(),
        }),
      });
      return new RunningDataset({
        dataset,
        record,
        against: options.against,
        system,
        totals,
        flow,
        recent,
        model: ports.model,
        breakers,
        shards,
        serveKeeper,
        endIndexService,
      });
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  /** Resolves when the tree has ended, by `stop` or because its root gave up. */
  get ended(): ActorSystem['ended'] {
    return this.#system.ended;
  }

  snapshot(): ActorSnapshot {
    return this.#system.snapshot();
  }

  /** The model's breaker, then those of the places that references led to, then those of other nodes. */
  breakers(): readonly BreakerSnapshot[] {
    return this.#breakers();
  }

  /** Whether it was started from this record, and against these others. */
  runsAs(record: DatasetRecord, against: ReadonlyMap<string, DatasetRecord | undefined>): boolean {
    return textOf(record, against) === textOf(this.record, this.#against);
  }

  lastEpoch(shard: DatasetShard): Promise<number> {
    return this.#shards.lastEpoch(shard);
  }

  prepareShard(shard: DatasetShard): Promise<void> {
    return this.#shards.prepare(shard);
  }

  async startShard(shard: DatasetShard, epoch: number): Promise<void> {
    await this.#shards.start(shard, epoch);
    // A tree that was stopped meanwhile has no keeper: who served it would answer every request with its end, for ever.
    if (shard !== 'keeper' || this.#isStopped) return;
    this.#endKeeperService();
    this.#endKeeperService = this.#serveKeeper();
  }

  async stopShard(shard: DatasetShard): Promise<void> {
    if (shard === 'keeper') this.#endKeeperService();
    await this.#shards.stop(shard);
  }

  runningShards(): readonly DatasetShard[] {
    return this.#shards.running();
  }

  /** Stops pulling and working, the intake first; shards go on. What was in hand is finished or given back. */
  async stopStages(): Promise<void> {
    const tree = this.#system.supervisor(this.#dataset);
    const running = new Set(tree.children().map(({ id }) => id));
    for (const part of STATELESS_PARTS.toReversed()) if (running.has(part)) await tree.terminateChild(part);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endKeeperService();
    this.#endIndexService();
    await this.#system.stop();
  }
}

function sizingOf(settings: Config['node']): DatasetSizing {
  const { ingestConcurrency, decodeThreads, decodeTimeoutMs, embedTimeoutMs } = settings;
  return {
    ingestors: ingestConcurrency,
    decodeThreads: decodeThreads === 'auto' ? Math.max(1, availableParallelism() - 1) : decodeThreads,
    decodeTimeoutMs,
    desks: DESKS,
    embedBatch: EMBED_BATCH,
    embedTimeoutMs,
  };
}

function textOf(record: DatasetRecord, against: ReadonlyMap<string, DatasetRecord | undefined>): string {
  return canonicalJson([record, [...against].map(([name, other]) => [name, other ?? null])]);
}

const TOP_INTENSITY = { maxRestarts: 3, withinMs: 300_000 };
