// Tells a nats-server of this machine to read its configuration again.
import { inspectProcess, signalProcess } from './process-table.ts';

/** Whether the process is the nats-server of that configuration, and was told. */
export async function reloadServer(pid: number, configuration: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const found = await inspectProcess(pid);
  if (found === undefined || !found.command.includes(configuration)) return false;
  signalProcess(pid, 'SIGHUP');
  return true;
}
