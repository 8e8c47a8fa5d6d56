// Where the embedded nats-server keeps its things within a system's data folder.
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** The paths of one data folder, absolute and without links. */
export interface DataFolder {
  readonly root: string;
  /** Address and credentials, for the other commands. */
  readonly record: string;
  /** The server's own small files: configuration, log, pid, ports, start locks. */
  readonly files: string;
  readonly configuration: string;
  readonly pidFile: string;
  readonly log: string;
  /** The JetStream store; the server derives its name from the folder above it. */
  readonly store: string;
}

/** The paths within `root`, which must be absolute; touches nothing. */
export function dataFolderPaths(root: string): DataFolder {
  const files = join(root, 'nats');
  return {
    root,
    record: join(root, 'server.json'),
    files,
    configuration: join(files, 'server.conf'),
    pidFile: join(files, 'server.pid'),
    log: join(files, 'server.log'),
    store: join(root, 'jetstream'),
  };
}

/** Makes the folders (readable by their owner only) and resolves links, so that one folder has one name. */
export async function prepareDataFolder(directory: string): Promise<DataFolder> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const folder = dataFolderPaths(await realpath(directory));
  await mkdir(folder.files, { recursive: true, mode: 0o700 });
  return folder;
}
