// The nats-server of one data folder, as the laptop system uses it: started once however many processes ask,
// found again after its parent was killed, restarted at its old address when it dies, ended with its owner.
//
//   ensure ─▶ a verified server runs? ── yes ─▶ its owner lives ── yes ─▶ guest: uses it, never stops it
//                  │ no                              │ no
//                  ▼                                 ▼
//             start it: owner ◀──────────────── take it over: owner
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '#runtime';
import { type Attachment, attachServer, type HeldServer, withStartLock } from './attach-server.ts';
import { type DataFolder, prepareDataFolder } from './data-folder.ts';
import { DiskWatch, freeBytesOf } from './disk-watch.ts';
import type { EmbeddedServerOptions } from './embedded-server-options.ts';
import { jetStreamTrouble } from './jetstream-check.ts';
import { endProcess } from './nats-process.ts';
import { inspectProcess, isAlive } from './process-table.ts';
import { RestartDelay } from './restart-delay.ts';
import type { Durability } from './server-config.ts';
import type { ServerAddress, ServerEvent } from './server-event.ts';
import { readServerRecord, type ServerOwner, writeServerRecord } from './server-record.ts';
import { sleep } from './sleep.ts';

const CHECK_EVERY_MS = 500;
/** SIGKILL follows SIGTERM after that long where JetStream hangs. */
const UNWELL_STOP_MS = 5_000;

