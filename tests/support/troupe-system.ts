// A whole Troupe system for tests, as a user runs it: `troupe up` as a child process in a folder of its own, on the
// nats-server version asked for, with verbs to kill and restart it beside those of any running system. Disposing of it
// ends every process that came of it, also the nats-server that a killed node left.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CutAnswer } from '#actors';
import { systemClock } from '#runtime';
import { endProcess, findRunningServer, inspectProcess, signalProcess } from '../../nats/server/index.ts';
import { endWithThisProcess } from './end-with-process.ts';
import { type AvailableServer, serverFor, type TestServerVersion } from './nats-server.ts';
import { LOG_SHOWN, SETTLE_MS, type SystemAddress, SystemClient } from './system-client.ts';
import { cleanEnvironment, type ProcessEnd, START_MS, TroupeProcess } from './troupe-process.ts';

const STOP_MS = 40_000;
const COMMAND_MS = 120_000;

export interface TroupeOptions {
  /** Default `newest`. */
  readonly version?: TestServerVersion;
  /** Content of troupe.yaml as an object; default: the defaults. */
  readonly config?: object;
  /** Of `troupe up`, beside `--json`. */
  readonly args?: readonly string[];
  /** Dataset that the verbs are about; default `photos`. */
  readonly dataset?: string;
}

/** What a command of the user printed and how it ended. */
export interface CommandRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class TroupeSystem extends SystemClient implements AsyncDisposable {
  /** Where commands run: holds troupe.yaml and the data folder. */
  readonly folder: string;
  readonly #server: AvailableServer;
  readonly #args: readonly string[];
  #node: TroupeProcess | undefined;
  #unregister: () => void = () => {};

  private constructor(folder: string, server: AvailableServer, { dataset, args }: TroupeOptions) {
    super(dataset ?? 'photos');
    this.folder = folder;
    this.#server = server;
    this.#args = args ?? [];
  }

