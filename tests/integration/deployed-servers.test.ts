// The servers of compose/ and k8s/ on a real nats-server: they let in who has the password or key, take the items of the program, and
// tell KEDA the lag of the stages by the names that its triggers have.
import { readdirSync, readFileSync } from 'node:fs';
import { createInbox } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { CertificateRefused, ensureDataset, ensureSystem, NatsLink } from '#nats';
import { datasetTopology } from '../../cli/node/dataset-topology.ts';
import { MAX_INLINE_BODY_BYTES } from '../../nats/server/index.ts';
import { type ConfiguredServer, startConfigured } from '../support/configured-server.ts';
import { freePort } from '../support/in-process-node.ts';
import { madeByHand, objectsIn } from '../support/kubernetes.ts';
import { CHART_CONFIG_FILE, chartConfiguration, chartMounts } from '../support/nats-chart.ts';
import { SetUp } from '../support/set-up.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const LOGIN = { user: 'troupe', pass: 'pw-of-a-test' };
const ENV = {
  NATS_USER: LOGIN.user,
  NATS_PASSWORD: LOGIN.pass,
  SERVER_NAME: 'nats-1',
  POD_NAME: 'nats-0',
};

/** The configuration in the ConfigMap of the laptop's overlay. */
function laptopConfigMap(): string {
  const [map] = objectsIn(read('k8s/overlays/laptop/nats.yaml'));
  return z.looseObject({ data: z.object({ 'nats.conf': z.string() }) }).parse(map).data['nats.conf'];
}

const CONFIGURATIONS = [
  { name: 'compose/nats/laptop.conf', text: read('compose/nats/laptop.conf') },
  // By itself: a member of a cluster serves nothing without the others.
  { name: 'compose/nats/staging.conf without its cluster', text: alone(read('compose/nats/staging.conf')) },
  { name: 'k8s/overlays/laptop/nats.yaml', text: laptopConfigMap() },
];

/** The configuration without its cluster, which is a block of its own. */
function alone(text: string): string {
  return text.replace(/\ncluster \{.*?\n\}/s, '');
}

/** Servers of a cluster, which all keep a copy. */
const MEMBERS = 3;
const PRODUCTION = 'compose/nats/production.conf';

const KEYED = [
  {
    name: PRODUCTION,
    text: read(PRODUCTION),
    single: alone(read(PRODUCTION)),
    path: '/etc/nats/nats.conf',
    files: secureFiles,
    /** Names of its members in routes, numbered from `first` on. */
    routes: { names: /nats-(\d)\.example\.org:6222/g, first: 1 },
  },
  {
    name: 'the chart under k8s/nats/values.yaml',
    text: chartConfiguration({ clustered: true }),
    single: chartConfiguration({ clustered: false }),
    path: CHART_CONFIG_FILE,
    files: chartFiles,
    routes: { names: /nats-(\d)\.nats-headless:6222/g, first: 0 },
  },
];

/** What stands beside the configuration, as docs/operations.md has it copied. */
async function secureFiles(setUp: SetUp): Promise<ReadonlyMap<string, string>> {
  const names = ['server.pem', 'server.key', 'ca.pem', 'users.conf'];
  return new Map(
    await Promise.all(
      names.map(async (name) => [`/etc/nats/secure/${name}`, await setUp.text(`secure/${name}`)] as const),
    ),
  );
}

/** What the pods of NATS mount, of the objects that are made by hand. */
async function chartFiles(setUp: SetUp): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [folder, object] of chartMounts())
    for (const [key, source] of Object.entries(madeByHand('nats', object)))
      files.set(`${folder}/${key}`, await setUp.text(source));
  return files;
}

const connect = ({ url }: ConfiguredServer, login: Partial<typeof LOGIN>) =>
  NatsLink.connect({ servers: url, name: 'test', ...login });

async function makeStreams(link: NatsLink): Promise<void> {
  await ensureSystem(link, { system: 'troupe' });
  await ensureDataset(
    link,
    'photos',
    datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }),
  );
}

async function storeLargest({ connection }: NatsLink): Promise<void> {
  const body = new Uint8Array(MAX_INLINE_BODY_BYTES);
  const answer = await connection.request('troupe.intake.photos', body, { timeout: 20_000 });
  expect(answer.json()).toMatchObject({ stream: 'TROUPE_INTAKE_photos', seq: 1 });
}

/** How many servers of the cluster it is connected to. */
async function routesOf({ monitorUrl }: ConfiguredServer): Promise<number> {
  const { routes } = z
    .looseObject({ routes: z.array(z.looseObject({ remote_name: z.string() })).nullish() })
    .parse(await (await fetch(`${monitorUrl}/routez`)).json());
  return new Set((routes ?? []).map(({ remote_name }) => remote_name)).size;
}

describe.each(CONFIGURATIONS)('the server of $name', ({ text }) => {
  it('lets in who has the password only, and stores items of the largest size', async () => {
    await using server = await startConfigured(text, { env: ENV });
    await expect(connect(server, { ...LOGIN, pass: 'pw-other' })).rejects.toThrow(
      'it refused the credentials',
    );
    const link = await connect(server, LOGIN);
    try {
      await makeStreams(link);
      await storeLargest(link);
    } finally {
      await link.close();
    }
  });
});

