// Nodes as NATS services, asked by the raw protocol of ADR-32 as `nats micro ls|info|stats|ping` asks: what comes back has
// the types and fields that tools expect, one answer from each process.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type NatsLink, serveNode, statsOf } from '#nats';
import { TroupeSystem } from '../support/troupe-system.ts';
import { bytes, describeOnServers, text, until } from './nats-harness.ts';

const identity = {
  name: z.string().regex(/^[a-zA-Z0-9_-]+$/),
  id: z.string().regex(/^[^\s.*>]+$/),
  version: z.string().regex(/^\d+\.\d+\.\d+/),
  metadata: z.record(z.string(), z.string()),
};
const described = {
  name: z.string().regex(/^[a-zA-Z0-9_-]+$/),
  subject: z.string(),
  queue_group: z.string(),
};
const pingSchema = z.strictObject({ type: z.literal('io.nats.micro.v1.ping_response'), ...identity });
const infoSchema = z.strictObject({
  type: z.literal('io.nats.micro.v1.info_response'),
  ...identity,
  description: z.string(),
  endpoints: z.array(z.strictObject({ ...described, metadata: z.record(z.string(), z.string()) })),
});
const statsSchema = z.strictObject({
  type: z.literal('io.nats.micro.v1.stats_response'),
  ...identity,
  started: z.iso.datetime(),
  endpoints: z.array(
    z.strictObject({
      ...described,
      num_requests: z.int().nonnegative(),
      num_errors: z.int().nonnegative(),
      last_error: z.string(),
      processing_time: z.int().nonnegative(),
      average_processing_time: z.int().nonnegative(),
      data: z.unknown().optional(),
    }),
  ),
});

/** Every answer to a request, by id, once `count` have come. */
async function ask<T extends { readonly id: string }>(
  { connection }: NatsLink,
  subject: string,
  schema: z.ZodType<T>,
  count: number,
): Promise<readonly T[]> {
  const answers: T[] = [];
  for await (const reply of await connection.requestMany(subject, '', {
    strategy: 'timer',
    maxWait: 10_000,
  })) {
    answers.push(schema.parse(reply.json()));
    if (answers.length === count) break;
  }
  return answers.sort((one, other) => (one.id < other.id ? -1 : 1));
}

await describeOnServers('nodes as NATS services', (under) => {
  async function nodes() {
    const service = `${under.newSystem()}-node`;
    for (const id of ['p1', 'p2', 'p3']) {
      const link = await under.link();
      serveNode(link, {
        name: service,
        id,
        version: '1.2.3',
        description: 'a node',
        metadata: { node: 'same-name' },
        statsData: () => ({ of: id }),
        endpoints: [
          {
            name: 'work',
            subject: `${service}.${id}.work`,
            handle: async (data) => {
              if (text(data) === 'bad') throw new RangeError('no such thing');
              return data;
            },
          },
        ],
      });
      await link.flush();
    }
    return { client: await under.link(), service };
  }

  it('answer PING for all services, for their own, and one by its id', async () => {
    const { client, service } = await nodes();
    const everyone = await ask(client, '$SRV.PING', pingSchema, 3);
    expect(everyone.map(({ id }) => id)).toEqual(['p1', 'p2', 'p3']);
    expect(await ask(client, `$SRV.PING.${service}`, pingSchema, 3)).toEqual(everyone);
    expect(await ask(client, `$SRV.PING.${service}.p2`, pingSchema, 1)).toEqual([
      {
        type: 'io.nats.micro.v1.ping_response',
        name: service,
        id: 'p2',
        version: '1.2.3',
        metadata: { node: 'same-name' },
      },
    ]);
  });

  it('describe in INFO what they answer at, and answer there', async () => {
    const { client, service } = await nodes();
    expect(await ask(client, `$SRV.INFO.${service}`, infoSchema, 3)).toHaveLength(3);
    const [info] = await ask(client, `$SRV.INFO.${service}.p1`, infoSchema, 1);
    expect(info).toMatchObject({ id: 'p1', description: 'a node' });
    expect(info?.endpoints.map(({ name, subject }) => `${name} ${subject}`)).toEqual([
      `stats ${service}.p1.stats`,
      `work ${service}.p1.work`,
    ]);
    for (const { subject } of info?.endpoints ?? []) await client.request(subject, bytes('x'), 5_000);
  });

  it('count in STATS the requests and failures of each endpoint, and the time that they took', async () => {
    const { client, service } = await nodes();
    const stats = async () =>
      (await ask(client, `$SRV.STATS.${service}.p1`, statsSchema, 1))[0]?.endpoints ?? [];
    const [before] = await stats();
    expect(before).toMatchObject({ name: 'stats', num_requests: 0, processing_time: 0, data: { of: 'p1' } });
    for (let request = 0; request < 20; request += 1) {
      await client.request(`${service}.p1.work`, bytes('good'), 5_000);
    }
    await client.request(`${service}.p1.work`, bytes('bad'), 5_000).catch(() => undefined);
    await client.request(`${service}.p1.stats`, bytes(''), 5_000);
    const [own, work] = await stats();
    expect(own).toMatchObject({ num_requests: 1, num_errors: 0, last_error: '' });
    expect(work).toMatchObject({ num_requests: 21, num_errors: 1, last_error: 'RangeError: no such thing' });
    expect(work?.processing_time).toBeGreaterThan(0);
    expect(work?.average_processing_time).toBe(Math.round((work?.processing_time ?? 0) / 21));
    const others = await ask(client, `$SRV.STATS.${service}`, statsSchema, 3);
    expect(others.map(({ endpoints }) => endpoints[1]?.num_requests)).toEqual([21, 0, 0]);
    const read = await statsOf(client, service, 10_000, 3);
    expect(read.map(({ data }) => data)).toEqual([{ of: 'p1' }, { of: 'p2' }, { of: 'p3' }]);
  });
});

it('a node that is started again under its name has another id, and its endpoints count what commands ask', async () => {
  await using system = await TroupeSystem.up();
  const look = async () => {
    const { link, names } = await system.connect();
    const [stats] = await ask(link, `$SRV.STATS.${names.service}`, statsSchema, 1);
    return stats;
  };
  const first = await look();
  const requests = (stats: Awaited<ReturnType<typeof look>>) =>
    stats?.endpoints.find(({ name }) => name === 'datasets')?.num_requests;
  expect(first?.name).toBe('troupe-node');
  expect(requests(first)).toBe(0);
  expect((await system.command('dataset', 'create', 'more')).code).toBe(0);
  await until('the request was counted', async () => requests(await look()) === 1);
  await system.kill();
  await system.start();
  const second = await look();
  expect(second?.metadata).toEqual(first?.metadata);
  expect(second?.id).not.toBe(first?.id);
});
