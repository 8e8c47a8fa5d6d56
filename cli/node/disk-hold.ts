// Keeps a node from writing while the disk under this machine's nats-server is full: a server that finds it so in the
// middle of a write takes nothing more until it is restarted, which its owner does once there is room again.
import { DiskWatch, findRunningServer, freeBytesOf, jetStreamTrouble, type NatsLink } from '#nats';
import { type Clock, pause } from '#runtime';

const LOOK_EVERY_MS = 500;

/** The watch of one node; it never rejects. */
export class DiskHold {
  readonly #link: Pick<NatsLink, 'publisher'>;
  readonly #clock: Clock;
  readonly #dataDir: string;
  readonly #over = new AbortController();
  readonly #watching: Promise<void>;

  /** Watches the disk of the data folder, whose server the link leads to, until `stop`. */
  constructor(options: {
    readonly link: Pick<NatsLink, 'publisher'>;
    readonly clock: Clock;
    readonly dataDir: string;
  }) {
    this.#link = options.link;
    this.#clock = options.clock;
    this.#dataDir = options.dataDir;
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const disk = new DiskWatch(() => freeBytesOf(this.#dataDir));
    const { signal } = this.#over;
    while (!signal.aborted) {
      const change = await disk.look();
      if (change?.isFull === true) {
        this.#link.publisher.hold(`the disk of the data folder ${this.#dataDir} is full: free some space`);
      } else if (change !== undefined && (await this.#untilServerWorks())) {
        this.#link.publisher.release();
      }
      await pause(this.#clock, LOOK_EVERY_MS, signal);
    }
  }

  /** True once the server works, perhaps another process of it; false when this watch is over first. */
  async #untilServerWorks(): Promise<boolean> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const server = await findRunningServer(this.#dataDir);
      if (server !== undefined && (await jetStreamTrouble(server)) === undefined) return true;
      await pause(this.#clock, LOOK_EVERY_MS, signal);
    }
    return false;
  }
}
