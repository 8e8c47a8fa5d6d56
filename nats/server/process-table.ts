// Which processes are alive, and which process a number stands for: numbers are used again, so that a number
// alone proves nothing.
import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { z } from 'zod';

/** One process for all time, on this boot of this machine. */
export const processIdSchema = z.object({
  pid: z.int().positive(),
  /** When it was started, as the system writes it. */
  mark: z.string(),
});

/** One process for all time, on this boot of this machine. */
export type ProcessId = z.infer<typeof processIdSchema>;

/** A live process. */
export interface LiveProcess extends ProcessId {
  /** Program and arguments, joined by spaces. */
  readonly command: string;
  /** Program and arguments; where the system tells only the command, its words. */
  readonly args: readonly string[];
  /** The folder that it works in; absent where the system does not tell. */
  readonly cwd?: string;
}

/** The live process with this number; `undefined` when there is none (one that awaits its parent counts as none). */
export async function inspectProcess(pid: number): Promise<LiveProcess | undefined> {
  return process.platform === 'linux' ? await inspectByProc(pid) : await inspectByPs(pid);
}

/** Whether this very process is alive. */
export async function isAlive(id: ProcessId): Promise<boolean> {
  return (await inspectProcess(id.pid))?.mark === id.mark;
}

/** Sends a signal; a process that is gone already is fine. */
export function signalProcess(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function inspectByProc(pid: number): Promise<LiveProcess | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The program's name comes second, in parentheses, and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const mark = fields[19];
    if (mark === undefined || state === 'Z' || state === 'X') return undefined;
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replace(/\0$/, '').split('\0');
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return { pid, mark, command: args.join(' ').trim(), args, ...(cwd !== undefined && { cwd }) };
  } catch {
    return undefined;
  }
}

function inspectByPs(pid: number): Promise<LiveProcess | undefined> {
  return new Promise((resolve) => {
    // `lstart` is five words: Sun Nov 22 10:31:07 2026.
    execFile('ps', ['-ww', '-o', 'stat=,lstart=,command=', '-p', String(pid)], (error, stdout) => {
      const [state, ...words] = error === null ? stdout.trim().split(/\s+/) : [];
      if (state === undefined || state === '' || state.startsWith('Z')) resolve(undefined);
      else {
        const args = words.slice(5);
        resolve({ pid, mark: words.slice(0, 5).join(' '), command: args.join(' '), args });
      }
    });
  });
}
