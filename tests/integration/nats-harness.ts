// What the integration tests of nats/ share: every server version, links to a server, waiting with a deadline.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { type ConnectOptions, type DatasetOptions, NatsLink } from '#nats';
import { silentLogger } from '#runtime';
import {
  availableServerVersions,
  startTestServer,
  type TestServer,
  type TestServerVersion,
} from '../support/nats-server.ts';

/** What one test file works with on one server version. */
export interface ServerUnderTest {
  readonly server: TestServer;
  /** A link which the harness closes after the test. */
  link(options?: Partial<ConnectOptions>): Promise<NatsLink>;
  /** A system name which no other test of the file has. */
  newSystem(): string;
}

/** Runs `tests` on every server version that can be had, each with one server for the whole file. */
export async function describeOnServers(
  title: string,
  tests: (under: ServerUnderTest) => void,
  versions?: readonly TestServerVersion[],
): Promise<void> {
  for (const { label, version } of await availableServerVersions()) {
    if (versions !== undefined && !versions.includes(label)) continue;
    describe(`${title}, on nats-server ${version}`, () => {
      let server: TestServer | undefined;
      let systems = 0;
      const links: NatsLink[] = [];
      beforeAll(async () => {
        server = await startTestServer({ version: label });
      });
      afterEach(async () => {
        await Promise.all(links.splice(0).map((link) => link.close()));
      });
      afterAll(() => server?.[Symbol.asyncDispose]());
      tests({
        get server() {
          if (server === undefined) throw new Error('the server is not started yet');
          return server;
        },
        async link(options = {}) {
          const link = await connectTo(this.server, options);
          links.push(link);
          return link;
        },
        newSystem: () => `sys${systems++}`,
      });
    });
  }
}

/** A link to `server` with short pauses between attempts to reconnect. */
export function connectTo(server: TestServer, options: Partial<ConnectOptions> = {}): Promise<NatsLink> {
  return NatsLink.connect({
    servers: server.url,
    token: server.token,
    name: 'test',
    log: silentLogger,
    reconnectWaitMs: 50,
    ...options,
  });
}

/** Polls until `condition` holds; fails after `deadlineMs` naming `what`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 15_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(10);
  }
}

/** Byte content from text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text from byte content. */
export function text(data: Uint8Array | undefined): string {
  return new TextDecoder().decode(data);
}

/** Everything an async source gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Options of a dataset which reserves little storage. */
export function smallDataset(system: string, options: Partial<DatasetOptions> = {}): DatasetOptions {
  const mib = 1024 * 1024;
  return {
    system,
    stages: [
      { name: 'dedup', consumer: 'shared' },
      { name: 'scorer', consumer: 'shared' },
      { name: 'keeper', consumer: 'owned' },
    ],
    intakeMaxBytes: 64 * mib,
    workMaxBytes: 16 * mib,
    journalMaxBytes: 256 * mib,
    deadMaxBytes: 16 * mib,
    outcomeMaxBytes: 16 * mib,
    ...options,
  };
}

/** Kills the server (SIGKILL) and starts it again on the same port, once nothing listens there any more. */
export async function killAndRestart(server: TestServer): Promise<void> {
  const port = Number(new URL(server.url).port);
  await server.kill();
  await until('its port is free', async () => !(await accepts(port)));
  await server.restart();
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
