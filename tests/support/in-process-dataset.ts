// A dataset's whole tree in the test's own process, on a nats-server of its own: for what a process of `troupe up`
// cannot be made to do, such as another module on its analysis threads.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeeperAnswer, KeeperMessage, SettledAnswer } from '#actors';
import {
  carriedOn,
  type DatasetConfig,
  DatasetShards,
  type DatasetSizing,
  datasetTree,
  defaultModel,
  embedThreadModule,
  FIRST_GENERATION,
  judgingContext,
  type Kind,
  noMeter,
  shardPath,
} from '#actors';
import { eachMessage, ensureDataset, ensureSystem, NatsLink, namesOf } from '#nats';
import {
  type ActorSnapshot,
  ActorSystem,
  type BreakerSnapshot,
  type PublishReceipt,
  type SystemEvent,
  silentLogger,
  systemClock,
} from '#runtime';
import { loadConfig } from '../../cli/config/index.ts';
import { connectPorts } from '../../cli/node/connect-ports.ts';
import { nodeContainer } from '../../cli/node/container.ts';
import { datasetTopology } from '../../cli/node/dataset-topology.ts';
import { startTestServer, type TestServer } from './nats-server.ts';
import { oneOwner } from './one-owner.ts';
import { assertNoCycles, systemChecks } from './system-checks.ts';
import type { SeenOutcome } from './system-client.ts';

const DATASET = 'photos';
/** Under which everything is owned. */
const EPOCH = 1;
const SIZING: DatasetSizing = {
  ingestors: 8,
  decodeThreads: 2,
  decodeTimeoutMs: 20_000,
  desks: 2,
  embedBatch: 32,
  embedTimeoutMs: 60_000,
};

export class InProcessDataset implements AsyncDisposable {
  readonly events: SystemEvent[];
  /** The model's breaker, then those of sources. */
  readonly breakers: () => readonly BreakerSnapshot[];
  readonly #server: TestServer;
  readonly #link: NatsLink;
  readonly #system: ActorSystem;
  readonly #folder: string;

  private constructor(parts: {
    readonly events: SystemEvent[];
    readonly server: TestServer;
    readonly link: NatsLink;
    readonly system: ActorSystem;
    readonly folder: string;
    readonly breakers: () => readonly BreakerSnapshot[];
  }) {
    this.events = parts.events;
    this.breakers = parts.breakers;
    this.#server = parts.server;
    this.#link = parts.link;
    this.#system = parts.system;
    this.#folder = parts.folder;
  }

  /** Starts dataset `photos` with the default configuration; `kind` changes the kind that it would have. */
  static async start(options: {
    readonly kind?: (kind: Kind) => Kind;
    readonly sizing?: Partial<DatasetSizing>;
    /** What the session's thread runs; default: the model. */
    readonly embedModule?: URL;
    readonly config?: object;
  }): Promise<InProcessDataset> {
    await using opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'troupe-in-process-'));
    opened.defer(() => rm(folder, { recursive: true, force: true }));
    const server = opened.use(await startTestServer());
    const { url, token } = server;
    const link = await NatsLink.connect({ servers: url, token, name: 'test', log: silentLogger });
    opened.defer(() => link.close());
    await ensureSystem(link, { system: 'troupe' });
    await ensureDataset(
      link,
      DATASET,
      datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }),
    );
    const events: SystemEvent[] = [];
    const { tree, ports, judging, breakers } = await treeOf(
      link,
      folder,
      options,
      (event) => void events.push(event),
    );
    const system = await ActorSystem.start({
      name: DATASET,
      root: { type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [tree] },
      checks: systemChecks(),
      onEvent: (event) => void events.push(event),
    });
    const shards = new DatasetShards({ ports, judging, supervisor: (path) => system.supervisor(path) });
    await shards.start('keeper', EPOCH);
    for (let shard = 0; shard < ports.config.shards; shard += 1) await shards.start(shard, EPOCH);
    opened.move();
    return new InProcessDataset({ events, server, link, system, folder, breakers });
  }

  publish(data: Uint8Array, headers: Readonly<Record<string, string>>): Promise<PublishReceipt> {
    const subject = namesOf('troupe').subjects.intake(DATASET);
    return this.#link.publisher.publish({ subject, data, headers });
  }

  async settled(through: number): Promise<SettledAnswer> {
    const keeper = this.#system.ref<KeeperMessage>(`${DATASET}/${shardPath('keeper')}`);
    const answer = await keeper.ask<KeeperAnswer>(
      (reply) => ({ type: 'request', request: { op: 'settled', through }, reply }),
      { timeoutMs: 20_000 },
    );
    return answer as SettledAnswer;
  }

  /** Outcomes published so far: of rejected, reviewed and dead items. */
  async outcomes(): Promise<readonly SeenOutcome[]> {
    const seen: SeenOutcome[] = [];
    for await (const { data } of eachMessage(this.#link, namesOf('troupe').streams.outcome(DATASET))) {
      seen.push(JSON.parse(Buffer.from(data).toString()) as SeenOutcome);
    }
    return seen;
  }

  /** Headers of each dead letter, by intake sequence. */
  async letters(): Promise<ReadonlyMap<number, { readonly reason: string; readonly attempts: number }>> {
    const letters = new Map<number, { readonly reason: string; readonly attempts: number }>();
    for await (const message of eachMessage(this.#link, namesOf('troupe').streams.dead(DATASET))) {
      letters.set(Number(message.header('Troupe-Sequence')), {
        reason: message.header('Troupe-Reason') ?? '',
        attempts: Number(message.header('Troupe-Attempts')),
      });
    }
    return letters;
  }

  /** Every actor below the dataset's supervisor, and itself, by path. */
  actors(): ReadonlyMap<string, ActorSnapshot> {
    const found = new Map<string, ActorSnapshot>();
    const visit = (actor: ActorSnapshot): void => {
      found.set(actor.path, actor);
      actor.children.forEach(visit);
    };
    visit(this.#system.snapshot());
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#system.stop();
    await this.#link.close();
    await this.#server[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
    assertNoCycles();
  }
}

async function treeOf(
  link: NatsLink,
  folder: string,
  options: Parameters<typeof InProcessDataset.start>[0],
  onEvent: (event: SystemEvent) => void,
) {
  const { kind = (same) => same, sizing, embedModule = embedThreadModule() } = options;
  if (options.config !== undefined) {
    await writeFile(join(folder, 'troupe.yaml'), JSON.stringify(options.config));
  }
  const config = loadConfig({ cwd: folder, env: {} });
  const settings: DatasetConfig | undefined = config.config.datasets[DATASET];
  if (settings === undefined) throw new Error(`the defaults have no dataset ${DATASET}`);
  const node = nodeContainer({ config, link, log: silentLogger, env: {} });
  const model = await defaultModel();
  const fenced = (error: Error): void => {
    throw error;
  };
  const ports = await connectPorts(node, DATASET, settings, {
    model,
    meter: noMeter,
    tracer: carriedOn,
    fenced,
    index: oneOwner(() => EPOCH),
    generation: FIRST_GENERATION,
    emit: (happening) => onEvent({ ...happening, atMs: systemClock.wallMs() }),
  });
  const changed = { ...ports, kind: kind(ports.kind), clock: systemClock };
  const judging = judgingContext(settings, changed.kind, model);
  const tree = datasetTree(changed, judging, embedModule, {
    ...SIZING,
    ...sizing,
  });
  return {
    tree,
    ports: changed,
    judging,
    breakers: () => [ports.modelBreaker.snapshot(), ...ports.guard.snapshot()],
  };
}
