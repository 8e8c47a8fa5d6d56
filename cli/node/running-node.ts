// A node: one process that runs the datasets of a system. It records what its configuration says, joins the system,
// runs what is recorded there, owns shards, and answers as the NATS service `troupe-node`. This file is the order in
// which its parts are opened and ended.
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { DependencyContainer } from 'tsyringe';
import { carriedOn, noRequestSpans } from '#actors';
import { type NatsLink, NatsRecords, type SystemNames, serveNode, systemReplicas } from '#nats';
import { type ClusterEvent, ClusterNode, type Logger, type SystemEvent, toError } from '#runtime';
import { aborted } from '../aborted.ts';
import type { LoadedConfig } from '../config/index.ts';
import { encodeClusterEvent, encodeEvent } from '../events/event-record.ts';
import type { NodePhase } from '../http/health.ts';
import { openTracing, type Tracing } from '../tracing/tracing.ts';
import { nodeContainer } from './container.ts';
import { EmbedService } from './embed-service.ts';
import type { Ending } from './ending.ts';
import { escalationReport, RecentEvents } from './escalation-report.ts';
import { allShardKeys, hostedShards } from './hosted-shards.ts';
import { leaseTime } from './lease-time.ts';
import { messageCodec } from './message-codec.ts';
import { modelStanding } from './model-standing.ts';
import { NodeDatasets } from './node-datasets.ts';
import { NodeDoor } from './node-door.ts';
import { drainNode } from './node-drain.ts';
import { asStartFailure, type NodeEnd } from './node-end.ts';
import { nodeName } from './node-name.ts';
import { prepareSystem, type SystemMode } from './prepare-system.ts';
import type { RunningDataset } from './running-dataset.ts';
import type { NodeDurability } from './system-server.ts';
import { TOKENS } from './tokens.ts';
import { onForgotten } from './vector-sharing.ts';

export interface NodeOptions {
  readonly config: LoadedConfig;
  readonly link: NatsLink;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Whether it may make the system, or joins one that is there. */
  readonly mode: SystemMode;
  /** What the server's acknowledged writes survive, as far as this node knows. */
  readonly durability: NodeDurability;
  /** Told that the node has to end, and what that waits for. */
  readonly ending: Ending;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
  /** Default: what the environment asks for. */
  readonly tracing?: Tracing;
}

export class RunningNode {
  readonly name: string;
  /** Resolves when the node must stop (another owner, exhausted restarts) or was stopped. */
  readonly ended: Promise<NodeEnd>;
  readonly #container: DependencyContainer;
  readonly #options: NodeOptions;
  readonly #datasets: NodeDatasets;
  readonly #closing: (() => void)[] = [];
  readonly #end: (end: NodeEnd) => void;
  /** Tells processes apart that ran under one name. */
  readonly #incarnation = randomUUID();
  /** Resolves when the lease is over: nothing that waits for the server may hold the node up any more. */
  readonly #leaseOver = Promise.withResolvers<NodeEnd>();
  #cluster: ClusterNode | undefined;
  #embedding: EmbedService | undefined;
  #door: NodeDoor | undefined;
  #tracing: Tracing | undefined;
  #phase: NodePhase = 'joining';
  /** Why it must stop, from when that is known. */
  #fate: NodeEnd;
  /** What starts and stops datasets: the start of the node, then one change of what is recorded after the other. */
  #reconciling: Promise<void> = Promise.resolve();
  /** Aborted when it was told to stop. */
  readonly #over = new AbortController();

  /**
   * Resolves when what the plan gives this node is answering.
   * @throws the reason when the node has to end before that, its lease being over, say; the signal's when it aborts
   */
  static async start(options: NodeOptions): Promise<RunningNode> {
    const { signal } = options;
    const node = new RunningNode(options);
    const opening = node.#open();
    node.#reconciling = opening;
    let end: NodeEnd;
    try {
      end = await Promise.race([opening.then(() => undefined), node.ended, aborted(signal)]);
      if (end !== undefined) throw asStartFailure(end);
      signal?.throwIfAborted();
      return node;
    } catch (error) {
      await node.stop(end);
      throw error;
    }
  }

