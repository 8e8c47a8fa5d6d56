// A node: one process that runs the datasets of a system. It records what its configuration says, starts a tree
// for each dataset, follows datasets that commands add or change, and answers as the NATS service `troupe-node`.
import { hostname } from 'node:os';
import type { DependencyContainer } from 'tsyringe';
import { canonicalJson } from '#actors';
import { ensureSystem, type NatsLink, NatsRecords, type SystemNames, serveNode } from '#nats';
import type { Logger, SystemEvent } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';
import { encodeEvent } from '../events/event-record.ts';
import { nodeContainer } from './container.ts';
import { DatasetRegistry } from './dataset-registry.ts';
import { type EscalationReport, escalationReport } from './escalation-report.ts';
import { RunningDataset } from './running-dataset.ts';
import { TOKENS } from './tokens.ts';

/** Why a node ended by itself; undefined after `stop`. */
export type NodeEnd =
  | { readonly reason: 'restart_intensity'; readonly error: Error; readonly report: EscalationReport }
  | { readonly reason: 'fenced' | 'connection'; readonly error: Error }
  | undefined;

export interface NodeOptions {
  readonly config: LoadedConfig;
  readonly link: NatsLink;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** What the server's acknowledged writes survive, as far as this node knows. */
  readonly durability: NodeDurability;
}

/** `process`: every crash of processes; `disk`: a loss of power too; `external`: as the named server is configured. */
export type NodeDurability = 'process' | 'disk' | 'external';

export class RunningNode {
  readonly name: string;
  /** Resolves when the node must stop (another owner, exhausted restarts) or was stopped. */
  readonly ended: Promise<NodeEnd>;
  readonly #container: DependencyContainer;
  readonly #options: NodeOptions;
  readonly #datasets = new Map<string, RunningDataset>();
  readonly #closing: (() => void)[] = [];
  readonly #end: (end: NodeEnd) => void;
  #reconciling: Promise<void> = Promise.resolve();
  #stopped = false;

  static async start(options: NodeOptions): Promise<RunningNode> {
    const node = new RunningNode(options);
    try {
      await node.#open();
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  private constructor(options: NodeOptions) {
    const { promise, resolve } = Promise.withResolvers<NodeEnd>();
    this.#options = options;
    this.#container = nodeContainer(options);
    this.ended = promise;
    this.#end = resolve;
    const random = this.#container.resolve(TOKENS.random);
    const suffix = Math.floor(random.next() * 0x10000)
      .toString(16)
      .padStart(4, '0');
    this.name = options.config.config.node.name ?? `${hostname().split('.')[0] ?? 'node'}-${suffix}`;
  }

  get names(): SystemNames {
    return this.#container.resolve(TOKENS.names);
  }

  get datasets(): readonly string[] {
    return [...this.#datasets.keys()];
  }

  /** What the stages of a dataset have handled on this node. */
  stageTotals(dataset: string): ReturnType<RunningDataset['totals']['toJSON']> {
    return this.#datasets.get(dataset)?.totals.toJSON() ?? {};
  }

  /** Stops the trees, intake first in each; what was in hand is finished or given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const close of this.#closing.splice(0)) close();
    await this.#reconciling.catch(() => undefined);
    await Promise.all([...this.#datasets.values()].map((dataset) => dataset.stop()));
    this.#datasets.clear();
    this.#end(undefined);
  }

  async #open(): Promise<void> {
    const { link, config, version } = this.#options;
    const names = this.#container.resolve(TOKENS.names);
    await ensureSystem(link, { system: config.config.system });
    const registry = this.#registry();
    for (const [dataset, settings] of Object.entries(config.config.datasets)) {
      await registry.put(dataset, 'file', settings);
    }
    await this.#reconcile();
    this.#closing.push(
      link.serve(names.subjects.askNodes, async () => {
        // One that failed has told its asker; the next one starts afresh.
        this.#reconciling = this.#reconciling.catch(() => undefined).then(() => this.#reconcile());
        await this.#reconciling;
        return this.#container.resolve(TOKENS.codec).encode({ datasets: this.datasets });
      }),
    );
    this.#closing.push(
      serveNode(link, {
        name: names.service,
        id: this.name,
        version,
        description: 'a node of a Troupe system',
        metadata: { node: this.name, system: names.system },
        statsData: () => this.#stats(),
      }),
    );
    void link.closed.then((error) => {
      if (error !== undefined) this.#end({ reason: 'connection', error });
    });
  }

  /** Starts, restarts and stops datasets until what runs is what is recorded. */
  async #reconcile(): Promise<void> {
    if (this.#stopped) return;
    const recorded = await this.#registry().list();
    for (const [dataset, running] of this.#datasets) {
      const wanted = recorded.get(dataset);
      if (wanted !== undefined && canonicalJson(wanted.config) === canonicalJson(running.config)) continue;
      this.#datasets.delete(dataset);
      await running.stop();
    }
    for (const [dataset, { config }] of recorded) {
      if (this.#datasets.has(dataset)) continue;
      const running = await RunningDataset.start(this.#container, {
        dataset,
        config,
        onEvent: (event) => this.#publishEvent(event, dataset),
        fenced: (error) => this.#end({ reason: 'fenced', error }),
      });
      this.#datasets.set(dataset, running);
      void running.ended.then(({ reason, error = new Error(`${dataset} ended`) }) => {
        if (reason !== 'restart_intensity') return;
        const events = running.recent.all;
        this.#end({ reason, error, report: escalationReport({ node: this.name, dataset, error, events }) });
      });
    }
  }

  #registry(): DatasetRegistry {
    const names = this.#container.resolve(TOKENS.names);
    return new DatasetRegistry(new NatsRecords(this.#options.link, names.records.datasets));
  }

  /** Supervision events are for whoever listens; losing one costs nothing but a line of history. */
  #publishEvent(event: SystemEvent, dataset: string): void {
    const names = this.#container.resolve(TOKENS.names);
    const body = encodeEvent(event, { node: this.name, dataset });
    this.#options.link.publishCore(names.subjects.events(this.name, event.type), body);
  }

  #stats(): object {
    return {
      node: this.name,
      version: this.#options.version,
      durability: this.#options.durability,
      datasets: [...this.#datasets].map(([name, dataset]) => ({
        name,
        tree: dataset.snapshot(),
        stages: dataset.totals.toJSON(),
        breakers: dataset.breakers(),
        accountedBytes: dataset.totals.accountedBytes,
      })),
    };
  }
}
