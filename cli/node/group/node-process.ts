// One node as a child process of this one: the same program, which joins the system under a name. The channel between
// the two is what the child lives by: when this process is gone, however it went, the child drains and ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, pause } from '#runtime';
import { Lines } from './lines.ts';

/** Lines of a child's log that are kept for a report. */
const KEPT_LINES = 20;

export interface NodeProcessOptions {
  readonly name: string;
  /** Of `troupe up`. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Time to end by itself once it is told to stop; then it is killed. */
  readonly stopMs: number;
  readonly clock: Clock;
  /** Hears each line of its log. */
  readonly onLine: (line: string) => void;
}

/** A node's process ended although nobody told it to. */
export class NodeProcessEnded extends Error {
  override readonly name = 'NodeProcessEnded';
  /** The end of its log. */
  readonly lastLines: readonly string[];

  constructor(node: string, how: string, lastLines: readonly string[]) {
    super(`the process of node ${node} ended with ${how}`);
    this.lastLines = lastLines;
  }
}

/** A running node. */
export class NodeProcess {
  /** Resolves with why it ended; it never rejects. */
  readonly ended: Promise<NodeProcessEnded>;
  readonly #options: NodeProcessOptions;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  readonly #up = Promise.withResolvers<void>();
  #isOver = false;

  /**
   * Resolves when the node is up.
   * @throws NodeProcessEnded when it ended before
   * @throws the signal's reason when it aborts first; the process is told to stop then
   */
  static async start(options: NodeProcessOptions, signal: AbortSignal): Promise<NodeProcess> {
    const node = new NodeProcess(options);
    const giveUp = () => node.#up.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await node.#up.promise;
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(options: NodeProcessOptions) {
    this.#options = options;
    const { args, cwd, env, name } = options;
    const child = spawn(process.execPath, [...process.execArgv, entry(), 'up', '--json', ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Of a process group of its own: Ctrl-C in a terminal reaches this process only, which ends them in order.
      detached: true,
    });
    this.#child = child;
    // With --json a node prints one line, once it is up.
    child.stdout?.setEncoding('utf8').once('data', () => this.#up.resolve());
    const log = new Lines((line) => this.#hear(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => log.add(text));
    this.ended = new Promise((resolve) => {
      const over = (how: string) => {
        log.flush();
        this.#isOver = true;
        const error = new NodeProcessEnded(name, how, this.#lastLines);
        this.#up.reject(error);
        resolve(error);
      };
      child.once('error', (error) => over(error.message));
      child.once('close', (code, signal) =>
        over(signal === null ? `exit code ${code}` : `${signal} (${constants.signals[signal]})`),
      );
    });
    this.#up.promise.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Tells it to drain and resolves when it has ended; it is killed when that takes longer than `stopMs`. */
  async stop(): Promise<void> {
    if (this.#isOver) return;
    const { clock, stopMs } = this.#options;
    this.#child.kill('SIGTERM');
    const ended = new AbortController();
    void this.ended.then(() => ended.abort());
    await pause(clock, stopMs, ended.signal);
    if (!this.#isOver) this.#child.kill('SIGKILL');
    await this.ended;
  }

  #hear(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    this.#options.onLine(line);
  }
}

/** The launcher of this program, above this file in a checkout and in a build. */
function entry(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const launcher = join(folder, 'bin', 'troupe.js');
    if (existsSync(launcher)) return launcher;
    if (dirname(folder) === folder)
      throw new Error('the launcher bin/troupe.js is not part of this installation');
  }
}
