// `troupe secure … --reload` finds the nats-server of a folder however its configuration was named when it was started.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reloadServer } from '#nats';
import { endWithThisProcess } from '../support/end-with-process.ts';
import { serverFor } from '../support/nats-server.ts';
import { waitUntil } from '../support/wait-until.ts';

let root: string;
let binary: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'troupe-reload-')));
  ({ binary } = await serverFor('newest'));
  await mkdir(join(root, 'a folder'));
  await symlink(join(root, 'a folder'), join(root, 'link'));
  await writeFile(join(root, 'a folder', 'nats-server.conf'), 'listen: "127.0.0.1:-1"\n');
  await writeFile(join(root, 'nats-server.conf'), 'listen: "127.0.0.1:-1"\n');
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

/** A server that listens, and its log so far. */
async function started(...args: readonly string[]) {
  const child = spawn(binary, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  endWithThisProcess({ endNow: () => void child.kill('SIGKILL') });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  await waitUntil(() => log.includes('Server is ready'), { deadlineMs: 20_000, what: () => `ready; ${log}` });
  return { pid: child.pid ?? 0, log: () => log };
}

describe('a server that is to reload its configuration', () => {
  it.each([
    ['absolutely', (folder: string) => ['-c', join(folder, 'a folder', 'nats-server.conf')]],
    ['from where it was started', () => ['-c', 'a folder/nats-server.conf']],
    ['by one word', () => ['--config=./a folder/nats-server.conf']],
    ['through a link', () => ['-c', 'link/nats-server.conf']],
  ])('is told where its configuration was named %s', async (_, argsOf) => {
    const server = await started(...argsOf(root));
    expect(await reloadServer(server.pid, join(root, 'a folder', 'nats-server.conf'))).toBe(true);
    await waitUntil(() => /Reloaded server configuration/.test(server.log()), {
      deadlineMs: 20_000,
      what: () => `it has reloaded; ${server.log()}`,
    });
  });

  it('is left alone where it runs from another configuration of the same name', async () => {
    const server = await started('-c', 'nats-server.conf');
    expect(await reloadServer(server.pid, join(root, 'a folder', 'nats-server.conf'))).toBe(false);
    expect(await reloadServer(process.pid, join(root, 'nats-server.conf'))).toBe(false);
    expect(await reloadServer(0, join(root, 'nats-server.conf'))).toBe(false);
  });
});
