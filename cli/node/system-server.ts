// The NATS server under the nodes of this machine: an embedded one, which ends with them, or one that was named.
import { EmbeddedServer } from '#nats';
import type { Logger } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';
import type { ServerAddress } from '../server-address.ts';
import { readStoreKey } from './store-key.ts';

/** What acknowledged writes survive: `process`: every crash of processes; `disk`: a loss of power too; `external`: as the
 * named server is configured. */
export type NodeDurability = 'process' | 'disk' | 'external';

/** Where the system's server is and what it is. */
export interface LaptopAddress {
  readonly url: string;
  readonly token: string | undefined;
  /** Of the server; '' until somebody has connected. */
  readonly version: string;
  /** Which step found the server program, for an embedded one. */
  readonly origin: string;
}

/** A server that is there. */
export class SystemServer {
  readonly address: LaptopAddress;
  /** How to connect to it. */
  readonly connection: ServerAddress;
  readonly durability: NodeDurability;
  readonly #embedded: EmbeddedServer | undefined;

  /**
   * The server that is given, or else the embedded one of the data folder.
   * @throws CommandError `data_folder_busy` when another process runs the data folder's system
   */
  static async open(options: {
    readonly config: LoadedConfig;
    readonly log: Logger;
    readonly server?: ServerAddress;
  }): Promise<SystemServer> {
    const { config, log, server } = options;
    return new SystemServer(server ?? (await embedded(config, log)));
  }

  private constructor(server: ServerAddress | EmbeddedServer) {
    if (server instanceof EmbeddedServer) {
      const { url, token, version, origin, durability } = server;
      this.address = { url, token, version, origin };
      this.connection = { servers: [url], origin, ...(token !== undefined && { token }) };
      this.durability = durability;
      this.#embedded = server;
    } else {
      const { servers, token, origin } = server;
      this.address = { url: servers.join(','), token, version: '', origin };
      this.connection = server;
      this.durability = 'external';
      this.#embedded = undefined;
    }
  }

  /** Process id of an embedded server. */
  get pid(): number | undefined {
    return this.#embedded?.pid;
  }

  /** Ends an embedded server. */
  async stop(): Promise<void> {
    await this.#embedded?.stop();
  }
}

async function embedded(
  { config, dataDir, encryptionKeyFile }: LoadedConfig,
  log: Logger,
): Promise<EmbeddedServer> {
  const durability = config.durability === 'disk' ? 'disk' : 'process';
  const storeKey = encryptionKeyFile === undefined ? undefined : await readStoreKey(encryptionKeyFile);
  const server = await EmbeddedServer.ensure({
    dataDir,
    durability,
    log,
    ...(storeKey !== undefined && { storeKey }),
  });
  if (server.owned) return server;
  await server.stop();
  throw new CommandError('data_folder_busy', `another process runs the system in ${dataDir}`);
}
