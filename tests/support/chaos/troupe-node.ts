// One node of a chaos test: a `troupe up` process, and a proxy between it and each server, through which alone it
// reaches NATS. It is killed, frozen and cut off like a machine; each start is a new process under the same name.

import { LOG_SHOWN } from '../system-client.ts';
import { type ProcessEnd, START_MS, TroupeProcess } from '../troupe-process.ts';
import { waitUntil } from '../wait-until.ts';
import type { NatsCluster } from './nats-cluster.ts';
import { TcpProxy } from './tcp-proxy.ts';

const STOP_MS = 40_000;

export interface TroupeNodeOptions {
  readonly name: string;
  readonly cluster: NatsCluster;
  /** Where it runs: holds troupe.yaml. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

export class TroupeNode implements AsyncDisposable {
  readonly name: string;
  readonly #options: TroupeNodeOptions;
  readonly #proxies: readonly TcpProxy[];
  #process: TroupeProcess | undefined;
  #frozen = false;

  /** A node that is not started yet. */
  static async create(options: TroupeNodeOptions): Promise<TroupeNode> {
    const proxies = await Promise.all(
      options.cluster.servers.map((server) =>
        TcpProxy.open(() => {
          const { hostname, port } = new URL(server.url);
          return { host: hostname, port: Number(port) };
        }),
      ),
    );
    return new TroupeNode(options, proxies);
  }

  private constructor(options: TroupeNodeOptions, proxies: readonly TcpProxy[]) {
    this.name = options.name;
    this.#options = options;
    this.#proxies = proxies;
  }

  get isUp(): boolean {
    return this.#process?.isOver === false;
  }

  get isFrozen(): boolean {
    return this.isUp && this.#frozen;
  }

  get isCut(): boolean {
    return this.#proxies.some(({ isCut }) => isCut);
  }

  /** What the last process wrote to standard error. */
  get log(): string {
    return this.#process?.stderr ?? '';
  }

  get pid(): number {
    return this.#started().pid;
  }

  /** Starts a process and resolves when it is up. @param variables of its environment, besides the usual ones */
  async start(variables: NodeJS.ProcessEnv = {}): Promise<void> {
    if (this.isUp) throw new Error(`node ${this.name} runs already`);
    const { name, cluster, folder, env } = this.#options;
    const started = new TroupeProcess({
      args: ['up', '--json'],
      cwd: folder,
      env: {
        ...env,
        TROUPE_NODE__NAME: name,
        NATS_URL: this.#proxies.map(({ url }) => url).join(','),
        NATS_TOKEN: cluster.token,
        ...variables,
      },
    });
    this.#process = started;
    this.#frozen = false;
    await waitUntil(() => started.isOver || started.stdout.includes('\n'), {
      deadlineMs: START_MS,
      what: () => `node ${name} is up; its log ends:\n${this.log.slice(-LOG_SHOWN)}`,
    });
    if (!started.stdout.includes('\n')) {
      throw new Error(`node ${name} ended while starting:\n${this.log.slice(-LOG_SHOWN)}`);
    }
  }

  /** Where its metrics and health answer, once it is up and where its configuration has a port. */
  get httpUrl(): string {
    const { http } = JSON.parse(this.#started().stdout) as { readonly http: readonly string[] };
    const [url] = http;
    if (url === undefined) throw new Error(`node ${this.name} was started without node.http.port`);
    return url;
  }

  /** SIGTERM; resolves with how it ended. */
  async stop(deadlineMs = STOP_MS): Promise<ProcessEnd> {
    this.#started().signal('SIGTERM');
    return await this.ended(deadlineMs);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const running = this.#started();
    running.signal('SIGKILL');
    await running.ended;
  }

  /** SIGSTOP: it does nothing until `thaw`. */
  freeze(): void {
    this.#started().signal('SIGSTOP');
    this.#frozen = true;
  }

  thaw(): void {
    this.#started().signal('SIGCONT');
    this.#frozen = false;
  }

  /** Cuts it off from every server; both sides think that the connection hangs. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  heal(): void {
    for (const proxy of this.#proxies) proxy.heal();
  }

  /** Resolves when the process has ended by itself. */
  async ended(deadlineMs: number): Promise<ProcessEnd> {
    const running = this.#started();
    await waitUntil(() => running.isOver, {
      deadlineMs,
      what: () => `node ${this.name} has ended; its log ends:\n${this.log.slice(-LOG_SHOWN)}`,
    });
    return running.ended;
  }

  /** Ends everything without waiting, when the test's own process ends. */
  endNow(): void {
    this.#process?.signal('SIGKILL');
    for (const proxy of this.#proxies) proxy.endNow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isUp) await this.kill();
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #started(): TroupeProcess {
    if (this.#process === undefined) throw new Error(`node ${this.name} was not started`);
    return this.#process;
  }
}
