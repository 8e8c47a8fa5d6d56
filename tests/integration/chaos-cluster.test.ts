// The chaos harness's servers: a cluster of three real nats-servers, whose members are killed and started again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureStream } from '#nats';
import { inspectProcess } from '../../nats/server/index.ts';
import { NatsCluster } from '../support/chaos/nats-cluster.ts';
import { availableServerVersions } from '../support/nats-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { bytes } from './nats-harness.ts';

describe.each(await availableServerVersions())('a cluster of three, on nats-server $version', ({ label }) => {
  let cluster: NatsCluster;

  beforeAll(async () => {
    cluster = await NatsCluster.start({ servers: 3, version: label });
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('keeps three copies, elects another leader when the one it had is killed, and takes that back', async () => {
    const link = await cluster.link();
    await ensureStream(link, { name: 'WORK', subjects: ['work.>'], keep: 'all', replicas: 3, maxBytes: 1e6 });
    await link.publisher.publish({ subject: 'work.a', data: bytes('before'), id: 'a' });
    const first = (await cluster.leaderOf('WORK')) ?? -1;
    const { pid } = cluster.server(first);
    await cluster.kill(first);
    expect(cluster.isUp(first)).toBe(false);
    expect(await inspectProcess(pid)).toBeUndefined();
    const { sequence } = await link.publisher.publish({ subject: 'work.b', data: bytes('during'), id: 'b' });
    expect(sequence).toBe(2);
    const second = (await cluster.leaderOf('WORK')) ?? -1;
    expect(second).not.toBe(first);
    const url = cluster.server(first).url;
    await cluster.restart(first);
    expect(cluster.server(first).url).toBe(url);
    await waitUntil(
      async () => {
        const { cluster: peers, state } = await link.manager.streams.info('WORK');
        return state.messages === 2 && peers?.replicas?.every(({ current }) => current) === true;
      },
      { deadlineMs: 30_000, what: 'the member that was killed has caught up' },
    );
    await link.close();
  });

  it('ends every server that it started', async () => {
    const pids = cluster.servers.map(({ pid }) => pid);
    await cluster[Symbol.asyncDispose]();
    for (const pid of pids) expect(await inspectProcess(pid)).toBeUndefined();
  });
});
