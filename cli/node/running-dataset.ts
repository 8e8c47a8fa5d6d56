// One dataset on this node: its streams, its supervision tree, and the door through which commands ask its keeper.
import { cpus } from 'node:os';
import type { DependencyContainer } from 'tsyringe';
import {
  type DatasetConfig,
  datasetTree,
  embedThreadModule,
  judgingContext,
  type KeeperAnswer,
  type KeeperMessage,
  keeperRequestSchema,
} from '#actors';
import { ensureDataset } from '#nats';
import { type ActorSnapshot, ActorSystem, type SystemEvent } from '#runtime';
import { connectPorts } from './connect-ports.ts';
import { datasetTopology } from './dataset-topology.ts';
import { asModelFailure, resolveModel } from './resolve-model.ts';
import { StageTotals } from './stage-totals.ts';
import { TOKENS } from './tokens.ts';

/** Longest that the keeper may take over one request (a cut of a large dataset). */
const KEEPER_TIMEOUT_MS = 600_000;
const DESKS = 2;
const EMBED_BATCH = 32;

export interface DatasetOptions {
  readonly dataset: string;
  readonly config: DatasetConfig;
  readonly onEvent: (event: SystemEvent) => void;
  readonly fenced: (error: Error) => void;
}

export class RunningDataset {
  readonly config: DatasetConfig;
  /** What each stage has handled since this dataset started here. */
  readonly totals: StageTotals;
  readonly #system: ActorSystem;
  readonly #endService: () => void;

  private constructor(
    config: DatasetConfig,
    system: ActorSystem,
    totals: StageTotals,
    endService: () => void,
  ) {
    this.config = config;
    this.totals = totals;
    this.#system = system;
    this.#endService = endService;
  }

  static async start(node: DependencyContainer, options: DatasetOptions): Promise<RunningDataset> {
    const { dataset, config } = options;
    const link = node.resolve(TOKENS.link);
    const names = node.resolve(TOKENS.names);
    const codec = node.resolve(TOKENS.codec);
    const { node: settings, system: systemName } = node.resolve(TOKENS.config).config;
    const model = await resolveModel(node.resolve(TOKENS.config), dataset, config.model);
    await ensureDataset(link, dataset, datasetTopology(systemName));
    const meter = new StageTotals();
    const ports = await connectPorts(node, dataset, config, { model, meter, fenced: options.fenced });
    const tree = datasetTree(ports, judgingContext(config, ports.kind, model), embedThreadModule(), {
      ingestors: settings.ingestConcurrency,
      decodeThreads:
        settings.decodeThreads === 'auto' ? Math.max(1, cpus().length - 1) : settings.decodeThreads,
      decodeTimeoutMs: settings.decodeTimeoutMs,
      desks: DESKS,
      embedBatch: EMBED_BATCH,
    });
    const system = await ActorSystem.start({
      name: dataset,
      root: {
        type: 'supervisor',
        id: 'root',
        strategy: 'one_for_one',
        intensity: TOP_INTENSITY,
        children: [tree],
      },
      clock: node.resolve(TOKENS.clock),
      random: node.resolve(TOKENS.random),
      log: node.resolve(TOKENS.log),
      onEvent: options.onEvent,
    }).catch((error: unknown) => {
      throw asModelFailure(error, config.model);
    });
    const keeper = system.ref<KeeperMessage>(`${dataset}/keeper`);
    const endService = link.serve(names.subjects.ask(dataset, 'keeper'), async (data) => {
      const request = keeperRequestSchema.parse(codec.decode(data));
      const answer = await keeper.ask<KeeperAnswer>((reply) => ({ type: 'request', request, reply }), {
        timeoutMs: KEEPER_TIMEOUT_MS,
      });
      return codec.encode(answer);
    });
    return new RunningDataset(config, system, meter, endService);
  }

  /** Resolves when the tree has ended, by `stop` or because its root gave up. */
  get ended(): ActorSystem['ended'] {
    return this.#system.ended;
  }

  snapshot(): ActorSnapshot {
    return this.#system.snapshot();
  }

  async stop(): Promise<void> {
    this.#endService();
    await this.#system.stop();
  }
}

const TOP_INTENSITY = { maxRestarts: 3, withinMs: 300_000 };
