// How an embedded nats-server is asked for.
import type { Clock, Logger } from '#runtime';
import type { ResolvedServer } from './resolve-server.ts';
import type { Durability } from './server-config.ts';
import type { ServerEvent } from './server-event.ts';

/** What `EmbeddedServer.ensure` needs to know. */
export interface EmbeddedServerOptions {
  /** The system's data folder (`.troupe/`); made when absent. */
  readonly dataDir: string;
  /** What an acknowledged write must survive. Default `process`; `disk` needs nats-server 2.10. */
  readonly durability?: Durability;
  readonly log: Logger;
  /** The program to run, asked for only when a server must be started. Default: `resolveNatsServer`. */
  readonly resolve?: () => Promise<Pick<ResolvedServer, 'binary' | 'version' | 'origin'>>;
  /** Told of every start, death, restart and stop. It must not throw. */
  readonly onEvent?: (event: ServerEvent) => void;
  readonly clock?: Clock;
  /** Most bytes that JetStream stores; default: the server's own, a share of the free disk. */
  readonly maxStoreBytes?: number;
  /**
   * Key under which the server encrypts its store (JetStream's own encryption, AES-GCM). A store without encryption is
   * encrypted at the next start; an encrypted one is never opened without its key. Default: no encryption.
   */
  readonly storeKey?: string;
  /** Bytes that may still be stored on the disk of the data folder; default: as the system says. */
  readonly freeBytes?: () => Promise<number>;
  /** Longest wait for a server to serve, in milliseconds. Default 60,000: large stores take time to recover. */
  readonly startTimeoutMs?: number;
  /** SIGKILL follows SIGTERM after that long, in milliseconds. Default 30,000: 2.15 is slow with many consumers. */
  readonly stopTimeoutMs?: number;
}
