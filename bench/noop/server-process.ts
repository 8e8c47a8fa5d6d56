// A server that a bench measures against: started on a free port of this machine in a folder of its own, ended and
// removed with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, systemClock } from '#runtime';
import { type Endable, endWithThisProcess } from '../../tests/support/end-with-process.ts';
import { freePort } from '../../tests/support/in-process-node.ts';

const START_MS = 10_000;
const END_MS = 5_000;
const POLL_MS = 20;
const LOG_TAIL = 500;

/** How a server is started: what it is called with, given its port and folder. */
export interface ServerLaunch {
  readonly program: string;
  readonly args: (place: { readonly port: number; readonly folder: string }) => Promise<readonly string[]>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that takes connections. */
export class ServerProcess implements AsyncDisposable, Endable {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #forget: () => void;

  /** @throws Error with the end of what it wrote, when it does not come up */
  static async start(launch: ServerLaunch): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
    const port = await freePort();
    const args = await launch.args({ port, folder });
    const log = await open(join(folder, 'log'), 'w');
    const child = spawn(launch.program, [...args], {
      cwd: folder,
      env: { ...process.env, ...launch.env },
      stdio: ['ignore', log.fd, log.fd],
    });
    const server = new ServerProcess(child, port, folder);
    await log.close();
    try {
      await server.#up(launch.program);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.#child = child;
    this.port = port;
    this.#folder = folder;
    this.#forget = endWithThisProcess(this);
    // Where it cannot be spawned, waiting for its port says so.
    child.once('error', () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  endNow(): void {
    if (!this.#hasEnded) this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    if (!this.#hasEnded) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const stopWaiting = systemClock.schedule(END_MS, () => this.#child.kill('SIGKILL'));
      await ended;
      stopWaiting();
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #hasEnded(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  async #up(program: string): Promise<void> {
    const deadlineMs = performance.now() + START_MS;
    while (!(await takesConnections(this.port))) {
      if (this.#hasEnded || performance.now() > deadlineMs) {
        const log = await readFile(join(this.#folder, 'log'), 'utf8');
        throw new Error(`${program} does not take connections on port ${this.port}: ${log.slice(-LOG_TAIL)}`);
      }
      await pause(systemClock, POLL_MS);
    }
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
