// One connection to NATS and what every adapter shares of it: the publisher, the probed features, requests with named
// errors. Adapters in this folder also use the client objects which it carries; nothing outside the folder does.
import { type JetStreamManager, jetstream } from '@nats-io/jetstream';
import { createInbox, errors, type Msg, type NatsConnection, nuid, type Subscription } from 'nats';
import { type Clock, type Logger, pause, silentLogger, systemClock, systemRandom } from '#runtime';
import { endTransport, unlessClosed } from './closed-connection.ts';
import {
  isPermissionViolation,
  JetStreamUnavailable,
  LinkClosed,
  NoQuorum,
  NoResponders,
  PermissionDenied,
  RequestFailed,
  RequestTimeout,
} from './errors.ts';
import type { ServerFeatures } from './features.ts';
import { gatherWrites } from './gathered-writes.ts';
import { type ConnectOptions, openConnection, probeFeatures } from './open-connection.ts';
import { connectionTransport, publishHeaders } from './publish-transport.ts';
import { ERROR_CODE_HEADER, ERROR_HEADER, statusOf } from './service-headers.ts';
import { WindowPublisher } from './window-publisher.ts';

/** Longest that an orderly close may take; whoever waits for the server has something better to do by then. */
const DRAIN_MS = 5_000;

/** How the connection is: `connected` after a reconnect, `disconnected` while it is down. */
export type LinkStatus = 'connected' | 'disconnected';

/** A message of a plain subscription. `data` may be kept. */
export interface PlainMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  header(name: string): string | undefined;
}

/** A connection to NATS. */
export class NatsLink {
  /** The servers which were asked for. */
  readonly servers: string;
  /** How long requests are repeated while a cluster has no leader; undefined: as each of them says. */
  readonly patienceMs: number | undefined;
  readonly features: ServerFeatures;
  readonly publisher: WindowPublisher;
  /** Resolves when the connection has ended for good: with the error, or `undefined` after `close` and `drain`. */
  readonly closed: Promise<Error | undefined>;
  readonly log: Logger;
  readonly clock: Clock;
  /** For adapters in this folder only. */
  readonly connection: NatsConnection;
  /** For adapters in this folder only. */
  readonly manager: JetStreamManager;
  readonly #inboxPrefix: string | undefined;
  readonly #listeners = new Set<(status: LinkStatus) => void>();
  readonly #closeListeners = new Set<(error: Error | undefined) => void>();
  readonly #watching: Promise<void>;
  #connected = true;

  /**
   * Connects and probes the server.
   * @throws NatsUnreachable naming the server and a remedy; NoQuorum; JetStreamUnavailable
   */
  static async connect(options: ConnectOptions): Promise<NatsLink> {
    const connection = await openConnection(options);
    const manager = await jetstream(connection).jetstreamManager(false);
    try {
      const features = await probeFeatures(options, connection, manager);
      return new NatsLink(options, connection, manager, features);
    } catch (cause) {
      await connection.close();
      throw cause instanceof NoQuorum ? cause : new JetStreamUnavailable(options.servers, { cause });
    }
  }

