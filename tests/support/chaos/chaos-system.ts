// A system that a test disturbs: real nats-servers (one, or a cluster of three), real nodes, and a network between them
// that can be cut, with one verb for each disturbance. Disposing of it ends every process that it started; so does the
// end of the test's own process.
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { streamHealth } from '#nats';
import type { CorpusItem } from '../../../cli/corpus/index.ts';
import { type CommandRun, runCommand } from '../command-run.ts';
import { endWithThisProcess } from '../end-with-process.ts';
import type { TestServerVersion } from '../nats-server.ts';
import { LOG_SHOWN, type SystemAddress, SystemClient } from '../system-client.ts';
import { cleanEnvironment, type ProcessEnd, TroupeProcess } from '../troupe-process.ts';
import { waitUntil } from '../wait-until.ts';
import { NatsCluster } from './nats-cluster.ts';
import { TroupeNode } from './troupe-node.ts';

const LEADER_MS = 30_000;
const COPIES_MS = 60_000;
const STATUS_MS = 60_000;
const ENDED_MS = 60_000;

export interface ChaosOptions {
  /** nats-servers: default 1. Three are a cluster. */
  readonly servers?: 1 | 3;
  /** Default `newest`. */
  readonly version?: TestServerVersion;
  /** Names of nodes, in the order in which `startAll` starts them; default one, `a`. */
  readonly nodes?: readonly string[];
  /** Content of troupe.yaml as an object. */
  readonly config?: object;
  /** Dataset that the client's verbs are about; default `photos`. */
  readonly dataset?: string;
  /** Most bytes that each server stores. */
  readonly maxStoreBytes?: number;
}

export class ChaosSystem implements AsyncDisposable {
  /** What a user asks of the system, past every cut. */
  readonly client: SystemClient;
  readonly nats: NatsCluster;
  /** Where nodes run: holds troupe.yaml. */
  readonly folder: string;
  readonly #nodes: ReadonlyMap<string, TroupeNode>;
  readonly #commands: TroupeProcess[] = [];
  readonly #unregister: () => void;

