// One `troupe up` of a test beside others on a server that the test started: a node of its own folder, its flags, and
// its children where it runs several. Disposing of it ends it and everything that came of it.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ProcessEnd, TroupeProcess } from './troupe-process.ts';

const POLL_MS = 50;
const DEADLINE_MS = 90_000;
const COMMAND_MS = 120_000;
const LOG_SHOWN = 3_000;

/** The server that a node is for. */
export interface NodeServer {
  readonly url: string;
  readonly token: string;
}

export interface TroupeNodeOptions {
  readonly server: NodeServer;
  /** Beside `up --json`: `--join` and the like. */
  readonly args: readonly string[];
  /** Content of troupe.yaml as an object; default: none. */
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Starts it as `troupe up --nodes` does, so that `desert` leaves it alone; default false. */
  readonly channel?: boolean;
}

/** A process below another one. */
export interface ChildNode {
  readonly name: string;
  readonly pid: number;
}

export class TroupeNode implements AsyncDisposable {
  readonly #process: TroupeProcess;
  readonly #folder: string;

  private constructor(process: TroupeProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  /** Starts it; it may yet fail to come up. */
  static async start(options: TroupeNodeOptions): Promise<TroupeNode> {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-node-'));
    if (options.config !== undefined)
      await writeFile(join(folder, 'troupe.yaml'), JSON.stringify(options.config));
    const env = { ...environmentFor(options.server), ...options.env };
    const { channel = false } = options;
    return new TroupeNode(
      new TroupeProcess({ args: ['up', '--json', ...options.args], cwd: folder, env, channel }),
      folder,
    );
  }

  /** Resolves when it is up. */
  static async up(options: TroupeNodeOptions): Promise<TroupeNode> {
    const node = await TroupeNode.start(options);
    try {
      await waitFor('the node is up', () => node.isOver || node.isUp);
      if (node.#process.isOver) throw new Error('the node ended while starting');
      return node;
    } catch (error) {
      const log = node.log.slice(-LOG_SHOWN);
      await node[Symbol.asyncDispose]();
      throw new Error(`${String(error)}; its log ends:\n${log}`, { cause: error });
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has said that it is up. */
  get isUp(): boolean {
    return this.#process.stdout.includes('\n');
  }

  /** What it printed once it was up. */
  get told(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.#process.stdout) as Readonly<Record<string, unknown>>;
  }

  get log(): string {
    return this.#process.stderr;
  }

  /** The last line that it wrote, as JSON: why it failed. */
  get failure(): Readonly<Record<string, unknown>> {
    const last = this.log.trim().split('\n').at(-1) ?? '';
    return JSON.parse(last) as Readonly<Record<string, unknown>>;
  }

  get isOver(): boolean {
    return this.#process.isOver;
  }

  /** Resolves when it has ended. */
  async ended(): Promise<ProcessEnd> {
    await waitFor('the node has ended', () => this.#process.isOver);
    return this.#process.ended;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.signal(signal);
  }

  /** Whoever started it is gone, as far as it can tell. */
  desert(): void {
    this.#process.desert();
  }

  /** Resolves when its log says so. */
  async logged(text: string): Promise<void> {
    await waitFor(`it logs ${text}`, () => this.log.includes(text));
  }

  /** Nodes that run as children of this process. */
  children(): readonly ChildNode[] {
    return nodesBelow(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const children = this.#process.isOver ? [] : this.children();
    this.signal('SIGKILL');
    for (const { pid } of children) endNode(pid);
    await this.#process.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Runs a command of the user against a server. */
export async function commandOn(server: NodeServer, ...args: readonly string[]) {
  const run = new TroupeProcess({ args, cwd: tmpdir(), env: environmentFor(server), limitMs: COMMAND_MS });
  const { code } = await run.ended;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

/** Polls until the predicate holds. */
export async function waitFor(
  what: string,
  predicate: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await predicate())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}

/** Whether the process runs a node. */
export function isNode(pid: number): boolean {
  return processes().some((process) => process.pid === pid && process.args.includes('troupe.js up'));
}

/** Nodes that run as children of a process. */
export function nodesBelow(parent: number): readonly ChildNode[] {
  return processes().flatMap(({ pid, ppid, args }) => {
    const name = ppid === parent ? /troupe\.js up .*--name (\S+)/.exec(args)?.[1] : undefined;
    return name === undefined ? [] : [{ name, pid }];
  });
}

function processes() {
  const { stdout } = spawnSync('ps', ['-ww', '-e', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [, pid = '', ppid = '', args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === '' ? [] : [{ pid: Number(pid), ppid: Number(ppid), args }];
  });
}

/** Its parent was killed before, so that nobody starts it again. */
function endNode(pid: number): void {
  if (isNode(pid)) process.kill(pid, 'SIGKILL');
}

/** Nothing that would lead a process to another system. */
function environmentFor({ url, token }: NodeServer): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(NATS_|TROUPE_|VITEST|NODE_OPTIONS)/.test(name),
  );
  return { ...Object.fromEntries(own), NATS_URL: url, NATS_TOKEN: token };
}
