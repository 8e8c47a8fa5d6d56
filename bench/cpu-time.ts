// CPU time of processes, to show whether a run kept its cores busy.
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

/** Linux counts CPU time in ticks of 10 ms for user space (USER_HZ). */
const MS_PER_TICK = 10;

/** Share of all cores that this process (its threads included) and `others` used, 0 to 1, since the call. */
export async function watchCpu(others: readonly number[]): Promise<() => Promise<number>> {
  const startedMs = performance.now();
  const before = await usedMs(others);
  return async () => {
    const wallMs = performance.now() - startedMs;
    return ((await usedMs(others)) - before) / (wallMs * cpus().length);
  };
}

async function usedMs(others: readonly number[]): Promise<number> {
  const { user, system } = process.cpuUsage();
  const otherMs = await Promise.all(others.map(processMs));
  return (user + system) / 1000 + otherMs.reduce((sum, ms) => sum + ms, 0);
}

/** CPU time in ms since the call: of this process's event loop, of its other threads, and of another process. */
export async function watchThreads(other: number | undefined): Promise<() => Promise<CpuSplit>> {
  const before = await splitNow(other);
  return async () => {
    const after = await splitNow(other);
    return {
      eventLoopMs: after.eventLoopMs - before.eventLoopMs,
      threadsMs: after.threadsMs - before.threadsMs,
      otherMs: after.otherMs - before.otherMs,
    };
  };
}

export interface CpuSplit {
  readonly eventLoopMs: number;
  readonly threadsMs: number;
  readonly otherMs: number;
}

/** The main thread's id is the process's; 0 for it where the system does not tell. */
async function splitNow(other: number | undefined): Promise<CpuSplit> {
  const eventLoopMs = await ticksMs(`/proc/self/task/${process.pid}/stat`);
  const { user, system } = process.cpuUsage();
  const otherMs = other === undefined ? 0 : await processMs(other);
  return { eventLoopMs, threadsMs: (user + system) / 1000 - eventLoopMs, otherMs };
}

/** User and system time of another process; 0 where the system does not tell. */
function processMs(pid: number): Promise<number> {
  return ticksMs(`/proc/${pid}/stat`);
}

async function ticksMs(file: string): Promise<number> {
  const stat = await readFile(file, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * MS_PER_TICK;
}
