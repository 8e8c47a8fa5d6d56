// A node with its own nats-server, or with one that was named: what `up` and `demo` run. Started and stopped as one.
import { NatsLink, type SystemNames } from '#nats';
import { type Logger, systemClock } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';
import type { ServerAddress } from '../server-address.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { tuneCollector } from './collector.ts';
import { connectOptions } from './connect-options.ts';
import { DiskHold } from './disk-hold.ts';
import { Ending } from './ending.ts';
import type { NodeEnd } from './node-end.ts';
import type { SystemMode } from './prepare-system.ts';
import { RunningNode } from './running-node.ts';
import { type LaptopAddress, type NodeDurability, SystemServer } from './system-server.ts';

/**
 * A server that hangs is left for another one after three pings, so after 7.5 s. With the third of a lease since the last
 * renewal before, and the pause until the next connection, that stays below the lease of a node in a cluster, 20 s.
 */
const PING_MS = 2_500;

export interface LaptopOptions {
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Use this server instead of an embedded one. */
  readonly server?: ServerAddress;
  /** Default `create`. */
  readonly mode?: SystemMode;
  /** Of a named server, where whoever started this node knows. */
  readonly durability?: NodeDurability;
  /** Told that the node has to end, and what that waits for; default: nobody is. */
  readonly ending?: Ending;
  /** Gives up the start of the node. */
  readonly signal?: AbortSignal;
  /** Default: what the environment asks for. */
  readonly tracing?: Tracing;
}

export class LaptopSystem {
  readonly address: LaptopAddress;
  readonly link: NatsLink;
  readonly node: RunningNode;
  readonly #server: SystemServer;
  readonly #disk: DiskHold | undefined;
  readonly #ending: Ending;

  private constructor(options: {
    readonly address: LaptopAddress;
    readonly link: NatsLink;
    readonly node: RunningNode;
    readonly server: SystemServer;
    readonly disk: DiskHold | undefined;
    readonly ending: Ending;
  }) {
    this.address = options.address;
    this.link = options.link;
    this.node = options.node;
    this.#server = options.server;
    this.#disk = options.disk;
    this.#ending = options.ending;
  }

  /** @throws CommandError `data_folder_busy` when another process runs the data folder's system; as `RunningNode.start` */
  static async start(options: LaptopOptions): Promise<LaptopSystem> {
    tuneCollector();
    const server = await SystemServer.open(options);
    try {
      const link = await NatsLink.connect({
        ...connectOptions(server.connection),
        name: 'troupe node',
        log: options.log,
        pingMs: PING_MS,
      });
      const { mode = 'create', durability = server.durability, ending = new Ending() } = options;
      const { dataDir } = options.config;
      // A durability that is known is that of a server on this machine, in this node's own data folder.
      const disk =
        durability === 'external' ? undefined : new DiskHold({ link, clock: systemClock, dataDir });
      try {
        const node = await RunningNode.start({ ...options, link, mode, durability, ending });
        const address = { ...server.address, version: link.features.version };
        return new LaptopSystem({ address, link, node, server, disk, ending });
      } catch (error) {
        await disk?.stop();
        await link.close();
        throw error;
      }
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Resolves when the node ends by itself. */
  get ended(): Promise<NodeEnd> {
    return this.node.ended;
  }

  get names(): SystemNames {
    return this.node.names;
  }

  /** Process id of the embedded server; undefined when a server was named. */
  get serverPid(): number | undefined {
    return this.#server.pid;
  }

  /**
   * Drains the node, then the connection, then ends the server.
   * @param end why the node ended by itself, if it did
   * @returns that, or what ended it while it drained
   */
  async stop(end?: NodeEnd): Promise<NodeEnd> {
    const over = await this.node.stop(end);
    const ending = this.#ending;
    await ending.waitFor('watch of the disk', Promise.resolve(this.#disk?.stop()));
    await ending.waitFor('close of the connection', this.link.drain());
    await ending.waitFor('end of the nats-server', this.#server.stop());
    return over;
  }
}
