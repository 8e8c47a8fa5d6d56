// How a node on a named server comes to its end: whatever it waits for, and also while it starts, its process is gone
// soon after it was told to stop, after whoever started it is gone, and after its lease is over.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NodeLeaseLost } from '#runtime';
import { PIPE_VARIABLE } from '../support/blocked-threads.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { commandOn, TroupeNode } from '../support/troupe-node.ts';

const SHORT_LEASE = { TROUPE_NODE__LEASE_MS: '2000' };
const LONG_LEASE = { TROUPE_NODE__LEASE_MS: '600000' };

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server?.[Symbol.asyncDispose]());

/** For the nodes it is as if the network were cut. */
function freezeServer(): void {
  process.kill(server.pid, 'SIGSTOP');
}

function thawServer(): void {
  process.kill(server.pid, 'SIGCONT');
}

/** `NODE_OPTIONS` for a file of the support folder that is loaded before the program. */
function preload(file: string): { readonly NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import ${fileURLToPath(new URL(`../support/${file}`, import.meta.url))}` };
}

function options(name: string, env: Readonly<Record<string, string>>) {
  return { server, args: ['--server', server.url, '--name', name], env };
}

async function stateOf(name: string): Promise<string | undefined> {
  const { stdout } = await commandOn(server, 'status', '--json');
  const { cluster } = JSON.parse(stdout) as {
    readonly cluster: { readonly members: readonly { readonly name: string; readonly state: string }[] };
  };
  return cluster.members.find((member) => member.name === name)?.state;
}

describe('a node whose server says nothing any more', () => {
  afterEach(thawServer);

  it('gives its start up with exit code 1 and the reason, when its lease runs out while it joins', async () => {
    await using node = await TroupeNode.start(options('joining', SHORT_LEASE));
    await node.logged('"state":"joining"');
    freezeServer();
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    expect(node.isUp).toBe(false);
    expect(node.failure).toMatchObject({ error: new NodeLeaseLost('joining', 0, 0).code });
    expect(node.failure.message).toContain('node joining has not renewed its lease');
  });

  it.each([
    ['before it has a lease', 'connected to NATS'],
    ['while it joins', '"state":"joining"'],
  ])('gives its start up when it is told to stop %s', async (_, logged) => {
    const { args, ...others } = options('early', LONG_LEASE);
    await using node = await TroupeNode.start({ ...others, args: [...args, '--drain-timeout', '1s'] });
    await node.logged(logged);
    freezeServer();
    node.signal('SIGTERM');
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    expect(node.log).toContain('interrupted');
  });

  it('ends with exit code 1 and the reason, when its lease runs out while it drains', async () => {
    await using node = await TroupeNode.up(options('draining', SHORT_LEASE));
    freezeServer();
    node.signal('SIGTERM');
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    expect(node.log).toContain('node draining has not renewed its lease');
  });

  it('ends when whoever started it is gone, too', async () => {
    await using node = await TroupeNode.up({ ...options('deserted', SHORT_LEASE), channel: true });
    freezeServer();
    node.desert();
    expect(await node.ended()).toEqual({ code: 1, signal: null });
  });
});

describe('a node that was started by a process which is gone', () => {
  it('drains and leaves', async () => {
    await using node = await TroupeNode.up({ ...options('orphan', SHORT_LEASE), channel: true });
    node.desert();
    expect(await node.ended()).toEqual({ code: 0, signal: null });
    expect(await stateOf('orphan')).toBe('left');
  });

  it('gives its start up, also when that was gone before the node could notice', async () => {
    await using node = await TroupeNode.start({ ...options('foundling', SHORT_LEASE), channel: true });
    node.desert();
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    expect(node.isUp).toBe(false);
    expect(node.log).toContain('interrupted');
  });
});

describe('a node whose end does not come', () => {
  it('is ended with exit code 1 at its drain time and ten seconds, and says what it waited for', async () => {
    const { args, ...others } = options('hung', { ...SHORT_LEASE, ...preload('hung-close.ts') });
    await using node = await TroupeNode.up({
      ...others,
      args: [...args, '--drain-timeout', '1s'],
      channel: true,
    });
    node.desert();
    expect(await node.ended()).toEqual({ code: 1, signal: null });
    const line = node.log.split('\n').find((text) => text.includes('the node did not end in time')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ limitMs: 11_000, waitsFor: ['close of the connection'] });
  });

  it('is not kept by threads that are stuck in native code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-pipe-'));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    try {
      const env = { ...SHORT_LEASE, ...preload('blocked-threads.ts'), [PIPE_VARIABLE]: pipe };
      const { args, ...others } = options('stuck', env);
      await using node = await TroupeNode.start({ ...others, args: [...args, '--drain-timeout', '1s'] });
      await node.logged('"state":"joining"');
      node.signal('SIGTERM');
      expect(await node.ended()).toEqual({ code: 1, signal: null });
      expect(node.log).toContain('interrupted');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
