// The HTTP door of a node, with what stands behind it: its metrics and its health. Without `node.http.port` there is none,
// and what it needs is not even loaded.
import type { EmbedMeter, StageMeter } from '#actors';
import type { NatsLink, SystemNames } from '#nats';
import type { Clock, ClusterEvent, ClusterNode, Logger, SystemEvent } from '#runtime';
import type { Config } from '../config/index.ts';
import type { Health, HealthFacts, NodePhase } from '../http/health.ts';
import type { NodeHttp } from '../http/node-http.ts';
import type { NodeFacts, NodeMetrics } from '../metrics/node-metrics.ts';
import type { EmbedService } from './embed-service.ts';
import type { RunningDataset } from './running-dataset.ts';

export interface NodeDoorOptions {
  readonly http: Config['node']['http'];
  readonly node: string;
  readonly version: string;
  readonly link: NatsLink;
  readonly names: SystemNames;
  readonly clock: Clock;
  readonly log: Logger;
  readonly datasets: ReadonlyMap<string, RunningDataset>;
  /** Undefined until its models are open. */
  readonly embedding: () => EmbedService | undefined;
  /** Undefined until it has joined. */
  readonly cluster: () => ClusterNode | undefined;
  readonly life: () => { readonly phase: NodePhase; readonly end?: NonNullable<HealthFacts['end']> };
}

export class NodeDoor {
  /** `http://HOST:PORT`; undefined when nothing listens. */
  readonly url: string | undefined;
  readonly #metrics: NodeMetrics | undefined;
  readonly #http: NodeHttp | undefined;
  readonly #endWatch: () => void;

  private constructor(parts?: {
    readonly metrics: NodeMetrics;
    readonly http: NodeHttp;
    readonly endWatch: () => void;
  }) {
    this.url = parts?.http.url;
    this.#metrics = parts?.metrics;
    this.#http = parts?.http;
    this.#endWatch = parts?.endWatch ?? (() => {});
  }

  /** @throws CommandError `http_unavailable` */
  static async open(options: NodeDoorOptions): Promise<NodeDoor> {
    const { host, port } = options.http;
    if (port === undefined) return new NodeDoor();
    const [{ NodeMetrics }, { QueueSampler }, { serveNodeHttp }, { healthOf }] = await Promise.all([
      import('../metrics/node-metrics.ts'),
      import('../metrics/queue-sampler.ts'),
      import('../http/node-http.ts'),
      import('../http/health.ts'),
    ]);
    const { link, log } = options;
    const queues = new QueueSampler({ ...options, datasets: () => [...options.datasets.keys()] });
    const health = (): Health => healthOf(healthFacts(options));
    const metrics = new NodeMetrics({
      ...options,
      look: () => nodeFacts(options, health().ready),
      sample: () => queues.sample(),
    });
    const http = await serveNodeHttp({ host, port, health, metrics, log });
    const endWatch = link.onStatus((status) => {
      if (status === 'disconnected') metrics.disconnected();
    });
    return new NodeDoor({ metrics, http, endWatch });
  }

  /** What counts the work of a dataset's actors. */
  meter(dataset: string): Partial<StageMeter> {
    return this.#metrics?.dataset(dataset) ?? {};
  }

  /** What counts the requests for a model's vectors, where somebody may read it. */
  embedMeter(model: string): EmbedMeter | undefined {
    return this.#metrics?.model(model);
  }

  happened(event: SystemEvent, dataset: string): void {
    this.#metrics?.happened(event, dataset);
  }

  happenedInCluster(event: ClusterEvent): void {
    this.#metrics?.happenedInCluster(event);
  }

  async close(): Promise<void> {
    this.#endWatch();
    await this.#http?.close();
  }
}

function healthFacts({
  node,
  version,
  link,
  datasets,
  cluster,
  embedding,
  life,
}: NodeDoorOptions): HealthFacts {
  const member = cluster();
  return {
    ...life(),
    node,
    version,
    connected: link.connected,
    holdsLease: member?.holds() ?? false,
    publishesWaiting: waitingMessages(link),
    failingShards: member?.failing ?? [],
    datasets: [...datasets].map(([name, dataset]) => ({
      name,
      tree: dataset.snapshot(),
      breakers: dataset.breakers(),
      shards: dataset.runningShards().map(String),
    })),
    models: embedding()?.facts ?? [],
  };
}

function nodeFacts({ node, link, datasets, cluster, embedding }: NodeDoorOptions, ready: boolean): NodeFacts {
  const member = cluster();
  const states = member?.view.standings().map(({ reach, recorded }) => {
    if (recorded === 'left') return 'left';
    return reach === 'gone' || reach === 'unreachable' ? reach : recorded;
  });
  const count = (state: string) => states?.filter((each) => each === state).length ?? 0;
  return {
    ready,
    connected: link.connected,
    publishesWaiting: waitingMessages(link),
    isCoordinator: member?.holds() === true && member.view.coordinator.record?.node === node,
    nodes: {
      joining: count('joining'),
      active: count('active'),
      draining: count('draining'),
      unreachable: count('unreachable'),
      gone: count('gone'),
    },
    models: embedding()?.facts ?? [],
    datasets: [...datasets].map(([name, dataset]) => {
      const shards = dataset.runningShards();
      const keeper = shards.filter((shard) => shard === 'keeper').length;
      return {
        name,
        shards: { index: shards.length - keeper, keeper },
        failingShards: member?.failing.filter(({ shard }) => shard.startsWith(`${name}.`)).length ?? 0,
        breakers: dataset.breakers(),
        work: dataset.flow.totals(),
        accountedBytes: dataset.totals.accountedBytes,
      };
    }),
  };
}

function waitingMessages(link: NatsLink): number {
  return link.publisher.waiting.reduce((sum, { messages }) => sum + messages, 0);
}
