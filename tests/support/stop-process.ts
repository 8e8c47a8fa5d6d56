// SIGSTOP takes effect a moment after it is sent: what is sent to the process in that moment, it may still handle.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { waitUntil } from './wait-until.ts';

const DEADLINE_MS = 10_000;
const run = promisify(execFile);
/** A line for each thread, where the system has them. */
const THREADS = process.platform === 'linux' ? ['-L'] : [];

/** Sends SIGSTOP and resolves when no thread of the process runs any more. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await waitUntil(
    async () => {
      const { stdout } = await run('ps', [...THREADS, '-o', 'stat=', '-p', String(pid)]);
      return stdout
        .trim()
        .split(/\s+/)
        .every((state) => state.startsWith('T'));
    },
    { deadlineMs: DEADLINE_MS, what: `process ${pid} has stopped` },
  );
}
