// A whole Troupe system for tests, as a user runs it: `troupe up` as a child process in a folder of its own, on the
// nats-server version asked for, with verbs to kill, restart, feed and question it. All waiting lives here: tests
// never sleep. Disposing of it ends every process that came of it, also the nats-server that a killed node left.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CutAnswer, ManifestRow, SettledAnswer } from '#actors';
import { eachMessage, NatsLink, namesOf } from '#nats';
import { silentLogger, systemClock } from '#runtime';
import { type AuditReport, audit } from '../../cli/node/audit.ts';
import { ClientSystem } from '../../cli/node/client-system.ts';
import { IntakePublisher } from '../../cli/publish/intake-publisher.ts';
import { publishAll } from '../../cli/publish/publish-all.ts';
import { endProcess, findRunningServer, inspectProcess, signalProcess } from '../../nats/server/index.ts';
import { type AvailableServer, serverFor, type TestServerVersion } from './nats-server.ts';
import { type ProcessEnd, TroupeProcess } from './troupe-process.ts';

const POLL_MS = 20;
const START_MS = 60_000;
const STOP_MS = 40_000;
const SETTLE_MS = 120_000;
const COMMAND_MS = 120_000;
const ASK_MS = 2_000;
/** Characters of the node's log that a failed wait shows. */
const LOG_SHOWN = 3_000;

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

/** Something to publish: a file, the id it gets and the source it claims. */
export interface PublishedFile {
  readonly id: string;
  readonly path: string;
  readonly source?: string;
}

/** Body of a message on `troupe.outcome.<dataset>.…`. */
export interface SeenOutcome {
  readonly sequence: number;
  readonly id: string | null;
  readonly item: string | null;
  readonly outcome: string;
  readonly reasons: readonly string[];
  readonly survivor?: { readonly id: string; readonly relation: string };
}

export class TroupeSystem implements AsyncDisposable {
  readonly dataset: string;
  /** Where commands run: holds troupe.yaml and the data folder. */
  readonly folder: string;
  readonly #server: AvailableServer;
  readonly #args: readonly string[];
  #node: TroupeProcess | undefined;
  readonly #others: TroupeProcess[] = [];
  #client: ClientSystem | undefined;

  private constructor(folder: string, server: AvailableServer, { dataset, args }: TroupeOptions) {
    this.folder = folder;
    this.dataset = dataset ?? 'photos';
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
    endWithThisProcess(system);
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
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(NATS_|TROUPE_|VITEST|NODE_OPTIONS)/.test(name),
    );
    return { ...Object.fromEntries(own), NATS_SERVER_BIN: this.#server.binary };
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

  /** Starts a further node on the system's server, and resolves when it is up. */
  async startAnother(): Promise<TroupeProcess> {
    const { url, token } = await this.address();
    const node = new TroupeProcess({
      args: ['up', '--server', url, '--token', token, '--json'],
      cwd: this.folder,
      env: this.env,
    });
    this.#others.push(node);
    await this.waitFor(() => node.isOver || node.stdout.includes('\n'), {
      deadlineMs: START_MS,
      what: 'another node is up',
    });
    if (node.isOver) throw new Error(`the node ended while starting:\n${node.stderr.slice(-LOG_SHOWN)}`);
    return node;
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
    const before = await this.#serverPid();
    if (before === undefined) throw new Error('no nats-server runs');
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
    const pid = await this.#serverPid();
    if (pid === undefined) throw new Error('no nats-server runs');
    process.kill(pid, 'SIGSTOP');
  }

  /** Number of the nats-server's process; `undefined` when none runs. */
  async #serverPid(): Promise<number | undefined> {
    const pid = recordedPid(this.dataDir);
    const found = pid === undefined ? undefined : await inspectProcess(pid);
    return found?.command.includes(this.folder) === true ? pid : undefined;
  }

