// How a command in another shell finds the server of a laptop system: by the record in the data folder, checked
// against the server itself.
import { realpath } from 'node:fs/promises';
import { dataFolderPaths } from './data-folder.ts';
import type { Durability } from './server-config.ts';
import { probeServer } from './server-probe.ts';
import { readServerRecord } from './server-record.ts';

/** A server that answered just now. */
export interface RunningServer {
  readonly url: string;
  readonly token: string;
  readonly monitorUrl: string;
  readonly version: string;
  readonly pid: number;
  readonly durability: Durability;
}

/** The server of this data folder; `undefined` when none was left there or it does not answer. */
export async function findRunningServer(dataDir: string): Promise<RunningServer | undefined> {
  const root = await realpath(dataDir).catch(() => undefined);
  const record = root === undefined ? undefined : await readServerRecord(dataFolderPaths(root));
  if (record === undefined || record.state !== 'running') return undefined;
  const { url, token, monitorUrl, version, pid, durability } = record;
  const probe = await probeServer({ url, token });
  return probe.answer === 'accepted' ? { url, token, monitorUrl, version, pid, durability } : undefined;
}
