// A TCP proxy between a client and its server, which can be cut like a network: then neither side gets a byte, an end
// or a reset of the other, so that both think that the connection hangs, and new connections are taken and stay silent.
// What was on its way is held back and arrives after `heal`, as TCP would send it again.
import { createServer, type Server, Socket } from 'node:net';

/** Where the proxy leads to, asked at each new connection. */
export type ProxyTarget = () => { readonly host: string; readonly port: number };

export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #crossings: Set<Crossing>;
  #cut = false;

  /** A proxy on a free port of loopback. */
  static async open(target: ProxyTarget): Promise<TcpProxy> {
    const crossings = new Set<Crossing>();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP proxy has no port');
    return new TcpProxy({ server, crossings, target, port: address.port });
  }

  private constructor(parts: {
    readonly server: Server;
    readonly crossings: Set<Crossing>;
    readonly target: ProxyTarget;
    readonly port: number;
  }) {
    const { server, crossings, target } = parts;
    this.port = parts.port;
    this.#server = server;
    this.#crossings = crossings;
    server.on('connection', (socket) => {
      const crossing = new Crossing(socket, target, () => crossings.delete(crossing));
      crossings.add(crossing);
      if (!this.#cut) crossing.open();
    });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Connections through it, also those which hang. */
  get connections(): number {
    return this.#crossings.size;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** From now on nothing passes, in either direction. */
  cut(): void {
    this.#cut = true;
    for (const crossing of this.#crossings) crossing.close();
  }

  /** What was held back passes, then everything else. */
  heal(): void {
    this.#cut = false;
    for (const crossing of [...this.#crossings]) crossing.open();
  }

  /** Takes no connection any more and ends all, without waiting. */
  endNow(): void {
    this.#server.close();
    for (const crossing of [...this.#crossings]) crossing.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.once('close', () => resolve()));
    this.endNow();
    await closed;
  }
}

/** One connection through the proxy: a client's socket and, once it may pass, one to the server. */
class Crossing {
  readonly #client: Socket;
  readonly #target: ProxyTarget;
  readonly #over: () => void;
  #server: Socket | undefined;
  #isOpen = false;
  /** What one side must learn of the other once it may: Node tells of an end also where nobody reads. */
  readonly #untold: (() => void)[] = [];

  constructor(client: Socket, target: ProxyTarget, over: () => void) {
    this.#client = client;
    this.#target = target;
    this.#over = over;
    this.#watch(client);
  }

  open(): void {
    this.#isOpen = true;
    if (this.#server === undefined && !this.#client.destroyed) {
      this.#server = new Socket({ allowHalfOpen: true });
      this.#watch(this.#server);
      this.#carry(this.#client, this.#server);
      this.#carry(this.#server, this.#client);
      this.#server.connect(this.#target());
    }
    for (const tell of this.#untold.splice(0)) tell();
    this.#client.resume();
    this.#server?.resume();
  }

  close(): void {
    this.#isOpen = false;
    this.#client.pause();
    this.#server?.pause();
  }

  end(): void {
    this.#over();
    this.#client.destroy();
    this.#server?.destroy();
  }

  /** Ends both sides when one is gone for good. */
  #watch(side: Socket): void {
    side.on('error', () => {}); // 'close' follows
    side.once('close', () => this.#tell(() => this.end()));
  }

  /** Passes bytes and the end of one side on to the other, no faster than that takes them, while it may. */
  #carry(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => {
      if (this.#isOpen) from.resume();
    });
    from.once('end', () => this.#tell(() => to.end()));
  }

  #tell(news: () => void): void {
    if (this.#isOpen) news();
    else this.#untold.push(news);
  }
}