  /** Whether this system's nats-server runs. */
  async serverIsUp(): Promise<boolean> {
    return (await this.#serverPid()) !== undefined;
  }

  /** SIGTERM; resolves with how the node ended. */
  async stop(): Promise<ProcessEnd> {
    const node = this.#running();
    await this.#disconnect();
    node.signal('SIGTERM');
    return await this.ended(STOP_MS);
  }

  /** A client of the running system, connected once and for all; it outlives restarts of node and server. */
  async connect(): Promise<ClientSystem> {
    if (this.#client !== undefined) return this.#client;
    const server = await this.address();
    const link = await NatsLink.connect({
      servers: server.url,
      token: server.token,
      name: 'test',
      log: silentLogger,
      reconnectWaitMs: 50,
    });
    this.#client = new ClientSystem({ link, names: namesOf('troupe'), timeoutMs: ASK_MS });
    return this.#client;
  }

  /** Where any NATS client finds the system. */
  async address(): Promise<{ readonly url: string; readonly token: string }> {
    const server = await findRunningServer(this.dataDir);
    if (server === undefined) throw new Error(`no nats-server answers in ${this.dataDir}`);
    return server;
  }

  /** Publishes files to intake; resolves to the highest sequence. */
  async publish(files: readonly PublishedFile[]): Promise<number> {
    const { link, names } = await this.connect();
    const publishers = new Map<string | undefined, IntakePublisher>();
    for (const source of new Set(files.map((file) => file.source))) {
      const claimed = source === undefined ? {} : { source };
      publishers.set(source, new IntakePublisher({ link, names, dataset: this.dataset, ...claimed }));
    }
    const byPath = new Map(files.map((file) => [file.path, publishers.get(file.source)]));
    const progress = await publishAll(
      {
        publish: (item, signal) => {
          const publisher = item.type === 'file' ? byPath.get(item.path) : undefined;
          if (publisher === undefined) throw new Error('an item without a publisher');
          return publisher.publish(item, signal);
        },
      },
      sources(files),
      { signal: AbortSignal.timeout(SETTLE_MS) },
    );
    if (progress.published < files.length) {
      throw new Error(`only ${progress.published} of ${files.length} published within ${SETTLE_MS} ms`);
    }
    return progress.lastSequence;
  }

  /** How many of the sequences up to `through` have a verdict; `undefined` while no node answers. */
  async settled(through: number): Promise<number | undefined> {
    const answer = await this.#askSettled(through);
    return answer === undefined ? undefined : through - answer.missing.count;
  }

  /**
   * Waits until at least `atLeast` (default: all) of the sequences up to `through` have a verdict.
   * @returns how many have by then
   */
  async waitSettled(
    through: number,
    {
      atLeast = through,
      deadlineMs = SETTLE_MS,
    }: { readonly atLeast?: number; readonly deadlineMs?: number } = {},
  ): Promise<number> {
    let settled: number | undefined;
    await this.waitFor(
      async () => {
        settled = (await this.settled(through)) ?? settled;
        return settled !== undefined && settled >= atLeast;
      },
      { deadlineMs, what: () => `${atLeast} of ${through} are settled (${settled ?? 'no answer'} are)` },
    );
    return settled ?? 0;
  }

  /** Verdict counts of everything settled. */
  async verdicts(): Promise<SettledAnswer['counts']> {
    const system = await this.connect();
    return (await system.keeper(this.dataset).settled(0)).counts;
  }

  /** Cuts a manifest. @throws when the node ends meanwhile */
  async cut(): Promise<CutAnswer> {
    const system = await this.connect();
    const over = this.#running().ended.then(() => undefined);
    const answer = await Promise.race([system.keeper(this.dataset).cut(), over]);
    if (answer === undefined) throw new Error('the node ended during the cut');
    return answer;
  }

  /** Cuts a manifest and gives its digest. */
  async manifestDigest(): Promise<string> {
    return (await this.cut()).manifest.digest;
  }

  /** Rows of the manifest that HEAD points at. */
  async manifestRows(): Promise<readonly ManifestRow[]> {
    const store = (await this.connect()).manifests(this.dataset);
    const record = await store.record((await store.head()) ?? 0);
    if (record === undefined) throw new Error('HEAD points at no manifest');
    const rows: ManifestRow[] = [];
    for await (const row of store.rows(await store.envelope(record))) rows.push(row);
    return rows;
  }

  /** Every outcome that the outcome stream holds, oldest first. */
  async outcomes(): Promise<readonly SeenOutcome[]> {
    const { link, names } = await this.connect();
    const seen: SeenOutcome[] = [];
    for await (const { data } of eachMessage(link, names.streams.outcome(this.dataset))) {
      seen.push(JSON.parse(Buffer.from(data).toString()) as SeenOutcome);
    }
    return seen;
  }

  async audit(): Promise<AuditReport> {
    return audit(await this.connect(), this.dataset);
  }

  /** Runs a command line in the system's folder, as a user in another shell. */
  async command(...args: readonly string[]): Promise<CommandRun> {
    const run = new TroupeProcess({ args, cwd: this.folder, env: this.env, limitMs: COMMAND_MS });
    const { code } = await run.ended;
    return { code, stdout: run.stdout, stderr: run.stderr };
  }

  /** Polls until the predicate holds; else fails with what was waited for and the end of the node's log. */
  async waitFor(
    predicate: () => boolean | Promise<boolean>,
    { deadlineMs, what }: { readonly deadlineMs: number; readonly what: string | (() => string) },
  ): Promise<void> {
    const endMs = systemClock.monotonicMs() + deadlineMs;
    while (!(await predicate())) {
      if (systemClock.monotonicMs() > endMs) {
        const sought = typeof what === 'string' ? what : what();
        const log = this.#node?.stderr.slice(-LOG_SHOWN) ?? '';
        throw new Error(`not within ${deadlineMs} ms: ${sought}; the node's log ends:\n${log}`);
      }
      await pause(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
    for (const node of this.#others) {
      node.signal('SIGKILL');
      await node.ended;
    }
    if (this.#node?.isOver === false) await this.kill();
    const pid = await this.#serverPid();
    const server = pid === undefined ? undefined : await inspectProcess(pid);
    if (server !== undefined) await endProcess(server, { timeoutMs: 0, clock: systemClock });
    registered?.delete(this);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends everything without waiting, when the test's own process ends. */
  endNow(): void {
    for (const node of [this.#node, ...this.#others]) node?.signal('SIGKILL');
    const pid = recordedPid(this.dataDir);
    if (pid === undefined) return;
    const { stdout } = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    if (stdout.includes(this.folder)) signalProcess(pid, 'SIGKILL');
  }

  async #disconnect(): Promise<void> {
    await this.#client?.link.close();
    this.#client = undefined;
  }

  async #askSettled(through: number): Promise<SettledAnswer | undefined> {
    try {
      return await (await this.connect()).keeper(this.dataset).settled(through);
    } catch {
      // The node, its keeper or the server is away; whoever waits has a deadline.
      return undefined;
    }
  }

  #running(): TroupeProcess {
    if (this.#node === undefined) throw new Error('the system was not started');
    return this.#node;
  }
}

let registered: Set<TroupeSystem> | undefined;

/** Systems whose test was interrupted must not outlive it, however the test's process comes to its end. */
function endWithThisProcess(system: TroupeSystem): void {
  if (registered === undefined) {
    const all = new Set<TroupeSystem>();
    registered = all;
    process.once('exit', () => {
      for (const each of all) each.endNow();
    });
    // The runner tells its workers to end, or is itself gone.
    process.once('SIGTERM', () => process.exit(143));
    process.once('disconnect', () => process.exit(1));
  }
  registered.add(system);
}

async function* sources(files: readonly PublishedFile[]) {
  for (const { id, path } of files) yield { type: 'file' as const, id, path, bytes: (await stat(path)).size };
}

/** The pid that the data folder's record names. */
function recordedPid(dataDir: string): number | undefined {
  const path = join(dataDir, 'server.json');
  if (!existsSync(path)) return undefined;
  const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { readonly pid: number };
  return pid > 0 ? pid : undefined;
}
