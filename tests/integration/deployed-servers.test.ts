// The servers of compose/ and k8s/ on a real nats-server: they let in who has the password, take the items of the program, and
// tell KEDA the lag of the stages by the names that its triggers have.
import { readdirSync, readFileSync } from 'node:fs';
import { createInbox } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ensureDataset, ensureSystem, NatsLink } from '#nats';
import { datasetTopology } from '../../cli/node/dataset-topology.ts';
import { MAX_INLINE_BODY_BYTES } from '../../nats/server/index.ts';
import { type ConfiguredServer, startConfigured } from '../support/configured-server.ts';
import { objectsIn } from '../support/kubernetes.ts';

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

/** What the values of the chart add to its configuration, as the chart writes it: `<< >>` are taken off. */
function chartMerge(): string {
  const { config } = parse(read('k8s/nats/values.yaml'));
  const json = JSON.stringify(config.merge).replace(/"<< ([^>]+) >>"/g, '$1');
  return `${json.slice(1, -1).replaceAll('},"', '},\n"')}\njetstream { store_dir: /data }\nhttp: ${config.monitor.port}\n`;
}

const CONFIGURATIONS = [
  { name: 'compose/nats/laptop.conf', text: read('compose/nats/laptop.conf') },
  // By itself: a member of a cluster serves nothing without the others.
  {
    name: 'compose/nats/staging.conf without its cluster',
    text: read('compose/nats/staging.conf').replace(/\ncluster \{.*\n\}/s, ''),
  },
  { name: 'k8s/overlays/laptop/nats.yaml', text: laptopConfigMap() },
  { name: 'k8s/nats/values.yaml, what it merges', text: chartMerge() },
];

const connect = ({ url }: ConfiguredServer, login: Partial<typeof LOGIN>) =>
  NatsLink.connect({ servers: url, name: 'test', ...login });

describe.each(CONFIGURATIONS)('the server of $name', ({ text }) => {
  it('lets in who has the password only, and stores items of the largest size', async () => {
    await using server = await startConfigured(text, ENV);
    await expect(connect(server, { ...LOGIN, pass: 'pw-other' })).rejects.toThrow(
      'it refused the credentials',
    );
    const link = await connect(server, LOGIN);
    try {
      await ensureSystem(link, { system: 'troupe' });
      await ensureDataset(
        link,
        'photos',
        datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }),
      );
      const body = new Uint8Array(MAX_INLINE_BODY_BYTES);
      const answer = await link.connection.request('troupe.intake.photos', body, { timeout: 20_000 });
      expect(answer.json()).toMatchObject({ stream: 'TROUPE_INTAKE_photos', seq: 1 });
    } finally {
      await link.close();
    }
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
    server = await startConfigured(read('compose/nats/laptop.conf'), ENV);
    link = await connect(server, LOGIN);
    await ensureSystem(link, { system: 'troupe' });
    await ensureDataset(
      link,
      'photos',
      datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }),
    );
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
    expect(await lagOf(trigger)).toBe(3);
    const next = `$JS.API.CONSUMER.MSG.NEXT.${trigger.stream}.${trigger.consumer}`;
    const message = await link.connection.request(next, '1', {
      timeout: 5_000,
      noMux: true,
      reply: createInbox(),
    });
    expect(await lagOf(trigger)).toBe(3);
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
