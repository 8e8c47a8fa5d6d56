// Several nodes of one system as a user starts them: they join, share the shards, have roles, drain and leave.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eachMessage, INTAKE_CONSUMER, NatsLink, NatsWorkSource, namesOf } from '#nats';
import { silentLogger } from '#runtime';
import type { SystemStatus } from '../../cli/node/system-status.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { scriptedHttpServer } from '../support/scripted-http-server.ts';
import { commandOn, TroupeNode, waitFor } from '../support/troupe-node.ts';

const NAMES = namesOf('troupe');
const ITEMS = 24;
/** Leases are short where a test waits for one to be over. */
const SHORT_LEASE = { TROUPE_NODE__LEASE_MS: '2000' };

let server: TestServer;
const nodes: TroupeNode[] = [];

async function status(): Promise<SystemStatus & { readonly code: number | null }> {
  const { code, stdout, stderr } = await commandOn(server, 'status', '--json');
  if (stdout === '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as SystemStatus), code };
}

async function up(
  args: readonly string[],
  extra: { readonly config?: object; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<TroupeNode> {
  const node = await TroupeNode.up({ server, args, ...extra });
  nodes.push(node);
  return node;
}

/** A node that does not come up: its exit code and what it said. */
async function refused(
  args: readonly string[],
  extra: { readonly config?: object; readonly env?: Readonly<Record<string, string>> } = {},
) {
  await using node = await TroupeNode.start({ server, args, ...extra });
  const { code } = await node.ended();
  return { code, log: node.log, failure: () => node.failure };
}

const join = () => ['--join', server.url];

async function ownersOf(): Promise<ReadonlyMap<string, number>> {
  const { cluster } = await status();
  const owners = new Map<string, number>();
  for (const { owner, phase } of cluster.shards) {
    const name = phase === 'active' ? (owner ?? 'nobody') : 'moving';
    owners.set(name, (owners.get(name) ?? 0) + 1);
  }
  return owners;
}

async function stop(node: TroupeNode): Promise<number | null> {
  node.signal('SIGTERM');
  return (await node.ended()).code;
}

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

describe('a node that joins', () => {
  it('is refused where there is no such system, with what to do', async () => {
    const { code, failure } = await refused(join());
    expect(code).toBe(2);
    expect(failure()).toMatchObject({ error: 'unknown_system' });
    expect(failure().remedy).toContain('--server');
  });

  it('takes its part of the shards by its weight, and gives it back before it ends when it is told to stop', async () => {
    await up(['--server', server.url, '--name', 'first'], {
      config: { datasets: { photos: { shards: 8, rules: { keepAt: 0.6 } } } },
    });
    const second = await up([...join(), '--name', 'second', '--weight', '2']);
    expect(second.told).toMatchObject({ node: 'second', origin: '--join', datasets: ['photos'] });
    await waitFor('the second has two thirds', async () => (await ownersOf()).get('second') === 6);
    expect((await status()).code).toBe(0);
    expect(await stop(second)).toBe(0);
    expect(await ownersOf()).toEqual(new Map([['first', 9]]));
    const { cluster } = await status();
    expect(cluster.members.find(({ name }) => name === 'second')?.state).toBe('left');
  });

  it('takes the datasets that are recorded, and changes nothing of them', async () => {
    await using node = await TroupeNode.up({ server, args: [...join(), '--name', 'plain'] });
    const { stdout } = await commandOn(server, 'dataset', 'show', 'photos', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ config: { shards: 8, rules: { keepAt: 0.6 } } });
    expect(await stop(node)).toBe(0);
  });

  it.each([['--join'], ['--server']])(
    'with %s is refused when its configuration says otherwise than the running nodes, which names what differs',
    async (flag) => {
      const config = { datasets: { photos: { shards: 8, rules: { keepAt: 0.9 } } } };
      const { code, failure } = await refused([flag, server.url], { config });
      expect(code).toBe(2);
      expect(failure()).toMatchObject({
        error: 'datasets_differ',
        message: 'datasets.photos.rules.keepAt: expected 0.6, as recorded, got 0.9',
      });
    },
  );

  it('is refused when it brings a dataset that is not recorded', async () => {
    const config = { datasets: { photos: { shards: 8, rules: { keepAt: 0.6 } }, cats: {} } };
    const { code, failure } = await refused(join(), { config });
    expect(code).toBe(2);
    expect(failure().message).toBe('datasets.cats: expected one that is recorded (photos)');
  });

  it('runs only the parts of its roles: without the one for shards it owns none', async () => {
    await using node = await TroupeNode.up({
      server,
      args: [...join(), '--name', 'worker', '--roles', 'ingest,score'],
    });
    const now = await status();
    expect(now.code).toBe(0);
    expect(now.cluster.members.find(({ name }) => name === 'worker')).toMatchObject({
      state: 'active',
      roles: ['ingest', 'score'],
    });
    const tree = now.nodes.find(({ name }) => name === 'worker')?.actors ?? [];
    expect(tree.filter(({ depth }) => depth === 1).map(({ name }) => name)).toEqual([
      'photos/scorer',
      'photos/intake',
    ]);
    const plan = await commandOn(server, 'shards', 'plan');
    expect(plan.stdout).toBe('no shard would move\n');
    expect(await ownersOf()).toEqual(new Map([['first', 9]]));
    expect(await stop(node)).toBe(0);
  });

  it.each([
    [
      ['--roles', 'ingest,sorting'],
      'Expected some of ingest, embed, dedup, score, shards, got "ingest,sorting"',
    ],
    [['--roles', ''], 'Expected some of'],
    [['--name', 'two words'], 'Expected a name of 1 to 63 letters, digits, - and _, got "two words"'],
    [['--weight', '0'], 'Expected a number from 0.01 to 1000, got "0"'],
    [['--nodes', '0'], 'Expected a whole number of at least 1, got "0"'],
    [
      ['--join', 'nats://127.0.0.1:1', '--server', 'nats://127.0.0.1:1'],
      'expected --join or --server, got both',
    ],
  ])('is refused as a wrong command line with %j', async (args, message) => {
    const { code, failure } = await refused(args);
    expect(code).toBe(2);
    expect(failure().message).toContain(message);
  });

  it('is missed in status when nobody else runs its stages', async () => {
    for (const node of nodes.splice(0)) expect(await stop(node)).toBe(0);
    const node = await up(['--server', server.url, '--name', 'keeper', '--roles', 'shards,score,dedup'], {
      env: SHORT_LEASE,
    });
    const { code, problems, cluster } = await status();
    expect(code).toBe(1);
    expect(cluster.unattended).toEqual(['intake', 'held', 'embed', 'replay']);
    expect(problems).toContain('no node that is there runs stage embed (role embed): its items wait');
    expect(await stop(node)).toBe(0);
  });
});

describe('a node that is told to stop', () => {
  it('gives back at once what it had pulled and not handled, and ends with 0', async () => {
    await using fresh = await startTestServer();
    await using silent = await scriptedHttpServer({ '/slow.jpg': () => {} });
    const host = `127.0.0.1:${silent.port}`;
    const http = { hosts: [host], allowAddresses: ['127.0.0.1'] };
    await using node = await TroupeNode.up({
      server: fresh,
      args: ['--server', fresh.url, '--name', 'fetcher', '--roles', 'ingest', '--drain-timeout', '8s'],
      config: { sources: { http }, datasets: { photos: {} } },
    });
    const link = await NatsLink.connect({
      servers: fresh.url,
      token: fresh.token,
      name: 'test',
      log: silentLogger,
    });
    const subject = NAMES.subjects.intake('photos');
    for (let item = 0; item < ITEMS; item += 1) {
      const data = Buffer.from(JSON.stringify({ uri: `http://${host}/slow.jpg`, id: `item ${item}` }));
      await link.publisher.publish({ subject, data, headers: { 'Content-Type': 'application/json' } });
    }
    await waitFor('it fetches', () => silent.requests.length > 0);
    expect(await stop(node)).toBe(0);

    // Otherwise what it held would come back only after the consumer's ack wait, 10 s after it was last kept alive.
    const source = new NatsWorkSource(link, {
      stream: NAMES.streams.intake('photos'),
      consumer: INTAKE_CONSUMER,
      subject,
    });
    const came: number[] = [];
    const subscription = await source.subscribe({
      maxBatch: ITEMS,
      prefetch: 2 * ITEMS,
      deliver: (batch) => {
        came.push(...batch.map(({ deliveries }) => deliveries));
        subscription?.demand();
      },
      failed: () => {},
    });
    subscription.demand();
    await waitFor('all of it can be pulled', () => came.length === ITEMS, 4_000);
    expect(came.some((deliveries) => deliveries > 1)).toBe(true);
    await subscription.close();
    await link.close();
  });
});

describe('a rolling upgrade', () => {
  /** First bytes of all frames in the journals, in their order: the version of each. */
  async function versionsWritten(link: NatsLink): Promise<readonly number[]> {
    const versions: number[] = [];
    for await (const { data } of eachMessage(link, NAMES.streams.journal('photos')))
      versions.push(data[0] ?? 0);
    return versions;
  }

  it('writes the older message format until the last node that reads no newer one has left, then lets none in', async () => {
    await using fresh = await startTestServer();
    const own = { server: fresh };
    const link = await NatsLink.connect({
      servers: fresh.url,
      token: fresh.token,
      name: 'test',
      log: silentLogger,
    });
    const older = { TROUPE_NODE__MAX_MESSAGE_VERSION: '1' };
    await using first = await TroupeNode.up({
      ...own,
      args: ['--server', fresh.url, '--name', 'older'],
      env: older,
    });
    await using second = await TroupeNode.up({ ...own, args: ['--join', fresh.url, '--name', 'newer'] });
    const messageVersion = async () => {
      const { stdout } = await commandOn(fresh, 'status', '--json');
      return (JSON.parse(stdout) as SystemStatus).cluster.messageVersion;
    };
    const owned = async (name: string) => {
      const { stdout } = await commandOn(fresh, 'shards', 'list', '--json');
      const shards = JSON.parse(stdout) as readonly { readonly owner: string; readonly phase: string }[];
      return shards.filter(({ owner, phase }) => owner === name && phase === 'active').length;
    };
    await waitFor('both own shards', async () => (await owned('newer')) === 2);
    expect(new Set(await versionsWritten(link))).toEqual(new Set([1]));
    expect(await messageVersion()).toBe(1);

    first.signal('SIGTERM');
    expect((await first.ended()).code).toBe(0);
    expect(await owned('newer')).toBe(5);
    await waitFor('the newer format is agreed on', async () => (await messageVersion()) === 2);

    await using back = await TroupeNode.start({
      ...own,
      args: ['--join', fresh.url, '--name', 'older'],
      env: older,
    });
    expect((await back.ended()).code).toBe(2);
    expect(back.failure).toMatchObject({ error: 'codec_incompatible' });
    expect(back.failure.message).toContain('write message version 2, this program reads 1 to 1');

    // What the older one wrote is read, and gone on with in the newer format.
    await using third = await TroupeNode.up({ ...own, args: ['--join', fresh.url, '--name', 'third'] });
    await waitFor('the third owns shards', async () => (await owned('third')) === 2);
    expect((await versionsWritten(link)).at(-1)).toBe(2);
    expect((await commandOn(fresh, 'audit', 'photos')).code).toBe(0);
    for (const node of [third, second]) {
      node.signal('SIGTERM');
      expect((await node.ended()).code).toBe(0);
    }
    await link.close();
  });
});
