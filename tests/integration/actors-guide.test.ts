// The program of docs/actors.md on a real nats-server, killed in the middle: no order is lost, no invoice doubled.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eachMessage, ensureStream, type NatsLink, streamState } from '#nats';
import { programsOf, writeProgram } from '../support/doc-programs.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { bytes, connectTo, killAndRestart, text, until } from './nats-harness.ts';

const ORDERS = 300;
const UNFIT = 'order-150';
/** Until the queue gives again what a killed process had in hand, on a slow machine. */
const DEADLINE_MS = 60_000;

const [program] = programsOf('actors.md');
if (program === undefined) throw new Error('docs/actors.md has no program');
const folder = mkdtempSync(join(tmpdir(), 'troupe-guide-'));
const script = writeProgram(program, folder, 'invoices.ts');
let server: TestServer;
let link: NatsLink;
let running: ChildProcess | undefined;

beforeAll(async () => {
  server = await startTestServer();
  link = await connectTo(server);
  await ensureStream(link, { name: 'ORDERS', subjects: ['orders.new'], keep: 'until-acked' });
});

afterEach(() => running?.kill('SIGKILL'));

afterAll(async () => {
  await link.close();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function start(): { readonly child: ChildProcess; readonly exited: Promise<unknown[]> } {
  const env = { ...process.env, NATS_URL: server.url, NATS_TOKEN: server.token };
  const child = spawn(process.execPath, [script], { env, stdio: 'inherit' });
  running = child;
  return { child, exited: once(child, 'exit') };
}

/** What a stream holds; nothing where the program has not made it yet. */
async function held(stream: string): Promise<number> {
  return streamState(link, stream).then(
    ({ messages }) => messages,
    () => 0,
  );
}

describe('the program of the guide', () => {
  it('has fewer than sixty lines and uses the three doors only', () => {
    expect(program.source.trimEnd().split('\n').length).toBeLessThan(60);
    const imported = [...program.source.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
    expect(imported).toEqual(['troupe/nats', 'troupe/runtime', 'troupe/supervision']);
  });

  it('loses no order and doubles no invoice when it and the server are killed in the middle', async () => {
    const ids = Array.from({ length: ORDERS }, (_, at) => `order-${at}`);
    for (const id of ids) {
      const data = bytes(JSON.stringify(id === UNFIT ? { id } : { id, cents: 100 }));
      await link.publisher.publish({ subject: 'orders.new', data, id });
    }
    const killed = start();
    await until('some invoices are stored', async () => (await held('INVOICES')) >= 20, DEADLINE_MS);
    killed.child.kill('SIGKILL');
    await killed.exited;
    expect(await held('ORDERS')).toBeGreaterThan(0);

    const { child, exited } = start();
    await until('half of the invoices are stored', async () => (await held('INVOICES')) >= 200, DEADLINE_MS);
    await killAndRestart(server);
    await until('the queue is empty', async () => (await held('ORDERS')) === 0, DEADLINE_MS);

    const stored: string[] = [];
    for await (const { subject, data } of eachMessage(link, 'INVOICES')) {
      const { order, id } = JSON.parse(text(data)) as { readonly order?: string; readonly id?: string };
      stored.push(`${subject} ${order ?? id}`);
    }
    const expected = ids.map((id) => `${id === UNFIT ? 'orders.unfit' : 'invoices.new'} ${id}`);
    expect(stored.sort()).toEqual(expected.sort());

    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  }, 180_000);
});
