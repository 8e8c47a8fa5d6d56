// Tells a nats-server of this machine to read its configuration again.
import { realpath } from 'node:fs/promises';
import { isAbsolute, normalize, resolve, sep } from 'node:path';
import { inspectProcess, type LiveProcess, signalProcess } from './process-table.ts';

/** Whether the process is the nats-server of that configuration, and was told. */
export async function reloadServer(pid: number, configuration: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const found = await inspectProcess(pid);
  if (found === undefined || !(await isStartedFrom(found, configuration))) return false;
  signalProcess(pid, 'SIGHUP');
  return true;
}

/** Whether its command line names the file, absolute or relative to where it was started. */
async function isStartedFrom({ command, args, cwd }: LiveProcess, configuration: string): Promise<boolean> {
  if (command.includes(configuration)) return true;
  const wanted = await realOf(configuration);
  for (const argument of args.slice(1)) {
    const named = argument.replace(/^-+(?:c|config)=/, '');
    if (cwd !== undefined) {
      if ((await realOf(resolve(cwd, named))) === wanted) return true;
    } else if (!isAbsolute(named) && configuration.endsWith(`${sep}${normalize(named)}`)) return true;
  }
  return false;
}

/** Without links; a file that is not there, as it may be in a container, as it is. */
function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
