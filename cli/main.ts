// The entry of the command line: gives the program the real process. `bin/troupe.js` calls it on Node.js 24.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliEnvironment } from './command-environment.ts';
import { runProgram } from './program.ts';

/** Runs a command line (without node and script) and sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader that has seen enough (`| head`) closes the pipe; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  // Whoever read the log is gone; what is being done goes on all the same.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  await runProgram(args, processEnvironment());
  // All is done and said. What is still open, an attempt to reach a server that does not answer, say, is nobody's.
  process.stdout.write('', () => {
    setTimeout(() => endNow(Number(process.exitCode ?? 0)), LEFT_OPEN_MS).unref();
  });
}

const LEFT_OPEN_MS = 1_000;

function processEnvironment(): CliEnvironment {
  let interruption: AbortController | undefined;
  return {
    cwd: process.cwd(),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: {
      monotonicMs: () => performance.now(),
      wallMs: () => Date.now(),
      schedule(delayMs, action) {
        const timer = setTimeout(action, delayMs);
        return () => clearTimeout(timer);
      },
    },
    version: packageVersion(),
    setExitCode(code) {
      process.exitCode = code;
    },
    interruption() {
      interruption ??= watchSignals();
      return interruption.signal;
    },
    endAfter(limitMs, code, tell) {
      const end = () => {
        try {
          tell(process.getActiveResourcesInfo());
        } finally {
          endNow(code);
        }
      };
      setTimeout(end, limitMs).unref();
    },
  };
}

/** Ends this process at once. `process.exit` would wait for threads until they return from native code. */
function endNow(code: number): void {
  if (process.execve === undefined || process.platform === 'win32') process.kill(process.pid, 'SIGKILL');
  else process.execve(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {});
}

/** Within this time a second signal is the same one: a terminal signals npm, the launcher and this process at once. */
const SAME_SIGNAL_MS = 1_000;

function watchSignals(): AbortController {
  const controller = new AbortController();
  let firstMs = 0;
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      if (!controller.signal.aborted) firstMs = performance.now();
      else if (performance.now() - firstMs > SAME_SIGNAL_MS) endNow(exitCode);
      controller.abort();
    });
  }
  // A process that started this one with a channel is gone, however it went: nobody would end this one any more.
  process.on('disconnect', () => controller.abort());
  if (process.connected === false) controller.abort();
  process.channel?.unref();
  return controller;
}

/** The version in the nearest package.json upwards that has one (the build's own has none). */
function packageVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        version?: string;
      };
      if (version !== undefined) return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (dirname(folder) === folder) return 'unknown';
  }
}
