// The metrics of one node: counters that its parts and events move as they work, and gauges that are looked up when
// somebody reads them. Queues are asked from the server at most every few seconds, however often that is.
import { type EmbedMeter, STAGES, type StageMeter, WORKING_PARTS, type WorkingPart } from '#actors';
import type { BreakerSnapshot, Clock, ClusterEvent, SystemEvent } from '#runtime';
import { parseShardKey } from '#runtime';
import type { PartWork } from '../node/work-flow.ts';
import { DatasetCounters } from './dataset-counters.ts';
import { actorLabel, dependencyOf, servedModelOf } from './event-labels.ts';
import { Instruments } from './instruments.ts';
import { BREAKER_STATES, DEPENDENCIES, type NODE_STATES, SIZED_STREAMS } from './metric-catalogue.ts';
import { ModelCounters } from './model-counters.ts';
import type { DatasetQueues } from './queue-sampler.ts';

/** What is told of a dataset that runs on this node. */
export interface DatasetFacts {
  readonly name: string;
  readonly shards: { readonly index: number; readonly keeper: number };
  readonly failingShards: number;
  readonly breakers: readonly BreakerSnapshot[];
  readonly work: Readonly<Record<WorkingPart, PartWork>>;
  /** By the path of the actor below the dataset's supervisor. */
  readonly accountedBytes: Readonly<Record<string, number>>;
}

/** What is told of a model that this node serves. */
export interface ModelFacts {
  readonly name: string;
  readonly waiting: number;
  readonly underWay: number;
  readonly replicas: number;
  /** Of each version that has requests. */
  readonly breakers: readonly BreakerSnapshot[];
}

/** What is told of the node at this moment. */
export interface NodeFacts {
  readonly ready: boolean;
  readonly connected: boolean;
  readonly publishesWaiting: number;
  readonly isCoordinator: boolean;
  readonly nodes: Readonly<Record<(typeof NODE_STATES)[number], number>>;
  readonly datasets: readonly DatasetFacts[];
  readonly models: readonly ModelFacts[];
}

export interface NodeMetricsOptions {
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly look: () => NodeFacts;
  /** Resolves to how the queues of all recorded datasets stand; empty when the server does not answer. */
  readonly sample: () => Promise<readonly DatasetQueues[]>;
}

export class NodeMetrics {
  readonly #options: NodeMetricsOptions;
  readonly #instruments = new Instruments();
  readonly #counters = new Map<string, DatasetCounters>();
  readonly #models = new Set<string>();

  constructor(options: NodeMetricsOptions) {
    this.#options = options;
    const { node, version } = options;
    this.#instruments.setAll('troupe_node_info', [{ labels: { node, version }, value: 1 }]);
    this.#instruments.count('troupe_nats_disconnects_total', {}, 0);
  }

  get contentType(): string {
    return this.#instruments.contentType;
  }

  /** Counts what the actors of a dataset tell; the same one for every time that the dataset is started. */
  dataset(name: string): Partial<StageMeter> {
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    this.#instruments.begin('dataset', name);
    const counters = new DatasetCounters(this.#instruments, name);
    this.#counters.set(name, counters);
    return counters;
  }

  /** Counts what a served model tells. */
  model(name: string): EmbedMeter {
    this.#models.add(name);
    this.#instruments.begin('model', name);
    return new ModelCounters(this.#instruments, name);
  }

  disconnected(): void {
    this.#instruments.count('troupe_nats_disconnects_total', {});
  }

  /** Of what is neither a dataset nor a served model nothing is counted. */
  happened(event: SystemEvent, dataset: string): void {
    const model = event.type === 'breaker' ? servedModelOf(event) : undefined;
    if (model !== undefined && this.#models.has(model)) {
      if (event.type === 'breaker' && event.state === 'open')
        this.#instruments.count('troupe_embed_breaker_openings_total', { model });
      return;
    }
    if (!this.#counters.has(dataset)) return;
    switch (event.type) {
      case 'crashed':
        this.#instruments.count('troupe_actor_crashes_total', { dataset, actor: actorLabel(event.path) });
        return;
      case 'restarted':
        this.#instruments.count('troupe_actor_restarts_total', { dataset, actor: actorLabel(event.path) });
        return;
      case 'escalated':
        this.#instruments.count('troupe_actor_escalations_total', { dataset });
        return;
      case 'breaker':
        if (event.state !== 'open') return;
        this.#instruments.count('troupe_breaker_openings_total', {
          dataset,
          dependency: dependencyOf(event),
        });
        return;
      case 'started':
      case 'stopped':
      case 'restarting':
      case 'abandoned':
      case 'dead_letter':
        return;
    }
  }

  happenedInCluster(event: ClusterEvent): void {
    if (event.type !== 'handoff') return;
    const { dataset } = parseShardKey(event.shard);
    this.#instruments.count('troupe_shard_handoffs_total', { dataset, phase: event.phase });
  }

  /** Everything in the text that Prometheus reads. */
  async text(): Promise<string> {
    this.#tellNode(this.#options.look());
    this.#tellQueues(await this.#options.sample());
    return this.#instruments.text();
  }

  #tellNode(facts: NodeFacts): void {
    const { ready, connected, publishesWaiting, isCoordinator, nodes, datasets, models } = facts;
    const told = this.#instruments;
    const one = (value: number | boolean) => [{ labels: {}, value: Number(value) }];
    told.setAll('troupe_ready', one(ready));
    told.setAll('troupe_nats_connected', one(connected));
    told.setAll('troupe_publishes_waiting', one(publishesWaiting));
    told.setAll('troupe_cluster_coordinator', one(isCoordinator));
    told.setAll(
      'troupe_cluster_nodes',
      values(nodes, (state) => ({ state })),
    );
    told.setAll(
      'troupe_shards_owned',
      datasets.flatMap(({ name: dataset, shards }) => values(shards, (actor) => ({ dataset, actor }))),
    );
    told.setAll(
      'troupe_shards_failing',
      datasets.map(({ name: dataset, failingShards: value }) => ({ labels: { dataset }, value })),
    );
    told.setAll('troupe_breakers', datasets.flatMap(breakerValues));
    told.setAll(
      'troupe_work_workers',
      datasets.flatMap(({ name: dataset, work }) =>
        WORKING_PARTS.map((part) => ({ labels: { dataset, part }, value: work[part].workers })),
      ),
    );
    told.setCount(
      'troupe_work_busy_seconds_total',
      datasets.flatMap(({ name: dataset, work }) =>
        WORKING_PARTS.map((part) => ({ labels: { dataset, part }, value: work[part].busyMs / 1_000 })),
      ),
    );
    told.setAll('troupe_accounted_bytes', datasets.flatMap(accountedValues));
    const ofModels = (value: (facts: ModelFacts) => number) =>
      models.map((served) => ({ labels: { model: served.name }, value: value(served) }));
    told.setAll(
      'troupe_embed_waiting',
      ofModels(({ waiting }) => waiting),
    );
    told.setAll(
      'troupe_embed_under_way',
      ofModels(({ underWay }) => underWay),
    );
    told.setAll(
      'troupe_embed_breakers',
      models.flatMap(({ name, breakers }) =>
        stateValues(breakers).map(({ state, value }) => ({ labels: { model: name, state }, value })),
      ),
    );
    told.setAll(
      'troupe_embed_replicas',
      ofModels(({ replicas }) => replicas),
    );
    const manifests = datasets.flatMap(({ name, shards }) => {
      const manifest = shards.keeper === 0 ? undefined : this.#counters.get(name)?.manifest;
      return manifest === undefined ? [] : [{ dataset: name, ...manifest }];
    });
    told.setAll(
      'troupe_manifest_number',
      manifests.map(({ dataset, number: value }) => ({ labels: { dataset }, value })),
    );
    told.setAll(
      'troupe_manifest_items',
      manifests.flatMap(({ dataset, counts }) => values(counts, (outcome) => ({ dataset, outcome }))),
    );
  }

