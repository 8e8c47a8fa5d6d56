// CPU time of processes, to show whether a run kept its cores busy.
import { readdir, readFile } from 'node:fs/promises';
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

/** CPU time in ms that these processes use since the call, together. */
export async function watchProcesses(pids: readonly number[]): Promise<() => Promise<number>> {
  const total = async () => (await Promise.all(pids.map(processMs))).reduce((sum, ms) => sum + ms, 0);
  const before = await total();
  return async () => (await total()) - before;
}

async function usedMs(others: readonly number[]): Promise<number> {
  const { user, system } = process.cpuUsage();
  const otherMs = await Promise.all(others.map(processMs));
  return (user + system) / 1000 + otherMs.reduce((sum, ms) => sum + ms, 0);
}

/**
 * CPU time in ms since the call: of this process's event loop, of V8's own threads (collector and compiler), of its
 * other threads, and of another process.
 */
export async function watchThreads(other: number | undefined): Promise<() => Promise<CpuSplit>> {
  const before = await splitNow(other);
  return async () => {
    const after = await splitNow(other);
    return {
      eventLoopMs: after.eventLoopMs - before.eventLoopMs,
      collectorMs: after.collectorMs - before.collectorMs,
      threadsMs: after.threadsMs - before.threadsMs,
      otherMs: after.otherMs - before.otherMs,
    };
  };
}

export interface CpuSplit {
  readonly eventLoopMs: number;
  readonly collectorMs: number;
  readonly threadsMs: number;
  readonly otherMs: number;
}

/** The main thread's id is the process's; 0 for it where the system does not tell. */
async function splitNow(other: number | undefined): Promise<CpuSplit> {
  const eventLoopMs = await ticksMs(`/proc/self/task/${process.pid}/stat`);
  const collectorMs = await collectorTicksMs();
  const { user, system } = process.cpuUsage();
  const otherMs = other === undefined ? 0 : await processMs(other);
  const threadsMs = (user + system) / 1000 - eventLoopMs - collectorMs;
  return { eventLoopMs, collectorMs, threadsMs, otherMs };
}

/** Node gives the threads of V8's platform this name; they live as long as the process. */
async function collectorTicksMs(): Promise<number> {
  const tasks = await readdir('/proc/self/task').catch(() => []);
  const times = tasks.map(async (task) => {
    const name = await readFile(`/proc/self/task/${task}/comm`, 'utf8').catch(() => '');
    return name.trim() === 'V8Worker' ? ticksMs(`/proc/self/task/${task}/stat`) : 0;
  });
  return (await Promise.all(times)).reduce((sum, ms) => sum + ms, 0);
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