  /** A system that is not started yet. */
  static async create(options: TroupeOptions = {}): Promise<TroupeSystem> {
    const server = await serverFor(options.version ?? 'newest');
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'troupe-system-')));
    if (options.config !== undefined) {
      await writeFile(join(folder, 'troupe.yaml'), JSON.stringify(options.config));
    }
    const system = new TroupeSystem(folder, server, options);
    system.#unregister = endWithThisProcess(system);
    return system;
  }

  /** A system that is up. */
  static async up(options: TroupeOptions = {}): Promise<TroupeSystem> {
    const system = await TroupeSystem.create(options);
    try {
      await system.start();
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  get dataDir(): string {
    return join(this.folder, '.troupe');
  }

  /** The nats-server's version. */
  get serverVersion(): string {
    return this.#server.version;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** What `up` printed. */
  get output(): string {
    return this.#running().stdout;
  }

  /** The environment of every process of this system: nothing that would lead it to another one. */
  get env(): NodeJS.ProcessEnv {
    return { ...cleanEnvironment(), NATS_SERVER_BIN: this.#server.binary };
  }

  /**
   * Starts the node and resolves when it is up, or, with a fault, also when the fault has ended it before.
   * @param options.fault `point:n`: the process kills itself when it reaches the point for the nth time
   */
  async start(options: { readonly fault?: string } = {}): Promise<void> {
    const node = new TroupeProcess({
      args: ['up', '--json', ...this.#args],
      cwd: this.folder,
      env: { ...this.env, ...(options.fault !== undefined && { TROUPE_FAULT: options.fault }) },
    });
    this.#node = node;
    await this.waitFor(() => node.isOver || node.stdout.includes('\n'), {
      deadlineMs: START_MS,
      what: 'the node is up',
    });
    if (!node.stdout.includes('\n') && options.fault === undefined) {
      throw new Error(`the node ended while starting:\n${node.stderr.slice(-LOG_SHOWN)}`);
    }
  }

  /** SIGKILL to the node; its nats-server lives on. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const node = this.#running();
    node.signal('SIGKILL');
    await node.ended;
  }

  /** SIGSTOP to the node: it does nothing until `thaw`. */
  freeze(): void {
    this.#running().signal('SIGSTOP');
  }

  thaw(): void {
    this.#running().signal('SIGCONT');
  }

  /** What the node has written to standard error. */
  get log(): string {
    return this.#running().stderr;
  }

  /** Resolves when the node has ended by itself. */
  async ended(deadlineMs = SETTLE_MS): Promise<ProcessEnd> {
    const node = this.#running();
    await this.waitFor(() => node.isOver, { deadlineMs, what: 'the node has ended' });
    return node.ended;
  }

  /** Whether the node runs. */
  get isUp(): boolean {
    return this.#node?.isOver === false;
  }

  /** SIGKILL to the nats-server; resolves when another one answers in its place. */
  async killServer(): Promise<void> {
    const before = await this.#runningServer();
    signalProcess(before, 'SIGKILL');
    await this.waitFor(
      async () => {
        const now = await findRunningServer(this.dataDir);
        return now !== undefined && now.pid !== before;
      },
      { deadlineMs: START_MS, what: 'the nats-server was started again' },
    );
  }

  /** SIGSTOP to the nats-server: for everyone it is as if the network were cut. */
  async freezeServer(): Promise<void> {
    process.kill(await this.#runningServer(), 'SIGSTOP');
  }

  async thawServer(): Promise<void> {
    process.kill(await this.#runningServer(), 'SIGCONT');
  }

  /** Number of the nats-server's process; `undefined` when none runs. */
  async #serverPid(): Promise<number | undefined> {
    const pid = recordedPid(this.dataDir);
    const found = pid === undefined ? undefined : await inspectProcess(pid);
    return found?.command.includes(this.folder) === true ? pid : undefined;
  }

  async #runningServer(): Promise<number> {
    const pid = await this.#serverPid();
    if (pid === undefined) throw new Error('no nats-server runs');
    return pid;
  }

  /** Whether this system's nats-server runs. */
  async serverIsUp(): Promise<boolean> {
    return (await this.#serverPid()) !== undefined;
  }

  /** SIGTERM; resolves with how the node ended. */
  async stop(): Promise<ProcessEnd> {
    const node = this.#running();
    await this.disconnect();
    node.signal('SIGTERM');
    return await this.ended(STOP_MS);
  }

  /** Where any NATS client finds the system. */
  async address(): Promise<SystemAddress> {
    const server = await findRunningServer(this.dataDir);
    if (server === undefined) throw new Error(`no nats-server answers in ${this.dataDir}`);
    return server;
  }

  /** Cuts a manifest. @throws when the node ends meanwhile */
  override async cut(): Promise<CutAnswer> {
    const over = this.#running().ended.then(() => undefined);
    const answer = await Promise.race([super.cut(), over]);
    if (answer === undefined) throw new Error('the node ended during the cut');
    return answer;
  }

  /** Runs a command line in the system's folder, as a user in another shell. */
  async command(...args: readonly string[]): Promise<CommandRun> {
    const run = new TroupeProcess({ args, cwd: this.folder, env: this.env, limitMs: COMMAND_MS });
    const { code } = await run.ended;
    return { code, stdout: run.stdout, stderr: run.stderr };
  }

  protected logTail(): string {
    return this.#node?.stderr.slice(-LOG_SHOWN) ?? '';
  }

  /** Ends every process that came of it, and leaves the folder. */
  async end(): Promise<void> {
    await this.disconnect();
    if (this.#node?.isOver === false) await this.kill();
    const pid = await this.#serverPid();
    const server = pid === undefined ? undefined : await inspectProcess(pid);
    if (server !== undefined) await endProcess(server, { timeoutMs: 0, clock: systemClock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.#unregister();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends everything without waiting, when the test's own process ends. */
  endNow(): void {
    this.#node?.signal('SIGKILL');
    const pid = recordedPid(this.dataDir);
    if (pid === undefined) return;
    const { stdout } = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    if (stdout.includes(this.folder)) signalProcess(pid, 'SIGKILL');
  }

  #running(): TroupeProcess {
    if (this.#node === undefined) throw new Error('the system was not started');
    return this.#node;
  }
}

/** The pid that the data folder's record names. */
function recordedPid(dataDir: string): number | undefined {
  const path = join(dataDir, 'server.json');
  if (!existsSync(path)) return undefined;
  const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: number };
  return pid > 0 ? pid : undefined;
}
