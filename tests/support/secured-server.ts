// A real nats-server with the set-up that `troupe secure init` writes, and the commands of its users in the process of the
// test. It ends what it started.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsLink } from '#nats';
import { type Logger, silentLogger } from '#runtime';
import { runProgram } from '../../cli/program.ts';
import { SecurityFolder, type SecurityPlan } from '../../cli/secure/security-folder.ts';
import type { SecurityState } from '../../cli/secure/security-state.ts';
import { FILES } from '../../cli/secure/server-files.ts';
import { systemClock } from '../../runtime/index.ts';
import { recordingStream } from '../unit/cli/recording.ts';
import type { CommandRun } from './command-run.ts';
import { endWithThisProcess } from './end-with-process.ts';
import { freePort } from './in-process-node.ts';
import { serverFor, type TestServerVersion } from './nats-server.ts';
import { waitFor } from './troupe-node.ts';

/** Variables of one user, as its `.env` file has them. */
export type UserEnvironment = Readonly<Record<string, string>>;

export class SecuredServer implements AsyncDisposable {
  readonly folder: SecurityFolder;
  readonly #root: string;
  readonly #child: ChildProcess;
  readonly #unregister: () => void;

  private constructor(root: string, folder: SecurityFolder, child: ChildProcess) {
    this.#root = root;
    this.folder = folder;
    this.#child = child;
    this.#unregister = endWithThisProcess({ endNow: () => void child.kill('SIGKILL') });
  }

  /** Makes a set-up and resolves when its server listens. */
  static async start(
    options: { readonly version?: TestServerVersion; readonly plan?: Partial<SecurityPlan> } = {},
  ): Promise<SecuredServer> {
    const { binary } = await serverFor(options.version ?? 'newest');
    const root = await realpath(await mkdtemp(join(tmpdir(), 'troupe-secure-')));
    const plan = {
      system: 'troupe',
      hosts: ['localhost'],
      port: await freePort(),
      days: 30,
      ...options.plan,
    };
    const folder = await SecurityFolder.create(join(root, 'secure'), plan, Date.now);
    const log = join(root, 'server.log');
    // As docs/security.md has it: by a path from where it is started.
    const child = spawn(binary, ['-c', join('secure', FILES.server)], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.pipe(createWriteStream(log));
    const server = new SecuredServer(root, folder, child);
    await waitFor('the server is ready', async () =>
      (await readFile(log, 'utf8').catch(() => '')).includes('Server is ready'),
    );
    return server;
  }

  /** What the folder knows of itself now. */
  async state(): Promise<SecurityState> {
    return (await SecurityFolder.open(this.folder.path, Date.now)).state;
  }

  /** The variables of a user. */
  async env(user: string): Promise<UserEnvironment> {
    const text = await readFile(this.folder.filesOf(user).env, 'utf8');
    return Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  /** A connection of a user. */
  async link(user: string, options: { readonly log?: Logger; readonly ca?: string } = {}): Promise<NatsLink> {
    return linkOf(await this.env(user), options);
  }

  /** Runs `troupe ARGS` as a user. */
  async run(user: string, ...args: readonly string[]): Promise<CommandRun> {
    return runWith(await this.env(user), ...args);
  }

  /** As `run`; throws unless it is good. */
  async must(user: string, ...args: readonly string[]): Promise<CommandRun> {
    const run = await this.run(user, ...args);
    if (run.code !== 0) throw new Error(`troupe ${args.join(' ')} as ${user}: ${run.stderr}${run.stdout}`);
    return run;
  }

  /** Runs `troupe secure ARGS --reload` on the folder; throws unless it is good. */
  async secure(...args: readonly string[]): Promise<void> {
    const run = await runWith({}, 'secure', ...args, '--dir', this.folder.path, '--reload');
    if (run.code !== 0) throw new Error(`troupe secure ${args.join(' ')}: ${run.stderr}`);
  }

  /** What the server has logged. */
  log(): Promise<string> {
    return readFile(join(this.#root, 'server.log'), 'utf8');
  }

  /** Writes a file beside the set-up; resolves to its path. */
  async write(name: string, bytes: Uint8Array | string): Promise<string> {
    const path = join(this.#root, name);
    await writeFile(path, bytes);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unregister();
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode === null && this.#child.kill('SIGKILL')) await ended;
    await rm(this.#root, { recursive: true, force: true });
  }
}

/** A connection with these variables. */
export function linkOf(
  env: UserEnvironment,
  { log = silentLogger, ca = env.NATS_CA ?? '' }: { readonly log?: Logger; readonly ca?: string } = {},
): Promise<NatsLink> {
  const { NATS_URL: servers = '', NATS_NKEY: nkey = '', NATS_INBOX_PREFIX: inboxPrefix = '' } = env;
  return NatsLink.connect({
    servers,
    nkey,
    inboxPrefix,
    tls: { caFile: ca },
    name: 'test',
    log,
    reconnectWaitMs: 50,
  });
}

/** Runs `troupe ARGS` with these variables. */
export async function runWith(env: UserEnvironment, ...args: readonly string[]): Promise<CommandRun> {
  const stdout = recordingStream();
  const stderr = recordingStream();
  let code = 0;
  await runProgram(args, {
    cwd: '/nowhere',
    env: { HOME: '/nowhere', ...env },
    stdin: (async function* () {})(),
    stdout,
    stderr,
    clock: systemClock,
    version: '1.2.3',
    setExitCode: (given) => {
      code = given;
    },
    interruption: () => new AbortController().signal,
    endAfter: () => {},
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
