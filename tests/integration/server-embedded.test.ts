import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '#runtime';
import {
  EMBEDDED_MAX_PAYLOAD_BYTES,
  EmbeddedServer,
  endProcess,
  findRunningServer,
  inspectProcess,
  probeServer,
  type ServerEvent,
  signalProcess,
} from '../../nats/server/index.ts';
import { type AvailableServer, availableServerVersions } from '../support/nats-server.ts';

const parentScript = fileURLToPath(new URL('../support/embedded-server-parent.ts', import.meta.url));
const versions = await availableServerVersions();

interface ParentReport {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly adopted: boolean;
  readonly owned: boolean;
}

describe.each(versions)('the embedded nats-server $version', (available: AvailableServer) => {
  let dataDir: string;
  let events: ServerEvent[];
  const parents: ChildProcess[] = [];
  const servers: EmbeddedServer[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'troupe-embedded-'));
    events = [];
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    for (const parent of parents.splice(0)) parent.kill('SIGKILL');
    const left = await findRunningServer(dataDir);
    if (left !== undefined) await endPid(left.pid);
    await rm(dataDir, { recursive: true, force: true });
  });

  async function ensure(
    more: { readonly durability?: 'process' | 'disk'; readonly freeBytes?: () => Promise<number> } = {},
  ): Promise<EmbeddedServer> {
    const server = await EmbeddedServer.ensure({
      ...more,
      dataDir,
      log: silentLogger,
      resolve: () => Promise.resolve({ ...available, origin: 'test' }),
      onEvent: (event) => events.push(event),
    });
    servers.push(server);
    return server;
  }

  async function startParent(): Promise<{ process: ChildProcess; report: ParentReport }> {
    const child = spawn(process.execPath, [parentScript, dataDir], {
      env: { ...process.env, NATS_SERVER_BIN: available.binary },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    parents.push(child);
    for await (const line of createInterface({ input: child.stdout })) {
      return { process: child, report: JSON.parse(line) };
    }
    throw new Error('the parent ended without a report');
  }

  it('takes its token and no other, with JetStream and room for the largest inline body', async () => {
    const { url, token, version } = await ensure();
    expect(version).toBe(available.version);
    expect(await probeServer({ url, token })).toMatchObject({
      answer: 'accepted',
      version,
      jetStream: true,
      maxPayloadBytes: EMBEDDED_MAX_PAYLOAD_BYTES,
    });
    expect(await probeServer({ url, token: 'another' })).toMatchObject({ answer: 'refused' });
    expect(await probeServer({ url })).toMatchObject({ answer: 'refused' });
  });

  it('leaves its address where other commands find it, readable by its owner only', async () => {
    const server = await ensure();
    const { url, token, monitorUrl, version, pid } = server;
    expect(await findRunningServer(dataDir)).toMatchObject({ url, token, monitorUrl, version, pid });
    expect((await stat(join(dataDir, 'server.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'nats', 'server.conf'))).mode & 0o777).toBe(0o600);
    await server.stop();
    expect(await findRunningServer(dataDir)).toBeUndefined();
    expect(await inspectProcess(pid)).toBeUndefined();
  });

  it('keeps port and token over a stop, so that clients which hold the address come back', async () => {
    const first = await ensure();
    const { url, token, pid } = first;
    await first.stop();
    const second = await ensure();
    expect(second).toMatchObject({ url, token, adopted: false });
    expect(second.pid).not.toBe(pid);
  });

  it('is found again, and then owned, after its parent was killed', async () => {
    const { process: parent, report } = await startParent();
    parent.kill('SIGKILL');
    await until(async () => (await inspectProcess(parent.pid ?? 0)) === undefined);
    const server = await ensure();
    expect(server).toMatchObject({ url: report.url, pid: report.pid, adopted: true, owned: true });
    await server.stop();
    expect(await inspectProcess(report.pid)).toBeUndefined();
  });

  it('is one server for processes that start at the same moment, and ends with its owner only', async () => {
    const [first, second] = await Promise.all([startParent(), startParent()]);
    expect(first.report.pid).toBe(second.report.pid);
    const [owner, guest] = first.report.owned ? [first, second] : [second, first];
    expect([owner.report.owned, guest.report.owned]).toEqual([true, false]);
    await endOf(guest.process);
    expect(await findRunningServer(dataDir)).toMatchObject({ pid: owner.report.pid });
    await endOf(owner.process);
    expect(await findRunningServer(dataDir)).toBeUndefined();
  });

  it('tells a guest that its owner ended it, and stays ended', async () => {
    const owner = await ensure();
    const guest = await ensure();
    expect([owner.owned, guest.owned]).toEqual([true, false]);
    await owner.stop();
    await until(() => events.at(-1)?.kind === 'gone');
    await guest.stop();
    expect(await inspectProcess(owner.pid)).toBeUndefined();
  });

  it('passes to a guest when its owner is killed', async () => {
    const { process: parent, report } = await startParent();
    const guest = await ensure();
    expect(guest).toMatchObject({ pid: report.pid, owned: false });
    parent.kill('SIGKILL');
    await until(() => guest.owned);
    expect(events.map((event) => event.kind)).toEqual(['adopted', 'taken over']);
    expect(guest.pid).toBe(report.pid);
  });

  it('is restarted with the same address when it is killed, also a second time', async () => {
    const server = await ensure();
    const { url, token } = server;
    for (const _round of [1, 2]) {
      const { pid } = server;
      signalProcess(pid, 'SIGKILL');
      await until(() => server.pid !== pid);
      expect(await probeServer({ url, token })).toMatchObject({ answer: 'accepted' });
    }
    expect(events.map((event) => event.kind)).toEqual(['started', 'died', 'restarted', 'died', 'restarted']);
    expect(events.filter((event) => event.kind === 'restarted')).toMatchObject([
      { sameAddress: true },
      { sameAddress: true },
    ]);
  });

  it('is restarted when it was adopted', async () => {
    const { process: parent, report } = await startParent();
    parent.kill('SIGKILL');
    await until(async () => (await inspectProcess(parent.pid ?? 0)) === undefined);
    const server = await ensure();
    signalProcess(report.pid, 'SIGKILL');
    await until(() => server.pid !== report.pid);
    expect(server).toMatchObject({ url: report.url, token: report.token, owned: true });
  });

  it('takes another port when its former one belongs to somebody else by now', async () => {
    const first = await ensure();
    const { url } = first;
    await first.stop();
    const squatter = await listen(Number(new URL(url).port));
    try {
      const second = await ensure();
      expect(second.url).not.toBe(url);
      expect(await probeServer(second)).toMatchObject({ answer: 'accepted' });
    } finally {
      squatter.close();
    }
  });

  it('is started anew, on the same store, when the record names a process that is another one', async () => {
    const first = await ensure();
    await first.stop();
    const path = join(dataDir, 'server.json');
    const record = JSON.parse(await readFile(path, 'utf8'));
    // As a crash leaves it: the owner is gone, and its number and the server's are in use again.
    const lie = {
      ...record,
      state: 'running',
      pid: process.pid,
      owner: { ...record.owner, pid: process.pid, mark: '1' },
    };
    await writeFile(path, JSON.stringify(lie));
    const second = await ensure();
    expect(second).toMatchObject({ adopted: false, owned: true });
    expect(second.pid).not.toBe(process.pid);
  });

  it('is ended and started anew when its parent died before it left a record: never two on one store', async () => {
    const { process: parent, report } = await startParent();
    parent.kill('SIGKILL');
    await until(async () => (await inspectProcess(parent.pid ?? 0)) === undefined);
    await rm(join(dataDir, 'server.json'));
    const server = await ensure();
    expect(server).toMatchObject({ adopted: false, owned: true });
    expect(await inspectProcess(report.pid)).toBeUndefined();
  });

  it('says which durability is in force', async () => {
    const server = await ensure({ durability: 'disk' });
    expect(server.durability).toBe(available.version.startsWith('2.9.') ? 'process' : 'disk');
  });

  it('tells of a full disk and of room, and is started anew only where it did not get over it', async () => {
    let free = 0;
    const server = await ensure({ freeBytes: () => Promise.resolve(free) });
    const kinds = () => events.map(({ kind }) => kind);
    await until(() => server.diskIsFull);
    free = 2 ** 40;
    await until(() => kinds().includes('disk has room'));
    expect(kinds()).toEqual(['started', 'disk full', 'disk has room']);
    const { pid } = server;
    free = 0;
    await until(() => server.diskIsFull);
    // It answers nobody, as after a write that found no room.
    process.kill(pid, 'SIGSTOP');
    free = 2 ** 40;
    await until(() => kinds().at(-1) === 'disk has room', 30_000);
    expect(kinds().slice(3)).toEqual(['disk full', 'died', 'restarted', 'disk has room']);
    expect(server.pid).not.toBe(pid);
    expect(await probeServer({ url: server.url, token: server.token })).toMatchObject({
      answer: 'accepted',
    });
  });
});

describe('the embedded nats-server', () => {
  it('reports the end of its log when it cannot start', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'troupe-embedded-'));
    await writeFile(join(dataDir, 'jetstream'), 'a file where the store should be');
    const failed = EmbeddedServer.ensure({ dataDir, log: silentLogger, startTimeoutMs: 5_000 });
    await expect(failed).rejects.toThrow(/ended while starting.*its last lines:\n.*jetstream/is);
    await rm(dataDir, { recursive: true, force: true });
  });
});

async function until(condition: () => boolean | Promise<boolean>, timeout = 10_000): Promise<void> {
  await expect.poll(condition, { timeout, interval: 10 }).toBe(true);
}

async function endPid(pid: number): Promise<void> {
  const id = await inspectProcess(pid);
  if (id !== undefined) await endProcess(id, { timeoutMs: 1_000, clock: systemClock });
}

async function endOf(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
