// One `troupe` process of a test, as a shell would start it: Node itself on the launcher, so that a signal reaches the
// program and no wrapper. It collects what is printed and tells how the process ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../bin/troupe.js', import.meta.url));

/** Longest wait for a node to be up. */
export const START_MS = 60_000;

/** The environment of a process of a test: nothing that would lead it to another system. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(NATS_|TROUPE_|VITEST|NODE_OPTIONS)/.test(name),
  );
  return Object.fromEntries(own);
}

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class TroupeProcess {
  /** Resolves when the process has ended and everything that it printed is here. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #isOver = false;

  constructor(options: {
    readonly args: readonly string[];
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    /** SIGKILL after this time; default never. */
    readonly limitMs?: number;
    /** Starts it with a channel, by which it learns when nobody is above it any more; default false. */
    readonly channel?: boolean;
  }) {
    const { args, cwd, env, limitMs = 0, channel = false } = options;
    const child = spawn(process.execPath, [ENTRY, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#child = child;
    // Not its event `close`, which never comes once the channel was closed here.
    const outputs = [child.stdout, child.stderr].map(
      (output) => new Promise((resolve) => output?.once('close', resolve)),
    );
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        void Promise.all(outputs).then(() => {
          this.#isOver = true;
          resolve({ code, signal });
        });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a signal, unless the process has ended. */
  signal(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** For a process with a channel it is as if this one were gone. */
  desert(): void {
    this.#child.disconnect();
  }
}
