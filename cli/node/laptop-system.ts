// A node with its own nats-server, or with one that was named: what `up` and `demo` run. Started and stopped as one.
import { NatsLink, type SystemNames } from '#nats';
import { type Logger, systemClock } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';
import type { ServerAddress } from '../server-address.ts';
import { tuneCollector } from './collector.ts';
import { connectOptions } from './connect-options.ts';
import { DiskHold } from './disk-hold.ts';
import type { SystemMode } from './prepare-system.ts';
import { type NodeEnd, RunningNode } from './running-node.ts';
import { type LaptopAddress, type NodeDurability, SystemServer } from './system-server.ts';

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
}

export class LaptopSystem {
  readonly address: LaptopAddress;
  readonly link: NatsLink;
  readonly node: RunningNode;
  readonly #server: SystemServer;
  readonly #disk: DiskHold | undefined;

  private constructor(options: {
    readonly address: LaptopAddress;
    readonly link: NatsLink;
    readonly node: RunningNode;
    readonly server: SystemServer;
    readonly disk: DiskHold | undefined;
  }) {
    this.address = options.address;
    this.link = options.link;
    this.node = options.node;
    this.#server = options.server;
    this.#disk = options.disk;
  }

  /** @throws CommandError `data_folder_busy` when another process runs the data folder's system */
  static async start(options: LaptopOptions): Promise<LaptopSystem> {
    tuneCollector();
    const server = await SystemServer.open(options);
    try {
      const link = await NatsLink.connect({
        ...connectOptions(server.connection),
        name: 'troupe node',
        log: options.log,
      });
      const { mode = 'create', durability = server.durability } = options;
      const { dataDir } = options.config;
      // A durability that is known is that of a server on this machine, in this node's own data folder.
      const disk =
        durability === 'external' ? undefined : new DiskHold({ link, clock: systemClock, dataDir });
      try {
        const node = await RunningNode.start({ ...options, link, mode, durability });
        const address = { ...server.address, version: link.features.version };
        return new LaptopSystem({ address, link, node, server, disk });
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
   * Drains the node, then the connection, then ends the server. A node whose lease is over neither answers nor writes any
   * more: its connection is closed at once, and what is in hand comes again elsewhere.
   */
  async stop(end?: NodeEnd): Promise<void> {
    const stopping = this.node.stop(end);
    // A lease that runs out while it drains, as the server is gone, ends the drain, too: nothing would ever answer it.
    const over = end ?? (await Promise.race([this.node.ended, stopping.then(() => undefined)]));
    if (over?.reason === 'lease') await this.link.close();
    await stopping;
    await this.#disk?.stop();
    await this.link.drain();
    await this.#server.stop();
  }
}