  private constructor(
    options: ConnectOptions,
    connection: NatsConnection,
    manager: JetStreamManager,
    features: ServerFeatures,
  ) {
    this.servers = options.servers;
    this.patienceMs = options.patienceMs;
    this.connection = connection;
    this.manager = manager;
    this.features = features;
    this.log = options.log ?? silentLogger;
    this.clock = options.clock ?? systemClock;
    this.#inboxPrefix = options.inboxPrefix;
    gatherWrites(connection);
    this.publisher = new WindowPublisher({
      transport: connectionTransport(connection, manager, this.inbox()),
      clock: this.clock,
      random: options.random ?? systemRandom,
      newId: () => nuid.next(),
    });
    const { version, apiLevel, degraded } = features;
    this.log.info({ server: connection.getServer(), version, apiLevel, degraded }, 'connected to NATS');
    this.#watching = this.#watch();
    this.closed = connection.closed().then((error) => {
      this.publisher.close(error ?? undefined);
      const reason = error instanceof Error ? error : undefined;
      for (const listener of [...this.#closeListeners]) listener(reason);
      return reason;
    });
  }

  /** Whether the connection is up now. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Most bytes in one message. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** A new subject for replies to this connection. */
  inbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** Calls `listener` at each change; the returned function ends that. */
  onStatus(listener: (status: LinkStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** As `closed`, for listeners which come and go: the returned function ends it. */
  onClosed(listener: (error: Error | undefined) => void): () => void {
    this.#closeListeners.add(listener);
    return () => {
      this.#closeListeners.delete(listener);
    };
  }

  /**
   * Asks and waits for one answer.
   * @throws NoResponders, RequestTimeout, RequestFailed (the handler at the other end threw), LinkClosed
   */
  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const answer = await this.requestMessage(subject, data, timeoutMs);
    const failure = answer.headers?.get(ERROR_CODE_HEADER) ?? '';
    if (failure !== '') {
      throw new RequestFailed(subject, Number(failure), answer.headers?.get(ERROR_HEADER) ?? '');
    }
    return answer.data;
  }

  /**
   * As `request`, giving the whole message and no meaning to error headers. Waits for a reconnect within the time,
   * and ends at once when the connection breaks while the answer is awaited. For adapters in this folder.
   */
  async requestMessage(subject: string, data: Uint8Array | string, timeoutMs: number): Promise<Msg> {
    const started = this.clock.monotonicMs();
    if (!(await this.untilConnected(timeoutMs))) throw new RequestTimeout(subject, timeoutMs);
    const timeout = Math.max(1, timeoutMs - (this.clock.monotonicMs() - started));
    let stopListening = () => {};
    const broken = new Promise<never>((_, reject) => {
      stopListening = this.onStatus(() => reject(new RequestTimeout(subject, timeoutMs)));
    });
    const answer = this.connection.request(subject, data, { timeout });
    answer.catch(() => {}); // when the connection broke first
    try {
      return await Promise.race([answer, broken]);
    } catch (cause) {
      throw requestError(cause, subject, timeoutMs);
    } finally {
      stopListening();
    }
  }

  /** Resolves when the connection is up; to false when it is not within `timeoutMs`. */
  async untilConnected(timeoutMs: number): Promise<boolean> {
    if (this.#connected || this.connection.isClosed()) return true;
    const up = new AbortController();
    const stopListening = this.onStatus((status) => {
      if (status === 'connected') up.abort();
    });
    await pause(this.clock, timeoutMs, up.signal);
    stopListening();
    return this.#connected;
  }

  /**
   * Answers requests on `subject`; where several serve with the same `queue`, each request reaches one of them. A
   * handler which rejects answers with an error, and the asker gets `RequestFailed`. The returned function ends it; what
   * is on the way by then is still answered.
   */
  serve(
    subject: string,
    handler: (data: Uint8Array, subject: string) => Promise<Uint8Array>,
    options: { readonly queue?: string } = {},
  ): () => void {
    const subscription = this.connection.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      callback: (error, message) => {
        if (error !== null) this.log.warn({ subject, error: error.message }, 'subscription refused');
        else void this.#answer(message, handler);
      },
    });
    return () => {
      // The connection's own end, or loss, ends the subscription, too.
      if (!subscription.isClosed() && !subscription.isDraining()) subscription.drain().catch(() => {});
    };
  }

  /** Calls `onMessage` for each message on `subject` (wildcards allowed) until the returned function is called. */
  subscribe(subject: string, onMessage: (message: PlainMessage) => void): () => void {
    const subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) this.log.warn({ subject, error: error.message }, 'subscription refused');
        else onMessage(plainMessage(message));
      },
    });
    return () => end(subscription);
  }

  /**
   * Publishes without any acknowledgement: for requests, events and tests, never for what must not be lost. On a
   * connection that is closed, or about to be, it is lost without an error.
   */
  publishCore(subject: string, data: Uint8Array, headers: Readonly<Record<string, string>> = {}): void {
    const built = publishHeaders(Object.entries(headers));
    unlessClosed(() => this.connection.publish(subject, data, built === undefined ? {} : { headers: built }));
  }

  /** Resolves when the server has taken everything sent so far. */
  async flush(): Promise<void> {
    await this.connection.flush();
  }

  /**
   * Ends subscriptions, lets what was received be handled and what was sent go out, then closes. It never rejects and
   * takes `limitMs` (default 5,000) at most: where the server is away, or goes away meanwhile, it is as `close`.
   */
  async drain(limitMs = DRAIN_MS): Promise<void> {
    if (this.#connected && !this.connection.isClosed()) {
      const over = new AbortController();
      const stopListening = this.onStatus(() => over.abort());
      this.connection
        .drain()
        .catch((error: unknown) => this.log.debug({ error: String(error) }, 'connection not drained'))
        .finally(() => over.abort());
      await pause(this.clock, limitMs, over.signal);
      stopListening();
    }
    await this.close();
  }

  /** Closes at once; pending publishes are rejected with `LinkClosed`. */
  async close(): Promise<void> {
    await this.connection.close();
    endTransport(this.connection);
    await this.#watching;
  }

  async #answer(
    message: Msg,
    handler: (data: Uint8Array, subject: string) => Promise<Uint8Array>,
  ): Promise<void> {
    try {
      const reply = await handler(message.data, message.subject);
      unlessClosed(() => message.respond(reply));
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const headers = publishHeaders([
        [ERROR_HEADER, text.replace(/[\r\n]+/g, ' ')],
        [ERROR_CODE_HEADER, String(statusOf(error))],
      ]);
      this.log.warn({ subject: message.subject, error: text }, 'request handler failed');
      unlessClosed(() => message.respond(new Uint8Array(), headers === undefined ? {} : { headers }));
    }
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#changed('disconnected');
      else if (status.type === 'reconnect') this.#changed('connected');
      else if (status.type === 'error') this.#serverError(status.error);
    }
  }

  #serverError(error: Error): void {
    this.log.warn({ error: error.message }, 'NATS server error');
    if (!isPermissionViolation(error) || error.operation !== 'publish') return;
    this.publisher.refused(new PermissionDenied('publish on', error.subject, { cause: error }));
  }

  #changed(status: LinkStatus): void {
    const connected = status === 'connected';
    if (connected === this.#connected) return;
    this.#connected = connected;
    const fields = { server: this.connection.getServer() };
    if (connected) {
      this.log.info(fields, 'reconnected to NATS');
      gatherWrites(this.connection);
      this.publisher.reconnected();
    } else {
      this.log.warn(fields, 'disconnected from NATS');
      this.publisher.disconnected();
    }
    for (const listener of [...this.#listeners]) listener(status);
  }
}

/** Maps the client's errors to ours. */
function requestError(cause: unknown, subject: string, timeoutMs: number): Error {
  if (cause instanceof errors.RequestError && cause.isNoResponders())
    return new NoResponders(subject, { cause });
  if (cause instanceof errors.NoRespondersError) return new NoResponders(subject, { cause });
  if (cause instanceof errors.TimeoutError) return new RequestTimeout(subject, timeoutMs, { cause });
  if (isPermissionViolation(cause)) return new PermissionDenied('ask on', subject, { cause });
  if (cause instanceof errors.ClosedConnectionError || cause instanceof errors.DrainingConnectionError) {
    return new LinkClosed({ cause });
  }
  return cause instanceof Error ? cause : new Error(String(cause));
}

function plainMessage(message: Msg): PlainMessage {
  const data = message.data;
  return {
    subject: message.subject,
    data,
    header(name) {
      const value = message.headers?.get(name) ?? '';
      return value === '' ? undefined : value;
    },
  };
}

function end(subscription: Subscription): void {
  if (!subscription.isClosed()) subscription.unsubscribe();
}
