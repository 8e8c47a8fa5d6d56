// A node with its own nats-server, or with one that was named: what `up` and `demo` run. Started and stopped as one.
import { EmbeddedServer, NatsLink, type ServerEvent, type SystemNames } from '#nats';
import type { Logger } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';
import type { ServerAddress } from '../server-address.ts';
import { tuneCollector } from './collector.ts';
import { connectOptions } from './connect-options.ts';
import { type NodeEnd, RunningNode } from './running-node.ts';

export interface LaptopOptions {
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Use this server instead of an embedded one. */
  readonly server?: ServerAddress;
}

/** Where the system's server is and what it is. */
export interface LaptopAddress {
  readonly url: string;
  readonly token: string | undefined;
  readonly version: string;
  /** Which step found the server program, for an embedded one. */
  readonly origin: string;
}

export class LaptopSystem {
  readonly address: LaptopAddress;
  readonly link: NatsLink;
  readonly node: RunningNode;
  readonly #server: EmbeddedServer | undefined;

  private constructor(options: {
    readonly address: LaptopAddress;
    readonly link: NatsLink;
    readonly node: RunningNode;
    readonly server: EmbeddedServer | undefined;
  }) {
    this.address = options.address;
    this.link = options.link;
    this.node = options.node;
    this.#server = options.server;
  }

  /** @throws CommandError `data_folder_busy` when another process runs the data folder's system */
  static async start(options: LaptopOptions): Promise<LaptopSystem> {
    tuneCollector();
    let link: NatsLink | undefined;
    const onEvent = (event: ServerEvent): void => {
      if (event.kind === 'disk full') link?.publisher.hold(diskFullText(options));
      else if (event.kind === 'disk has room') link?.publisher.release();
    };
    const server = options.server === undefined ? await embeddedServer(options, onEvent) : undefined;
    try {
      const address = server ?? namedServer(options.server);
      link = await NatsLink.connect({
        ...connectOptions(
          server === undefined && options.server !== undefined
            ? options.server
            : { servers: [address.url], ...(address.token !== undefined && { token: address.token }) },
        ),
        name: 'troupe node',
        log: options.log,
      });
      if (server?.diskIsFull === true) link.publisher.hold(diskFullText(options));
      try {
        const node = await RunningNode.start({
          ...options,
          link,
          durability: server?.durability ?? 'external',
        });
        const { url, token, version, origin } = { ...toAddress(address), version: link.features.version };
        return new LaptopSystem({ address: { url, token, version, origin }, link, node, server });
      } catch (error) {
        await link.close();
        throw error;
      }
    } catch (error) {
      await server?.stop();
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
    return this.#server?.pid;
  }

  /**
   * Drains the node, then the connection, then ends the server. A node whose lease is over neither answers nor writes any
   * more: its connection is closed at once, and what is in hand comes again elsewhere.
   */
  async stop(end?: NodeEnd): Promise<void> {
    const stopping = this.node.stop(end);
    if (end?.reason === 'lease') await this.link.close();
    await stopping;
    await this.link.drain();
    await this.#server?.stop();
  }
}

function diskFullText({ config }: LaptopOptions): string {
  return `the disk of the data folder ${config.dataDir} is full: free some space`;
}

async function embeddedServer(
  { config, log }: LaptopOptions,
  onEvent: (event: ServerEvent) => void,
): Promise<EmbeddedServer> {
  const durability = config.config.durability === 'disk' ? 'disk' : 'process';
  const server = await EmbeddedServer.ensure({ dataDir: config.dataDir, durability, log, onEvent });
  if (server.owned) return server;
  await server.stop();
  throw new CommandError('data_folder_busy', `another process runs the system in ${config.dataDir}`);
}

function namedServer(server: ServerAddress | undefined): LaptopAddress {
  return {
    url: server?.servers.join(',') ?? '',
    token: server?.token,
    version: '',
    origin: server?.origin ?? '',
  };
}

function toAddress({ url, token, version, origin }: LaptopAddress): LaptopAddress {
  return { url, token, version, origin };
}
