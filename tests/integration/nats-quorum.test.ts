// What a client makes of a cluster that lacks servers: one that hangs is left, and one that lacks most says so.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureStream, NatsLink, NoQuorum, noQuorum, streamState } from '#nats';
import { silentLogger } from '#runtime';
import { NatsCluster } from '../support/chaos/nats-cluster.ts';
import { availableServerVersions } from '../support/nats-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { bytes } from './nats-harness.ts';

const DEADLINE_MS = 40_000;

describe.each(await availableServerVersions())('a client of three servers $version', ({ label }) => {
  let cluster: NatsCluster;

  beforeAll(async () => {
    cluster = await NatsCluster.start({ servers: 3, version: label });
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const connect = () =>
    NatsLink.connect({
      servers: cluster.url,
      token: cluster.token,
      name: 'test',
      log: silentLogger,
      reconnectWaitMs: 50,
      pingMs: 300,
      patienceMs: 1_000,
    });
  const hostOf = (index: number) => new URL(cluster.server(index).url).host;

  it('leaves a server that hangs for another one, and what it publishes is stored once', async () => {
    const link = await connect();
    await ensureStream(link, { name: 'WORK', subjects: ['work.>'], keep: 'all', replicas: 3, maxBytes: 1e6 });
    await link.publisher.publish({ subject: 'work.a', data: bytes('before'), id: 'a' });
    const hanging = [0, 1, 2].findIndex((index) => hostOf(index) === link.connection.getServer());
    await cluster.freeze(hanging);
    const { sequence } = await link.publisher.publish({ subject: 'work.b', data: bytes('during'), id: 'b' });
    expect(sequence).toBe(2);
    expect(link.connection.getServer()).not.toBe(hostOf(hanging));
    expect((await noQuorum(link)).message).toContain(`of those servers ${hostOf(hanging)} does not answer`);
    cluster.thaw(hanging);
    await waitUntil(
      async () => {
        const { cluster: peers, state } = await link.manager.streams.info('WORK');
        return state.messages === 2 && peers?.replicas?.every(({ current }) => current) === true;
      },
      { deadlineMs: DEADLINE_MS, what: 'all copies are up to date' },
    );
    await link.close();
  });

  it('is told that the cluster has no leader, and which servers do not answer, while two of them are gone', async () => {
    await Promise.all([0, 1].map((index) => cluster.kill(index)));
    // The one that is left may lead for some seconds before it knows.
    let refused: unknown;
    await waitUntil(
      async () => {
        refused = await connect().then(
          (link) => link.close(),
          (error: unknown) => error,
        );
        return refused !== undefined;
      },
      { deadlineMs: DEADLINE_MS, what: 'nobody leads' },
    );
    expect(refused).toBeInstanceOf(NoQuorum);
    expect(String(refused)).toContain(`of those servers ${hostOf(0)} and ${hostOf(1)} do not answer`);
    await cluster.restartAll([0, 1]);
    const link = await cluster.link();
    expect(await streamState(link, 'WORK')).toMatchObject({ messages: 2, lastSequence: 2 });
    await link.close();
  });
});
