// The datasets of a node: what runs is what is recorded. Whoever changes the record has all nodes follow it, and so does
// a dataset whose new generation holds everything.
import type { DependencyContainer } from 'tsyringe';
import type { ItemTracer, StageMeter } from '#actors';
import { type ClusterNode, pause, type SystemEvent, toError } from '#runtime';
import { type DatasetRecord, DatasetRegistry } from './dataset-registry.ts';
import type { Ending } from './ending.ts';
import { escalationReport } from './escalation-report.ts';
import { messageCodec } from './message-codec.ts';
import type { NodeEnd } from './node-end.ts';
import { RunningDataset } from './running-dataset.ts';
import { TOKENS } from './tokens.ts';

const SWITCH_RETRY_MS = 1_000;

export interface NodeDatasetsOptions {
  readonly node: string;
  /** Aborted when the node was told to stop: nothing is started any more. */
  readonly over: AbortSignal;
  readonly meter: (dataset: string) => Partial<StageMeter>;
  readonly tracer: (dataset: string) => ItemTracer;
  readonly onEvent: (event: SystemEvent, dataset: string) => void;
  /** Told that the node has to end, and which of its datasets is the reason. */
  readonly ends: (end: NonNullable<NodeEnd>) => void;
  /** Has this node follow what is recorded. */
  readonly follow: () => Promise<void>;
}

export class NodeDatasets {
  readonly #container: DependencyContainer;
  readonly #options: NodeDatasetsOptions;
  readonly #registry: DatasetRegistry;
  readonly #running = new Map<string, RunningDataset>();

  constructor(container: DependencyContainer, options: NodeDatasetsOptions) {
    this.#container = container;
    this.#options = options;
    this.#registry = DatasetRegistry.of(container.resolve(TOKENS.link), container.resolve(TOKENS.names));
  }

  /** Those that run now, by name. */
  get running(): ReadonlyMap<string, RunningDataset> {
    return this.#running;
  }

  /** Starts, restarts and stops datasets until what runs is what is recorded. One call at a time. */
  async reconcile(cluster: ClusterNode): Promise<void> {
    const { over } = this.#options;
    if (over.aborted) return;
    const recorded = await this.#registry.list();
    for (const [dataset, running] of this.#running) {
      const wanted = recorded.get(dataset);
      if (wanted !== undefined && running.runsAs(wanted, againstOf(wanted, recorded))) continue;
      this.#running.delete(dataset);
      await running.stop();
    }
    for (const [dataset, record] of recorded) {
      if (this.#running.has(dataset)) continue;
      if (over.aborted) return;
      const running = await this.#start(dataset, record, againstOf(record, recorded), cluster);
      // Whoever stops this node may have given up to wait for it.
      if (over.aborted) return running.stop();
      this.#running.set(dataset, running);
      this.#watch(dataset, running);
    }
  }

  /** Stops pulling in all of them, the intake first; shards go on. */
  async stopStages(): Promise<void> {
    await Promise.all([...this.#running.values()].map((dataset) => dataset.stopStages()));
  }

  /** Stops them all at once; they are known until `clear`. */
  async stop(ending: Ending): Promise<void> {
    const stops = [...this.#running].map(([name, dataset]) =>
      ending.waitFor(`stop of ${name}`, dataset.stop()),
    );
    await Promise.all(stops);
  }

  clear(): void {
    this.#running.clear();
  }

  #start(
    dataset: string,
    record: DatasetRecord,
    against: ReadonlyMap<string, DatasetRecord | undefined>,
    cluster: ClusterNode,
  ): Promise<RunningDataset> {
    const { node, meter, tracer, onEvent, ends } = this.#options;
    return RunningDataset.start(this.#container, {
      dataset,
      record,
      against,
      switched: (generation) => void this.#switched(dataset, generation),
      node,
      cluster,
      meter: meter(dataset),
      tracer: tracer(dataset),
      onEvent: (event) => onEvent(event, dataset),
      fenced: (error) => ends({ reason: 'fenced', error }),
    });
  }

  /** A dataset that gives up ends the node. */
  #watch(dataset: string, running: RunningDataset): void {
    const { node, ends } = this.#options;
    void running.ended.then(({ reason, error = new Error(`${dataset} ended`) }) => {
      if (reason !== 'restart_intensity') return;
      const events = running.recent.all;
      ends({ reason, error, report: escalationReport({ node, dataset, error, events }) });
    });
  }

  /** Records that a dataset's new generation is the present one, and has all nodes follow; tries until it is done. */
  async #switched(dataset: string, generation: number): Promise<void> {
    const { node, over, follow } = this.#options;
    const link = this.#container.resolve(TOKENS.link);
    const { subjects } = this.#container.resolve(TOKENS.names);
    while (!over.aborted) {
      try {
        await this.#registry.switched(dataset, generation);
        link.publishCore(subjects.askNodes, messageCodec.encode({}));
        // A node that is still starting hears no one yet, itself included.
        await follow();
        return;
      } catch (error) {
        const log = this.#container.resolve(TOKENS.log);
        log.error({ node, err: toError(error) }, 'a switched generation could not be recorded');
      }
      await pause(this.#container.resolve(TOKENS.clock), SWITCH_RETRY_MS, over);
    }
  }
}

/** The datasets that one is held against, now or once it is compared anew; undefined for those that are not there. */
function againstOf(
  { config, replay }: DatasetRecord,
  recorded: ReadonlyMap<string, DatasetRecord>,
): ReadonlyMap<string, DatasetRecord | undefined> {
  const named = [config, replay?.config].flatMap((each) => each?.dedup.against ?? []);
  return new Map([...new Set(named)].sort().map((name) => [name, recorded.get(name)]));
}
