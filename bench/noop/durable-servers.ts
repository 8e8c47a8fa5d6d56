// The two servers of the message-bound bench, as durable as each other: both write at once and have what they wrote on
// disk after a second.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverFor } from '../../tests/support/nats-server.ts';
import type { RedisProgram } from './redis-program.ts';
import { ServerProcess } from './server-process.ts';

/** A nats-server with file storage, and how clients come in. */
export async function startNatsServer(): Promise<{
  readonly server: ServerProcess;
  readonly url: string;
  readonly token: string;
  readonly version: string;
}> {
  const { binary, version } = await serverFor('newest');
  const token = randomBytes(18).toString('base64url');
  const server = await ServerProcess.start({
    program: binary,
    args: async ({ port, folder }) => {
      const configuration = join(folder, 'server.conf');
      await writeFile(
        configuration,
        [
          `listen: "127.0.0.1:${port}"`,
          `authorization { token: ${JSON.stringify(token)} }`,
          `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))}, sync_interval: "1s" }`,
          '',
        ].join('\n'),
      );
      return ['-c', configuration];
    },
  });
  return { server, url: `nats://127.0.0.1:${server.port}`, token, version };
}

/** A Redis with an append-only file and no snapshots beside it. */
export function startRedis({ program, env }: RedisProgram): Promise<ServerProcess> {
  return ServerProcess.start({
    program,
    env,
    args: async ({ port, folder }) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    ],
  });
}
