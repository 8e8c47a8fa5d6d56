// Real nats-servers for tests: one per test or file, each in a folder of its own, at the version asked for.
// It ends only processes that it started, and ends them too when the test process exits.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#runtime';
import {
  type ClusterMembership,
  compareVersions,
  type DataFolder,
  type Durability,
  endProcess,
  launchNatsServer,
  type NatsProcess,
  prepareDataFolder,
  resolveNatsServer,
  type ServerWish,
  signalProcess,
} from '../../nats/server/index.ts';
import { endWithThisProcess } from './end-with-process.ts';

const START_TIMEOUT_MS = 30_000;

/** A version that tests can run on. */
export interface AvailableServer {
  /** `newest`, or `stable`: what this machine's own Debian or Ubuntu ships. */
  readonly label: TestServerVersion;
  readonly version: string;
  readonly binary: string;
}

/** `stable`: the oldest that can be had here; `newest`: the newest. The same one where there is only one. */
export type TestServerVersion = 'stable' | 'newest';

export interface TestServerOptions {
  /** Default `newest`. */
  readonly version?: TestServerVersion;
  /** Default `process`. */
  readonly durability?: Durability;
  /** Data folder to use, kept afterwards. Default: a temporary one, removed afterwards. */
  readonly dir?: string;
  /** Makes it a member of a cluster, which serves once most members run. */
  readonly cluster?: ClusterMembership;
  /** Default: a random one. Members of a cluster share theirs. */
  readonly token?: string;
  /** Most bytes that JetStream stores; default: the server's own, a share of the free disk. */
  readonly maxStoreBytes?: number;
}

/** A running server. Disposing of it kills the process and removes the temporary folder. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly monitorUrl: string;
  readonly version: string;
  readonly dir: string;
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. The folder stays. */
  kill(): Promise<void>;
  /** Ends the process if it runs, and starts it again on the same store, port and token. */
  restart(): Promise<void>;
}

/** Every nats-server version that tests should run on, oldest first; fetched once into the user's cache. */
export function availableServerVersions(): Promise<readonly AvailableServer[]> {
  availableVersions ??= findVersions();
  return availableVersions;
}

/** Starts a server and resolves when it serves. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { version, binary } = await serverFor(options.version ?? 'newest');
  const directory = options.dir ?? (await mkdtemp(join(tmpdir(), 'troupe-test-')));
  const launch = new TestLaunch({
    folder: await prepareDataFolder(directory),
    binary,
    version,
    token: options.token ?? randomBytes(18).toString('base64url'),
    durability: options.durability ?? 'process',
    temporary: options.dir === undefined,
    ...(options.cluster !== undefined && { cluster: options.cluster }),
    ...(options.maxStoreBytes !== undefined && { maxStoreBytes: options.maxStoreBytes }),
  });
  await launch.start();
  return launch;
}

let availableVersions: Promise<readonly AvailableServer[]> | undefined;

interface LaunchPlan {
  readonly folder: DataFolder;
  readonly binary: string;
  readonly version: string;
  readonly token: string;
  readonly durability: Durability;
  readonly temporary: boolean;
  readonly cluster?: ClusterMembership;
  readonly maxStoreBytes?: number;
}

class TestLaunch implements TestServer {
  readonly #plan: LaunchPlan;
  #process: NatsProcess | undefined;
  #unregister: () => void = () => {};

  constructor(plan: LaunchPlan) {
    this.#plan = plan;
  }

  get url(): string {
    return this.#started().url;
  }

  get monitorUrl(): string {
    return this.#started().monitorUrl;
  }

  get pid(): number {
    return this.#started().id.pid;
  }

  get token(): string {
    return this.#plan.token;
  }

  get version(): string {
    return this.#plan.version;
  }

  get dir(): string {
    return this.#plan.folder.root;
  }

  async start(): Promise<void> {
    const before = this.#process;
    this.#process = await launchNatsServer({
      ...this.#plan,
      detached: false,
      startTimeoutMs: START_TIMEOUT_MS,
      clock: systemClock,
      ...(before === undefined ? {} : { preferredPort: Number(new URL(before.url).port) }),
    });
    this.#unregister = endWithThisProcess(this);
  }

  async kill(): Promise<void> {
    this.#unregister();
    if (this.#process === undefined) return;
    this.endNow();
    await endProcess(this.#process.id, { timeoutMs: 0, clock: systemClock });
  }

  /** Sends SIGKILL unless the process has ended: its number may be another process's by now. */
  endNow(): void {
    if (this.#process?.ending.aborted === false) signalProcess(this.#process.id.pid, 'SIGKILL');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#plan.temporary) await rm(this.dir, { recursive: true, force: true });
  }

  #started(): NatsProcess {
    if (this.#process === undefined) throw new Error('the test server was not started');
    return this.#process;
  }
}

/** The server program of a version. */
export async function serverFor(version: TestServerVersion): Promise<AvailableServer> {
  const versions = await availableServerVersions();
  const server = version === 'stable' ? versions[0] : versions.at(-1);
  if (server === undefined) throw new Error('no nats-server can be had on this machine');
  return server;
}

async function findVersions(): Promise<readonly AvailableServer[]> {
  const newest = await find('newest', 'newest');
  const stable = await find('distribution', 'stable');
  if (newest === undefined) {
    // Says why, with every attempt.
    if (stable === undefined) await resolveNatsServer({ wish: 'newest' });
    return stable === undefined ? [] : [stable];
  }
  if (stable === undefined || compareVersions(stable.version, newest.version) === 0) return [newest];
  return [stable, newest].sort((a, b) => compareVersions(a.version, b.version));
}

async function find(wish: ServerWish, label: TestServerVersion): Promise<AvailableServer | undefined> {
  try {
    const { version, binary } = await resolveNatsServer({ wish });
    return { label, version, binary };
  } catch {
    return undefined;
  }
}