/** A handle on the data folder's server. Until `stop()` it watches the server and keeps the process alive. */
export class EmbeddedServer implements AsyncDisposable {
  readonly #options: EmbeddedServerOptions;
  readonly #folder: DataFolder;
  readonly #owner: ServerOwner;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #disk: DiskWatch;
  #held: HeldServer;
  #watching: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  private constructor(
    options: EmbeddedServerOptions,
    folder: DataFolder,
    owner: ServerOwner,
    held: HeldServer,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#owner = owner;
    this.#clock = options.clock ?? systemClock;
    this.#disk = new DiskWatch(options.freeBytes ?? (() => freeBytesOf(folder.root)));
    this.#held = held;
  }

  /**
   * Finds the folder's server or starts it. Throws `NatsServerNotFound`, `NatsServerUnusable`,
   * `NatsServerStartFailed` or `DataFolderBusy`.
   */
  static async ensure(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
    const folder = await prepareDataFolder(options.dataDir);
    const self = await inspectProcess(process.pid);
    if (self === undefined) throw new Error(`the system does not show process ${process.pid}`);
    const owner = { pid: self.pid, mark: self.mark, instance: randomBytes(8).toString('hex') };
    const held = await attachServer({ options, folder, owner, clock: options.clock ?? systemClock });
    const server = new EmbeddedServer(options, folder, owner, held);
    server.#tell({ kind: held.adopted ? 'adopted' : 'started', owned: held.owned, ...server.#address() });
    server.#watching = server.#watch();
    return server;
  }

  /** `nats://127.0.0.1:<port>`; the port changes only if a restarted server could not have its own again. */
  get url(): string {
    return this.#held.record.url;
  }

  /** What clients authenticate with; stays the same for the life of the data folder. */
  get token(): string {
    return this.#held.record.token;
  }

  /** HTTP monitoring (`/varz`, `/jsz`, …) on loopback. */
  get monitorUrl(): string {
    return this.#held.record.monitorUrl;
  }

  get version(): string {
    return this.#held.record.version;
  }

  get binary(): string {
    return this.#held.record.binary;
  }

  /** Which step of the search found the program. */
  get origin(): string {
    return this.#held.record.origin;
  }

  get pid(): number {
    return this.#held.id.pid;
  }

  /** What is in force, which is less than was asked for when the server is too old. */
  get durability(): Durability {
    return this.#held.record.durability;
  }

  /** True while next to nothing more can be stored on the disk of the data folder. */
  get diskIsFull(): boolean {
    return this.#disk.isFull;
  }

  /** True when the server was running already. */
  get adopted(): boolean {
    return this.#held.adopted;
  }

  /** True when `stop()` ends the server, since no other live process owns it. */
  get owned(): boolean {
    return this.#held.owned;
  }

  /** Stops watching and, if this is the owner, ends the server. Further calls wait for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    if (!this.#held.owned) return;
    await withStartLock(this.#folder, this.#options, this.#clock, async () => {
      const record = await readServerRecord(this.#folder);
      if (record?.owner.instance !== this.#owner.instance) return;
      const timeoutMs = this.#options.stopTimeoutMs ?? 30_000;
      await endProcess(this.#held.id, { timeoutMs, clock: this.#clock });
      await writeServerRecord(this.#folder, { ...record, state: 'stopped', pid: 0 });
      this.#tell({ kind: 'stopped', ...this.#address() });
    });
  }

  async #watch(): Promise<void> {
    const delay = new RestartDelay();
    while (!this.#stopping.signal.aborted) {
      const reason = await this.#pause();
      if (this.#stopping.signal.aborted) return;
      if (reason === undefined && (await isAlive(this.#held.id))) {
        if (this.#held.owned) await this.#lookAtDisk(delay);
        else await this.#takeOverFromDead();
        continue;
      }
      if (!this.#held.owned && (await readServerRecord(this.#folder))?.state === 'stopped') {
        this.#tell({ kind: 'gone', ...this.#address() });
        return;
      }
      await this.#revive(reason ?? 'it is no longer there', delay);
    }
  }

  /** Until the next look, or sooner with the reason when a child of ours ends, or when `stop()` is called. */
  async #pause(): Promise<string | undefined> {
    const { ending } = this.#held;
    await sleep(this.#clock, CHECK_EVERY_MS, this.#stopping.signal, ending);
    return ending?.aborted === true ? String(ending.reason) : undefined;
  }

  /** Tries until a server runs again or `stop()` is called. */
  async #revive(reason: string, delay: RestartDelay): Promise<void> {
    const before = this.#address();
    const { signal } = this.#stopping;
    this.#tell({ kind: 'died', reason, ...before });
    while (!signal.aborted) {
      await sleep(this.#clock, delay.next(this.#clock.monotonicMs()), signal);
      if (signal.aborted) return;
      try {
        this.#held = await attachServer({ ...this.#attachment(), former: this.#held, signal });
        this.#tell({ kind: 'restarted', sameAddress: this.url === before.url, ...this.#address() });
        return;
      } catch (error) {
        if (!signal.aborted) this.#tell({ kind: 'restart failed', error, ...before });
      }
    }
  }

  /** Once a disk that was full has room again, a server that did not get over it is started anew on its store. */
  async #lookAtDisk(delay: RestartDelay): Promise<void> {
    const change = await this.#disk.look();
    if (change === undefined) return;
    const { freeBytes } = change;
    if (change.isFull) {
      this.#tell({ kind: 'disk full', freeBytes, ...this.#address() });
      return;
    }
    const trouble = await jetStreamTrouble(this.#held.record);
    if (trouble !== undefined) {
      // It would be asked in vain to store what it holds; what was acknowledged is in its store.
      await endProcess(this.#held.id, { timeoutMs: UNWELL_STOP_MS, clock: this.#clock });
      await this.#revive(`its disk was full, and JetStream did not get over it: ${trouble}`, delay);
    }
    this.#tell({ kind: 'disk has room', freeBytes, ...this.#address() });
  }

  async #takeOverFromDead(): Promise<void> {
    const record = await readServerRecord(this.#folder);
    if (record === undefined || (await isAlive(record.owner))) return;
    try {
      this.#held = await attachServer({
        ...this.#attachment(),
        former: this.#held,
        signal: this.#stopping.signal,
      });
      if (this.#held.owned) this.#tell({ kind: 'taken over', ...this.#address() });
    } catch (error) {
      this.#options.log.warn({ err: error }, 'nats-server could not be taken over; trying again');
    }
  }

  #attachment(): Attachment {
    return { options: this.#options, folder: this.#folder, owner: this.#owner, clock: this.#clock };
  }

  #address(): ServerAddress {
    return { pid: this.pid, url: this.url, version: this.version };
  }

  #tell(event: ServerEvent): void {
    const { kind, ...fields } = event;
    const { log } = this.#options;
    if (kind === 'died' || kind === 'restart failed' || kind === 'disk full')
      log.warn(fields, `nats-server ${kind}`);
    else log.info(fields, `nats-server ${kind}`);
    this.#options.onEvent?.(event);
  }
}