describe.each(KEYED)('a server of $name, with the set-up of troupe secure', (given) => {
  const { text, single, path, files, routes } = given;
  let setUp: SetUp;
  beforeAll(async () => {
    setUp = await SetUp.create();
  });
  afterAll(() => setUp?.[Symbol.asyncDispose]());

  it('lets in who has a key of the set-up only, under TLS, and stores items of the largest size', async () => {
    await using server = await startConfigured(single, { env: ENV, path, files: await files(setUp) });
    await using stranger = await SetUp.create();
    await expect(setUp.link(server, 'node', { key: stranger })).rejects.toThrow('it refused the credentials');
    await expect(setUp.link(server, 'node', { authority: stranger })).rejects.toThrow(CertificateRefused);
    await expect(connect(server, LOGIN)).rejects.toThrow();
    const node = await setUp.link(server, 'node');
    const operator = await setUp.link(server, 'operator');
    try {
      await makeStreams(node);
      await storeLargest(operator);
    } finally {
      await Promise.all([node.close(), operator.close()]);
    }
  });

  it('makes one cluster with those alone that have a certificate of its authority', async () => {
    await using stranger = await SetUp.create();
    await using stack = new AsyncDisposableStack();
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
    const servers: ConfiguredServer[] = [];
    for (const [at, port] of ports.entries()) {
      const configuration = text
        .replaceAll(routes.names, (_, number) => `127.0.0.1:${ports[Number(number) - routes.first]}`)
        .replace(/(?<=port"?: )6222/, String(port));
      expect(configuration).not.toContain('6222');
      const env = { ...ENV, SERVER_NAME: `server-${at}` };
      const own = await files(at < MEMBERS ? setUp : stranger);
      servers.push(stack.use(await startConfigured(configuration, { env, path, files: own })));
    }
    const connections = () => Promise.all(servers.map(routesOf));
    await expect.poll(connections, { timeout: 30_000 }).toEqual([2, 2, 2, 0]);
    const [first] = servers;
    if (first === undefined) throw new Error('expected a server');
    const node = await setUp.link(first, 'node');
    stack.defer(() => node.close());
    const three = () =>
      ensureSystem(node, { system: 'troupe', replicas: MEMBERS }).then(() => 'made', String);
    await expect.poll(three, { timeout: 30_000 }).toBe('made');
    expect(await connections()).toEqual([2, 2, 2, 0]);
  });
});

const triggerSchema = z.object({
  type: z.literal('nats-jetstream'),
  metadata: z.object({
    account: z.string(),
    stream: z.string(),
    consumer: z.string(),
    lagThreshold: z.string(),
  }),
});
const FOLDER = 'k8s/components/autoscale-lag';
const TRIGGERS = [
  ...readdirSync(new URL(`../../${FOLDER}`, import.meta.url))
    .filter((name) => name !== 'kustomization.yaml')
    .flatMap((name) => parse(read(`${FOLDER}/${name}`)).spec.triggers),
  ...parse(read('k8s/components/gpu/embed-scaling.yaml'))
    .filter(({ path }: { readonly path: string }) => path === '/spec/triggers/-')
    .map(({ value }: { readonly value: unknown }) => value),
].map((trigger) => triggerSchema.parse(trigger).metadata);

const jszSchema = z.object({
  account_details: z.array(
    z.object({
      name: z.string(),
      stream_detail: z.array(
        z.object({
          name: z.string(),
          consumer_detail: z
            .array(z.object({ name: z.string(), num_pending: z.number(), num_ack_pending: z.number() }))
            .default([]),
        }),
      ),
    }),
  ),
});

describe('the triggers of KEDA', () => {
  let server: ConfiguredServer;
  let link: NatsLink;
  beforeAll(async () => {
    server = await startConfigured(read('compose/nats/laptop.conf'), { env: ENV });
    link = await connect(server, LOGIN);
    await makeStreams(link);
  });
  afterAll(async () => {
    await link?.close();
    await server?.[Symbol.asyncDispose]();
  });

  /** As KEDA's scaler asks and adds up; `undefined` where it would find no such consumer. */
  async function lagOf({
    account,
    stream,
    consumer,
  }: (typeof TRIGGERS)[number]): Promise<number | undefined> {
    const query = new URLSearchParams({ acc: account, consumers: 'true', config: 'true' });
    const answer = jszSchema.parse(await (await fetch(`${server.monitorUrl}/jsz?${query}`)).json());
    const found = answer.account_details
      .find(({ name }) => name === account)
      ?.stream_detail.find(({ name }) => name === stream)
      ?.consumer_detail.find(({ name }) => name === consumer);
    return found === undefined ? undefined : found.num_pending + found.num_ack_pending;
  }

  it.each(TRIGGERS)('$stream counts what waits and what is in hand', async (trigger) => {
    expect(await lagOf(trigger)).toBe(0);
    const subject = trigger.stream.startsWith('TROUPE_INTAKE')
      ? 'troupe.intake.photos'
      : `troupe.work.photos.${trigger.consumer}`;
    for (let at = 0; at < 3; at++) await link.connection.request(subject, new Uint8Array(1));
    await expect.poll(() => lagOf(trigger), { timeout: 10_000 }).toBe(3);
    const next = `$JS.API.CONSUMER.MSG.NEXT.${trigger.stream}.${trigger.consumer}`;
    const message = await link.connection.request(next, '1', {
      timeout: 5_000,
      noMux: true,
      reply: createInbox(),
    });
    await expect.poll(() => lagOf(trigger), { timeout: 10_000 }).toBe(3);
    message.respond('+ACK');
    await link.connection.flush();
    await expect.poll(() => lagOf(trigger), { timeout: 10_000 }).toBe(2);
  });

  it('are there for every stage that grows by its lag, and for the intake', () => {
    expect(TRIGGERS.map(({ stream }) => stream).sort()).toEqual([
      'TROUPE_INTAKE_photos',
      'TROUPE_WORK_photos_dedup',
      'TROUPE_WORK_photos_embed',
      'TROUPE_WORK_photos_score',
    ]);
  });
});