  private constructor(options: NodeOptions) {
    const { promise, resolve } = Promise.withResolvers<NodeEnd>();
    this.#options = options;
    this.#container = nodeContainer(options);
    this.ended = promise;
    this.#end = (end) => {
      this.#fate ??= end;
      resolve(end);
    };
    const server = options.durability === 'external' ? 'named' : 'embedded';
    this.name = nodeName({ config: options.config, server, random: this.#container.resolve(TOKENS.random) });
    this.#datasets = new NodeDatasets(this.#container, {
      node: this.name,
      over: this.#over.signal,
      meter: (dataset) => this.#door?.meter(dataset) ?? {},
      tracer: (dataset) =>
        this.#tracing?.itemTracer(dataset, this.#container.resolve(TOKENS.clock)) ?? carriedOn,
      onEvent: (event, dataset) => this.#publishEvent(event, dataset),
      ends: this.#end,
      follow: () => this.#follow(),
    });
  }

  get names(): SystemNames {
    return this.#container.resolve(TOKENS.names);
  }

  /** Where metrics and health are read; undefined unless `node.http` has a port. */
  get httpUrl(): string | undefined {
    return this.#door?.url;
  }

  get datasets(): readonly string[] {
    return [...this.#datasets.running.keys()];
  }

  /** What the stages of a dataset have handled on this node. */
  stageTotals(dataset: string): ReturnType<RunningDataset['totals']['toJSON']> {
    return this.#datasets.running.get(dataset)?.totals.toJSON() ?? {};
  }

  /**
   * Stops pulling, intake first; what was in hand is finished or given back. Then hands over what it owns and leaves
   * the system, all of it within `node.drainMs`; what is left then is given up. A node whose lease or connection is
   * over neither answers nor writes any more and has nothing to hand over: its connection is closed and everything
   * stops at once, and what is in hand comes again elsewhere. It never rejects.
   * @param end why it ended by itself, if it did
   * @returns that, or what ended it while it drained
   */
  async stop(end?: NodeEnd): Promise<NodeEnd> {
    const { link, ending } = this.#options;
    ending.begin();
    this.#over.abort();
    this.#phase = 'draining';
    for (const close of this.#closing.splice(0)) close();
    const isCutOff = end?.reason === 'lease' || end?.reason === 'connection';
    const draining = (isCutOff ? Promise.resolve() : this.#drain()).then(
      () => undefined,
      (thrown: unknown) => this.#logFailure(thrown, 'the node did not drain in order'),
    );
    // A lease that runs out meanwhile, as the server is gone, ends the drain, too: nothing would ever answer it.
    const cut = isCutOff ? end : await Promise.race([draining, this.#leaseOver.promise]);
    if (cut !== undefined) await ending.waitFor('close of the connection', link.close());
    await draining;
    await Promise.all([
      this.#datasets.stop(ending),
      ending.waitFor('end of the embedding service', this.#embedding?.end() ?? Promise.resolve()),
    ]);
    this.#cluster?.close();
    this.#datasets.clear();
    await ending.waitFor('end of the traces', this.#tracing?.close() ?? Promise.resolve());
    await ending.waitFor('close of the HTTP door', this.#door?.close() ?? Promise.resolve());
    this.#end(undefined);
    return end ?? cut;
  }

  #drain(): Promise<void> {
    const { config, log, ending, link } = this.#options;
    return drainNode({
      node: this.name,
      drainMs: config.config.node.drainMs,
      clock: this.#container.resolve(TOKENS.clock),
      log,
      ending,
      stopStages: async () => {
        await this.#reconciling.catch(() => undefined);
        await Promise.all([this.#embedding?.drain(), this.#datasets.stopStages()]);
      },
      leave: async (leftMs) => this.#cluster?.drain(leftMs),
      disconnect: () => link.close(),
    });
  }

  async #open(): Promise<void> {
    const { link, config, version, mode } = this.#options;
    const { names } = this;
    this.#tracing = this.#options.tracing ?? (await openTracing({ ...this.#options, node: this.name }));
    this.#door = await this.#openDoor();
    await prepareSystem({ config, link, names, mode, own: [this.name] });
    const replicas = (await systemReplicas(link, names.system)) ?? 1;
    if (this.#over.signal.aborted) return;
    const cluster = await this.#join(leaseTime(config.config.node.leaseMs, replicas));
    this.#cluster = cluster;
    await this.#datasets.reconcile(cluster);
    if (this.#over.signal.aborted) return;
    await cluster.activate();
    if (this.#over.signal.aborted) return;
    this.#phase = 'active';
    this.#embedding = await this.#startEmbedding();
    if (this.#over.signal.aborted) return;
    this.#closing.push(
      link.onStatus((status) => {
        // What was asked of all nodes while this one was cut off has passed it by.
        if (status === 'connected') {
          void this.#follow().catch((error: unknown) =>
            this.#logFailure(error, 'datasets could not be followed'),
          );
        }
      }),
    );
    this.#closing.push(
      onForgotten({ link, names }, (forgotten) => {
        if ('contents' in forgotten) this.#container.resolve(TOKENS.recentProxies).forget(forgotten.contents);
      }),
      serveNode(link, {
        name: names.service,
        id: this.#incarnation,
        version,
        description: 'a node of a Troupe system',
        metadata: { node: this.name, system: names.system, roles: config.config.node.roles.join(',') },
        statsData: () => this.#stats(),
        endpoints: [
          { name: 'datasets', subject: names.subjects.askNodes, handle: () => this.#followDatasets() },
        ],
      }),
    );
    // What was added while it opened its models.
    void this.#embedding.follow();
    void link.closed.then((error) => {
      if (error !== undefined) this.#end({ reason: 'connection', error });
    });
    // A node is up when who asks it finds it. A connection that breaks here asks for its subscriptions again by itself.
    await link.flush().catch(() => undefined);
  }

  #openDoor(): Promise<NodeDoor> {
    const { link, config, version, log } = this.#options;
    return NodeDoor.open({
      http: config.config.node.http,
      node: this.name,
      version,
      link,
      names: this.names,
      clock: this.#container.resolve(TOKENS.clock),
      log,
      datasets: this.#datasets.running,
      cluster: () => this.#cluster,
      embedding: () => this.#embedding,
      life: () => {
        const end = this.#fate;
        if (end === undefined) return { phase: this.#phase };
        return { phase: 'ended', end: { reason: end.reason, message: end.error.message } };
      },
    });
  }

  /** Answers requests for vectors, by the models that the configuration names. */
  #startEmbedding(): Promise<EmbedService> {
    const events = new RecentEvents();
    return EmbedService.start(this.#container, {
      node: this.name,
      incarnation: this.#incarnation,
      version: this.#options.version,
      meter: (model) => this.#door?.embedMeter(model),
      tracer: this.#tracing?.requestTracer(this.#container.resolve(TOKENS.clock)) ?? noRequestSpans,
      onEvent: (event) => {
        events.add(event);
        this.#publishEvent(event, 'embedding');
      },
      gaveUp: (model, error) => {
        const report = escalationReport({
          node: this.name,
          dataset: `embedding by ${model}`,
          error,
          events: events.all,
        });
        this.#end({ reason: 'restart_intensity', error, report });
      },
    });
  }

  /** Makes what runs what is recorded, models that it serves for others included; the shards that follow from it are taken when it resolves. */
  async #follow(): Promise<void> {
    // One that failed has told its asker; the next one starts afresh.
    this.#reconciling = this.#reconciling
      .catch(() => undefined)
      .then(() => this.#cluster && this.#datasets.reconcile(this.#cluster));
    // Opening a model takes long, and nobody waits for it.
    void this.#embedding?.follow();
    await this.#reconciling;
    await this.#cluster?.settle();
  }

  #logFailure(error: unknown, what: string): undefined {
    this.#options.log.error({ node: this.name, err: toError(error) }, what);
  }

  /** @throws CodecIncompatible, NodeNameTaken */
  #join(leaseMs: number): Promise<ClusterNode> {
    const { link, config, version, log } = this.#options;
    const { records } = this.names;
    const clock = this.#container.resolve(TOKENS.clock);
    const { weight, roles } = config.config.node;
    const codec = this.#container.resolve(TOKENS.codec);
    return ClusterNode.join({
      node: {
        name: this.name,
        incarnation: this.#incarnation,
        version,
        codec: codec.versions,
        roles,
        weight,
        leaseMs,
        started: new Date(clock.wallMs()).toISOString(),
      },
      nodes: new NatsRecords(link, records.nodes),
      shardRecords: new NatsRecords(link, records.shards),
      host: hostedShards(this.#datasets.running),
      shards: () => allShardKeys(this.#datasets.running),
      clock,
      random: this.#container.resolve(TOKENS.random),
      log,
      writes: (codecVersion) => codec.write(codecVersion),
      lost: (error) => {
        log.error({ node: this.name, err: error }, 'the lease is over: the node ends');
        const end = { reason: 'lease', error } as const;
        this.#leaseOver.resolve(end);
        this.#end(end);
      },
      onEvent: (event) => this.#publishClusterEvent(event),
      faults: this.#container.resolve(TOKENS.faults),
    });
  }

  /** Answers a command that has changed datasets, once they run here as recorded. */
  async #followDatasets(): Promise<Uint8Array> {
    await this.#follow();
    return messageCodec.encode({ datasets: this.datasets });
  }

  /** Supervision events are for whoever listens; losing one costs nothing but a line of history. */
  #publishEvent(event: SystemEvent, dataset: string): void {
    this.#door?.happened(event, dataset);
    const names = this.#container.resolve(TOKENS.names);
    const body = encodeEvent(event, { node: this.name, dataset });
    this.#options.link.publishCore(names.subjects.events(this.name, event.type), body);
  }

  #publishClusterEvent(event: ClusterEvent): void {
    this.#door?.happenedInCluster(event);
    const names = this.#container.resolve(TOKENS.names);
    const body = encodeClusterEvent(event, this.name);
    this.#options.link.publishCore(names.subjects.events(this.name, event.type), body);
  }

  #stats(): object {
    return {
      node: this.name,
      version: this.#options.version,
      durability: this.#options.durability,
      cores: availableParallelism(),
      failingShards: this.#cluster?.failing ?? [],
      waiting: this.#options.link.publisher.waiting,
      embedding: this.#embedding?.standing ?? {},
      datasets: [...this.#datasets.running].map(([name, dataset]) => ({
        name,
        tree: dataset.snapshot(),
        stages: dataset.totals.toJSON(),
        work: dataset.flow.recent(),
        breakers: dataset.breakers(),
        model: modelStanding(dataset.model),
        vectors: dataset.totals.vectors,
        accountedBytes: dataset.totals.accountedBytes,
      })),
    };
  }
}
