// Sites where others manage the streams: everything is looked at, nothing is made or changed, and what is wrong is named.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureDataset, ensureSystem, plannedStreams, StreamsNotAsExpected } from '#nats';
import { runCommand } from '../support/command-run.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { TroupeNode } from '../support/troupe-node.ts';
import { connectTo, describeOnServers, smallDataset } from './nats-harness.ts';

await describeOnServers('streams that others manage', (under) => {
  const given = () => {
    const system = under.newSystem();
    return { system, dataset: smallDataset(system, { provision: false }) };
  };

  it('are all named with what was expected when they are missing, and none is made', async () => {
    const link = await under.link();
    const { system, dataset } = given();
    const failure = await ensureSystem(link, { system, provision: false }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StreamsNotAsExpected);
    expect((failure as StreamsNotAsExpected).problems).toHaveLength(
      plannedStreams({ system }, [], dataset).length,
    );
    expect(String(failure)).toContain(
      `stream ${system.toUpperCase()}_EVENTS is missing; expected {"num_replicas":1`,
    );
    await expect(ensureDataset(link, 'photos', dataset)).rejects.toThrow(StreamsNotAsExpected);
    for await (const name of link.manager.streams.names()) expect(name.toLowerCase()).not.toContain(system);
  });

  it('are taken as they are once they are as planned', async () => {
    const link = await under.link();
    const { system, dataset } = given();
    for (const stream of plannedStreams({ system }, ['photos'], dataset))
      await link.manager.streams.add(stream);
    await ensureSystem(link, { system, provision: false });
    await ensureDataset(link, 'photos', dataset);
  });

  it('are refused with field, asked and found when they differ, and stay as they are', async () => {
    const link = await under.link();
    const { system, dataset } = given();
    const name = `${system.toUpperCase()}_OUTCOME_photos`;
    for (const stream of plannedStreams({ system }, ['photos'], dataset)) {
      await link.manager.streams.add(stream.name === name ? { ...stream, max_age: 300_000_000_000 } : stream);
    }
    await expect(ensureDataset(link, 'photos', { ...dataset, outcomeMaxBytes: 1_048_576 })).rejects.toThrow(
      new RegExp(`${name} is not as asked \\(.*max_age: asked \\d+, found 300000000000`),
    );
    const { config } = await link.manager.streams.info(name);
    expect(config).toMatchObject({ max_age: 300_000_000_000, max_bytes: dataset.outcomeMaxBytes });
  });
});

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

it('lets no node start on streams that are missing, and lets it start once they are there', async () => {
  const config = { version: 1, datasets: { photos: {} }, node: { name: 'one' } };
  await using refused = await TroupeNode.start({ server, args: ['--no-provision'], config });
  expect((await refused.ended()).code).toBe(2);
  expect(refused.failure).toMatchObject({ error: 'streams_differ' });
  const target = { url: server.url, token: server.token, system: 'troupe' };
  const { stdout } = await runCommand(target, ['config', 'streams', 'photos']);
  const link = await connectTo(server);
  for (const stream of JSON.parse(stdout)) await link.manager.streams.add(stream);
  await link.close();
  await using node = await TroupeNode.up({ server, args: ['--no-provision'], config });
  expect(node.told).toMatchObject({ node: 'one', datasets: ['photos'] });
});
