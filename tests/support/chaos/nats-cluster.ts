// The NATS of a chaos test: one server, or a cluster of three with routes, each a process on free ports with a store of
// its own. Its members are killed and started again, or frozen, one by one.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { NatsLink } from '#nats';
import { silentLogger } from '#runtime';
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
  type TestServerVersion,
} from '../nats-server.ts';
import { stopProcess } from '../stop-process.ts';

export interface NatsClusterOptions {
  /** Default 1. */
  readonly servers?: 1 | 3;
  /** Default `newest`. */
  readonly version?: TestServerVersion;
  /** Most bytes that each server stores. */
  readonly maxStoreBytes?: number;
}

const CLUSTER_NAME = 'troupe-test';

export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly TestServer[];
  readonly #down = new Set<number>();

  /** Starts the servers and resolves when all serve. */
  static async start(options: NatsClusterOptions = {}): Promise<NatsCluster> {
    const count = options.servers ?? 1;
    const common: TestServerOptions = {
      token: randomBytes(18).toString('base64url'),
      version: options.version ?? 'newest',
      ...(options.maxStoreBytes !== undefined && { maxStoreBytes: options.maxStoreBytes }),
    };
    if (count === 1) return new NatsCluster([await startTestServer(common)]);
    const routes = await freePorts(count);
    // None of them serves before most of them run.
    const started = await Promise.allSettled(
      routes.map((port, index) =>
        startTestServer({
          ...common,
          cluster: { clusterName: CLUSTER_NAME, serverName: memberName(index), port, routes },
        }),
      ),
    );
    const servers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed === undefined) return new NatsCluster(servers);
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    throw failed.reason;
  }

  private constructor(servers: readonly TestServer[]) {
    this.servers = servers;
  }

  /** URLs of all members, separated by commas, running or not. */
  get url(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  get token(): string {
    return this.server(0).token;
  }

  server(index: number): TestServer {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`there is no server ${index} among ${this.servers.length}`);
    return server;
  }

  /** Whether the member runs, as far as this harness has done it. */
  isUp(index: number): boolean {
    return !this.#down.has(index);
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(index: number): Promise<void> {
    this.#down.add(index);
    await this.server(index).kill();
  }

  /** Starts a killed member on its store and ports; resolves when it serves. */
  async restart(index: number): Promise<void> {
    await this.server(index).restart();
    this.#down.delete(index);
  }

  /** Starts several at once: where most were killed, none serves before most of them run. */
  async restartAll(indexes: readonly number[]): Promise<void> {
    await Promise.all(indexes.map((index) => this.restart(index)));
  }

  /** SIGSTOP: its connections stay open, and nothing comes over them. */
  async freeze(index: number): Promise<void> {
    this.#down.add(index);
    await stopProcess(this.server(index).pid);
  }

  thaw(index: number): void {
    process.kill(this.server(index).pid, 'SIGCONT');
    this.#down.delete(index);
  }

  /** Which member leads the stream; undefined while none does. A server by itself leads everything. */
  async leaderOf(stream: string): Promise<number | undefined> {
    if (this.servers.length === 1) return 0;
    const link = await this.link();
    try {
      const { cluster } = await link.manager.streams.info(stream);
      const index = this.servers.findIndex((_, at) => memberName(at) === cluster?.leader);
      return index < 0 ? undefined : index;
    } catch {
      // No leader answers now; whoever waits has a deadline.
      return undefined;
    } finally {
      await link.close();
    }
  }

  /** A connection of the test's own, which the caller closes. */
  link(): Promise<NatsLink> {
    return NatsLink.connect({
      servers: this.url,
      token: this.token,
      name: 'test',
      log: silentLogger,
      reconnectWaitMs: 50,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Name of a member in the server's own reports. */
export function memberName(index: number): string {
  return `n${index + 1}`;
}

/** Ports that nobody listens on: members must know each other's before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const holders = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    holders.map(
      (holder) =>
        new Promise<number>((resolve, reject) => {
          holder.once('error', reject);
          holder.listen(0, '127.0.0.1', () => {
            const address = holder.address();
            if (address === null || typeof address === 'string') reject(new Error('no port was given'));
            else resolve(address.port);
          });
        }),
    ),
  );
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
