// One nats-server process on one data folder: started and waited for until it serves, ended politely and then
// firmly. It knows nothing of owners or restarts; `EmbeddedServer` and the test harness build on it.
import { type ChildProcess, spawn } from 'node:child_process';
import { open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#runtime';
import type { DataFolder } from './data-folder.ts';
import { inspectProcess, isAlive, type ProcessId, signalProcess } from './process-table.ts';
import {
  type ClusterMembership,
  type Durability,
  renderConfiguration,
  STORE_KEY_VARIABLE,
} from './server-config.ts';
import { NatsServerStartFailed } from './server-errors.ts';
import { probeServer } from './server-probe.ts';
import { sleep } from './sleep.ts';

/** How long a former port is waited for before another one is taken: clients know it. */
const PORT_WAIT_MS = 2_000;
const POLL_MS = 10;
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
const LOG_TAIL_BYTES = 2_000;

const portsSchema = z.object({ nats: z.array(z.string()).min(1), monitoring: z.array(z.string()).min(1) });

export interface LaunchOptions {
  readonly folder: DataFolder;
  readonly binary: string;
  readonly version: string;
  readonly token: string;
  /** Tried first; another one is chosen when it is taken. */
  readonly preferredPort?: number;
  readonly durability: Durability;
  readonly maxStoreBytes?: number;
  /** Key under which the store is encrypted; default: it is not. */
  readonly storeKey?: string;
  readonly cluster?: ClusterMembership;
  /** True lets the server outlive its parent and keeps the terminal's Ctrl-C from it. */
  readonly detached: boolean;
  readonly startTimeoutMs: number;
  readonly clock: Clock;
}

/** A server that is ready. */
export interface NatsProcess {
  readonly id: ProcessId;
  readonly url: string;
  readonly monitorUrl: string;
  /** Aborts, with the reason as text, when the process has ended. */
  readonly ending: AbortSignal;
}

/**
 * Starts the server and resolves when it takes the token and reports good health. Throws
 * `NatsServerStartFailed` with the end of its log when it ends or stays silent.
 */
export async function launchNatsServer(options: LaunchOptions): Promise<NatsProcess> {
  const { preferredPort, clock } = options;
  // A server that was just killed may hold its port for a moment longer than its process shows.
  const deadline = clock.monotonicMs() + PORT_WAIT_MS;
  while (preferredPort !== undefined && clock.monotonicMs() < deadline) {
    if (await isPortTaken(preferredPort)) {
      await sleep(clock, POLL_MS);
      continue;
    }
    try {
      return await launch(options, preferredPort);
    } catch (error) {
      // Somebody else may have taken the port meanwhile; any other fault shows again without it.
      if (!(error instanceof NatsServerStartFailed) || !/address already in use/i.test(error.log))
        throw error;
    }
  }
  return await launch(options, undefined);
}

/** SIGTERM, then SIGKILL after `timeoutMs`; resolves when the process is gone. */
export async function endProcess(id: ProcessId, options: { timeoutMs: number; clock: Clock }): Promise<void> {
  const deadline = options.clock.monotonicMs() + options.timeoutMs;
  if (await isAlive(id)) signalProcess(id.pid, 'SIGTERM');
  while (await isAlive(id)) {
    if (options.clock.monotonicMs() >= deadline) signalProcess(id.pid, 'SIGKILL');
    await sleep(options.clock, POLL_MS);
  }
}

/**
 * The live nats-server that serves this data folder, whoever started it: known by the path of the folder's
 * configuration on its command line.
 */
export async function findServerProcess(folder: DataFolder, pid: number): Promise<ProcessId | undefined> {
  if (pid <= 0) return undefined;
  const found = await inspectProcess(pid);
  if (found === undefined || !found.command.endsWith(` -c ${folder.configuration}`)) return undefined;
  return { pid: found.pid, mark: found.mark };
}

/** The pid that the server itself wrote; 0 when there is none. */
export async function readPidFile(folder: DataFolder): Promise<number> {
  const text = await readFile(folder.pidFile, 'utf8').catch(() => '');
  return /^\d+$/.test(text.trim()) ? Number(text.trim()) : 0;
}

async function launch(options: LaunchOptions, port: number | undefined): Promise<NatsProcess> {
  const { folder, storeKey } = options;
  await clearOldFiles(folder);
  const isEncrypted = storeKey !== undefined;
  await writeFile(folder.configuration, renderConfiguration({ ...options, port, isEncrypted }), {
    mode: 0o600,
  });
  const log = await open(folder.log, 'a', 0o600);
  const logStart = (await log.stat()).size;
  let child: ChildProcess;
  try {
    child = spawn(options.binary, ['-c', folder.configuration], {
      detached: options.detached,
      stdio: ['ignore', log.fd, log.fd],
      // Quoted, or the server would read some keys as numbers.
      env: { ...process.env, ...(isEncrypted && { [STORE_KEY_VARIABLE]: JSON.stringify(storeKey) }) },
    });
  } finally {
    await log.close();
  }
  const ending = endOf(child);
  if (options.detached) child.unref();
  try {
    return await waitUntilReady(child, ending, options);
  } catch (error) {
    child.kill('SIGKILL');
    while (!ending.aborted) await sleep(options.clock, POLL_MS, ending);
    const why = error instanceof Error ? error.message : String(error);
    throw new NatsServerStartFailed(why, await logTail(folder, logStart), { cause: error });
  }
}

function endOf(child: ChildProcess): AbortSignal {
  const controller = new AbortController();
  child.on('error', (error) => controller.abort(error.message));
  child.once('exit', (status, signal) => {
    controller.abort(signal === null ? `exit status ${status}` : `signal ${signal}`);
  });
  return controller.signal;
}

async function waitUntilReady(
  child: ChildProcess,
  ending: AbortSignal,
  options: LaunchOptions,
): Promise<NatsProcess> {
  const { clock, folder, binary, token } = options;
  const deadline = clock.monotonicMs() + options.startTimeoutMs;
  let missing = 'it wrote no ports file';
  while (clock.monotonicMs() < deadline) {
    await sleep(clock, POLL_MS, ending);
    if (ending.aborted) throw new Error(`nats-server ended while starting (${ending.reason})`);
    const live = child.pid === undefined ? undefined : await inspectProcess(child.pid);
    if (live === undefined) continue;
    const ports = await readPorts(join(folder.files, `${basename(binary)}_${live.pid}.ports`));
    if (ports === undefined) continue;
    const probe = await probeServer({ url: ports.url, token });
    if (probe.answer !== 'accepted') missing = `its port does not serve (${probe.why})`;
    else if (!probe.jetStream) missing = 'it runs without JetStream';
    else if (!(await isHealthy(ports.monitorUrl))) missing = 'it does not report good health';
    else return { id: { pid: live.pid, mark: live.mark }, ...ports, ending };
  }
  throw new Error(`nats-server was not ready within ${options.startTimeoutMs} ms: ${missing}`);
}

async function readPorts(path: string): Promise<{ url: string; monitorUrl: string } | undefined> {
  try {
    const ports = portsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const [url] = ports.nats;
    const [monitorUrl] = ports.monitoring;
    return url === undefined || monitorUrl === undefined ? undefined : { url, monitorUrl };
  } catch {
    // Absent, or still being written.
    return undefined;
  }
}

async function isHealthy(monitorUrl: string): Promise<boolean> {
  try {
    const response = await fetch(`${monitorUrl}/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Whether something accepts connections there, which would keep a server from listening. */
function isPortTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (taken: boolean): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

async function clearOldFiles(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.files)) {
    if (name.endsWith('.ports')) await rm(join(folder.files, name), { force: true });
  }
  await rm(folder.pidFile, { force: true });
  const size = await stat(folder.log).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size > LOG_LIMIT_BYTES) await truncate(folder.log);
}

async function logTail(folder: DataFolder, from: number): Promise<string> {
  const text = await readFile(folder.log).catch(() => Buffer.alloc(0));
  return text.subarray(from).subarray(-LOG_TAIL_BYTES).toString('utf8').trim();
}