  #tellQueues(datasets: readonly DatasetQueues[]): void {
    const told = this.#instruments;
    const nowMs = this.#options.clock.wallMs();
    const stages = datasets.flatMap(({ dataset, streams }) =>
      (['intake', ...STAGES] as const).map((stage) => ({
        labels: { dataset, stage },
        queue: streams[stage],
      })),
    );
    told.setAll(
      'troupe_queue_messages',
      stages.flatMap(({ labels, queue }) => [
        {
          labels: { ...labels, state: 'unprocessed' },
          value: Math.max(0, queue.messages - queue.ackPending),
        },
        { labels: { ...labels, state: 'ack_pending' }, value: queue.ackPending },
      ]),
    );
    told.setAll(
      'troupe_queue_redelivered',
      stages.map(({ labels, queue }) => ({ labels, value: queue.redelivered })),
    );
    told.setAll(
      'troupe_queue_oldest_seconds',
      stages.map(({ labels, queue }) => ({
        labels,
        value: Math.max(0, nowMs - (queue.oldestMs ?? nowMs)) / 1_000,
      })),
    );
    const sized = datasets.flatMap(({ dataset, streams }) =>
      SIZED_STREAMS.map((stream) => ({ labels: { dataset, stream }, queue: streams[stream] })),
    );
    told.setAll(
      'troupe_stream_bytes',
      sized.map(({ labels, queue }) => ({ labels, value: queue.bytes })),
    );
    told.setAll(
      'troupe_stream_limit_bytes',
      sized.map(({ labels, queue }) => ({ labels, value: queue.maxBytes })),
    );
    told.setAll(
      'troupe_intake_last_sequence',
      datasets.map(({ dataset, streams }) => ({ labels: { dataset }, value: streams.intake.lastSequence })),
    );
    told.setAll(
      'troupe_dead_letters_stored',
      datasets.map(({ dataset, streams }) => ({ labels: { dataset }, value: streams.dead.messages })),
    );
  }
}

function values(
  counts: Readonly<Record<string, number>>,
  labels: (name: string) => Readonly<Record<string, string>>,
) {
  return Object.entries(counts).map(([name, value]) => ({ labels: labels(name), value }));
}

function breakerValues({ name: dataset, breakers }: DatasetFacts) {
  return DEPENDENCIES.flatMap((dependency) =>
    stateValues(breakers.filter((breaker) => dependencyOf(breaker) === dependency)).map(
      ({ state, value }) => ({ labels: { dataset, dependency, state }, value }),
    ),
  );
}

/** How many breakers are in each state. */
function stateValues(breakers: readonly BreakerSnapshot[]) {
  return BREAKER_STATES.map((state) => ({
    state,
    value: breakers.filter((breaker) => breaker.state === state).length,
  }));
}

function accountedValues({ name: dataset, accountedBytes }: DatasetFacts) {
  return (['index', 'keeper'] as const).map((actor) => ({
    labels: { dataset, actor },
    value: Object.entries(accountedBytes)
      .filter(([path]) => (actorLabel(`${dataset}/${path}`) === 'keeper') === (actor === 'keeper'))
      .reduce((sum, [, bytes]) => sum + bytes, 0),
  }));
}