  /** Servers that serve, and nodes that are not started yet. */
  static async create(options: ChaosOptions = {}): Promise<ChaosSystem> {
    await using undo = new AsyncDisposableStack();
    const nats = undo.use(await NatsCluster.start(options));
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'troupe-chaos-')));
    undo.defer(() => rm(folder, { recursive: true, force: true }));
    if (options.config !== undefined) {
      await writeFile(join(folder, 'troupe.yaml'), JSON.stringify(options.config));
    }
    const nodes = new Map<string, TroupeNode>();
    for (const name of options.nodes ?? ['a']) {
      const node = await TroupeNode.create({ name, cluster: nats, folder, env: cleanEnvironment() });
      nodes.set(name, undo.use(node));
    }
    undo.move();
    return new ChaosSystem({ nats, folder, nodes, dataset: options.dataset ?? 'photos' });
  }

  private constructor(parts: {
    readonly nats: NatsCluster;
    readonly folder: string;
    readonly nodes: ReadonlyMap<string, TroupeNode>;
    readonly dataset: string;
  }) {
    this.nats = parts.nats;
    this.folder = parts.folder;
    this.#nodes = parts.nodes;
    this.client = new ChaosClient(parts.dataset, this);
    this.#unregister = endWithThisProcess(this);
  }

  get nodes(): readonly TroupeNode[] {
    return [...this.#nodes.values()];
  }

  node(name: string): TroupeNode {
    const node = this.#nodes.get(name);
    if (node === undefined)
      throw new Error(`there is no node ${name} among ${[...this.#nodes.keys()].join(', ')}`);
    return node;
  }

  /** Starts a node's process; resolves when it is up. @param variables of its environment, besides the usual ones */
  start(name: string, variables: NodeJS.ProcessEnv = {}): Promise<void> {
    return this.node(name).start(variables);
  }

  /** Starts every node, one after the other. */
  async startAll(): Promise<void> {
    for (const node of this.nodes) await node.start();
  }

  /** SIGTERM to a node; resolves with how it ended. */
  stop(name: string): Promise<ProcessEnd> {
    return this.node(name).stop();
  }

  /** SIGKILL to a node. */
  kill(name: string): Promise<void> {
    return this.node(name).kill();
  }

  /** SIGSTOP to a node. */
  freeze(name: string): void {
    this.node(name).freeze();
  }

  thaw(name: string): void {
    this.node(name).thaw();
  }

  /** Cuts a node off from every server: nothing passes, and neither side is told. */
  cut(name: string): void {
    this.node(name).cut();
  }

  heal(name: string): void {
    this.node(name).heal();
  }

  /** SIGKILL to a server. It stays down until `restartServer`. */
  killServer(index = 0): Promise<void> {
    return this.nats.kill(index);
  }

  /** Starts a killed server on its store and ports; resolves when it serves. */
  restartServer(index = 0): Promise<void> {
    return this.nats.restart(index);
  }

  /** SIGKILL to several servers at once. They stay down until `restartServers`. */
  async killServers(indexes: readonly number[]): Promise<void> {
    await Promise.all(indexes.map((index) => this.nats.kill(index)));
  }

  /** Starts killed servers on their stores and ports; resolves when all serve. */
  restartServers(indexes: readonly number[]): Promise<void> {
    return this.nats.restartAll(indexes);
  }

  /** SIGSTOP to a server; resolves when it does nothing any more. */
  freezeServer(index: number): Promise<void> {
    return this.nats.freeze(index);
  }

  thawServer(index: number): void {
    this.nats.thaw(index);
  }

  /** SIGKILL to the server that leads the stream; resolves to its number, for `restartServer`. */
  async killLeader(stream: string): Promise<number> {
    const leader = await this.waitForLeader(stream);
    await this.nats.kill(leader);
    return leader;
  }

  /** Waits until a server that runs leads the stream; resolves to its number. */
  async waitForLeader(stream: string, deadlineMs = LEADER_MS): Promise<number> {
    let leader: number | undefined;
    await this.waitFor(
      async () => {
        leader = await this.nats.leaderOf(stream);
        return leader !== undefined && this.nats.isUp(leader);
      },
      { deadlineMs, what: `stream ${stream} has a leader` },
    );
    return leader ?? 0;
  }

  /** Waits until every copy of every stream is up to date, so that any one server may be killed. */
  async waitForCopies(deadlineMs = COPIES_MS): Promise<void> {
    const { link, names } = await this.client.connect();
    let lacking: readonly string[] = [];
    await this.waitFor(
      async () => {
        const streams = await streamHealth(link, names.system).catch(() => undefined);
        lacking = (streams ?? [])
          .filter(({ led, behind }) => !led || behind.length > 0)
          .map(({ stream, behind }) => `${stream} (${behind.map(({ server }) => server).join(' ')})`);
        return streams !== undefined && lacking.length === 0;
      },
      { deadlineMs, what: () => `all copies are up to date; lacking: ${lacking.join(', ')}` },
    );
  }

  /** Waits until a node has ended by itself. */
  waitForEnd(name: string, deadlineMs = ENDED_MS): Promise<ProcessEnd> {
    return this.node(name).ended(deadlineMs);
  }

  /** Polls until the predicate holds; else fails with what was waited for and the end of each node's log. */
  waitFor(
    predicate: () => boolean | Promise<boolean>,
    { deadlineMs, what }: { readonly deadlineMs: number; readonly what: string | (() => string) },
  ): Promise<void> {
    return waitUntil(predicate, {
      deadlineMs,
      what: () => `${typeof what === 'string' ? what : what()}; the nodes' logs end:\n${this.logTail()}`,
    });
  }

  /** Waits until `troupe status` exits with the code and shows the text; resolves to what it shows. */
  async waitForStatus(code: number, shows = /^/, deadlineMs = STATUS_MS): Promise<string> {
    let last: CommandRun | undefined;
    await this.waitFor(
      async () => {
        last = await this.command('status');
        return last.code === code && shows.test(last.stdout);
      },
      {
        deadlineMs,
        what: () => `status exits with ${code} and shows ${shows}; it is:\n${last?.stdout}${last?.stderr}`,
      },
    );
    return last?.stdout ?? '';
  }

  /** Runs a command line as a user elsewhere; it reaches NATS past every cut. */
  async command(...args: readonly string[]): Promise<CommandRun> {
    return runCommand({ ...(await this.client.address()), system: 'troupe' }, args);
  }

  /**
   * Runs `troupe publish` as a process of its own, past every cut.
   * @param items of one corpus and one source
   * @param perSecond so many of them, so that publishing lasts
   */
  async publishing(items: readonly CorpusItem[], perSecond: number): Promise<TroupeProcess> {
    const [{ id, path, source }] = items as readonly [CorpusItem];
    const list = join(this.folder, 'published.txt');
    await writeFile(list, items.map((item) => `${item.path}\n`).join(''));
    const { url, token } = this.nats;
    const command = ['publish', this.client.dataset, '--list', list, '--source', source];
    const started = new TroupeProcess({
      args: [...command, '--rate', String(perSecond), '--json'],
      // Items of a list are named by their place below the working folder.
      cwd: path.slice(0, -id.length),
      env: {
        ...cleanEnvironment(),
        NATS_URL: url,
        NATS_TOKEN: token,
        TROUPE_DATA_DIR: join(this.folder, 'publisher'),
      },
    });
    this.#commands.push(started);
    return started;
  }

  /** The end of what each node has logged. */
  logTail(): string {
    return this.nodes.map(({ name, log }) => `${name}: ${log.slice(-LOG_SHOWN)}`).join('\n');
  }

  /** Ends everything without waiting, when the test's own process ends. Servers do so by themselves. */
  endNow(): void {
    for (const node of this.nodes) node.endNow();
    for (const command of this.#commands) command.signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.disconnect();
    for (const command of this.#commands) command.signal('SIGKILL');
    await Promise.all(this.#commands.map(({ ended }) => ended));
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
    await this.nats[Symbol.asyncDispose]();
    this.#unregister();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The client of a chaos system: it goes to the servers themselves, not through a node's network. */
class ChaosClient extends SystemClient {
  readonly #system: Pick<ChaosSystem, 'nats' | 'logTail'>;

  constructor(dataset: string, system: Pick<ChaosSystem, 'nats' | 'logTail'>) {
    super(dataset);
    this.#system = system;
  }

  async address(): Promise<SystemAddress> {
    const { url, token } = this.#system.nats;
    return { url, token };
  }

  protected logTail(): string {
    return this.#system.logTail();
  }
}
