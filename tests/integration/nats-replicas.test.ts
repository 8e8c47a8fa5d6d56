// How many copies a system has: asked for, found, raised, never lowered; and what a server says that cannot.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensureDataset,
  ensureSystem,
  type NatsLink,
  ReplicasRefused,
  streamHealth,
  systemReplicas,
} from '#nats';
import { NatsCluster } from '../support/chaos/nats-cluster.ts';
import { availableServerVersions } from '../support/nats-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { describeOnServers, smallDataset } from './nats-harness.ts';

describe.each(await availableServerVersions())(
  'in a cluster of three, on nats-server $version',
  ({ label }) => {
    let cluster: NatsCluster;
    let link: NatsLink;

    beforeAll(async () => {
      cluster = await NatsCluster.start({ servers: 3, version: label });
      link = await cluster.link();
    });

    afterAll(async () => {
      await link?.close();
      await cluster?.[Symbol.asyncDispose]();
    });

    async function copies(system: string): Promise<ReadonlySet<number>> {
      return new Set((await streamHealth(link, system)).map(({ replicas }) => replicas));
    }

    async function consumerCopies(stream: string): Promise<number> {
      return 1 + ((await link.manager.consumers.info(stream, 'ingestor')).cluster?.replicas?.length ?? 0);
    }

    it('every stream, bucket and consumer has the copies that were asked for, and who asks for none goes on with them', async () => {
      await ensureSystem(link, { system: 'three', replicas: 3 });
      await ensureDataset(link, 'photos', smallDataset('three'));
      expect(await systemReplicas(link, 'three')).toBe(3);
      expect(await copies('three')).toEqual(new Set([3]));
      expect(await consumerCopies('THREE_INTAKE_photos')).toBe(3);
      await ensureSystem(link, { system: 'three' });
    });

    it('a system that has fewer gets them, and its streams keep what they hold', async () => {
      await ensureSystem(link, { system: 'grows' });
      await ensureDataset(link, 'photos', smallDataset('grows'));
      expect(await copies('grows')).toEqual(new Set([1]));
      await link.publisher.publish({ subject: 'grows.intake.photos', data: new Uint8Array([1]), id: 'a' });
      await ensureSystem(link, { system: 'grows', replicas: 3 });
      await ensureDataset(link, 'photos', smallDataset('grows', { replicas: 3 }));
      await waitUntil(
        async () =>
          (await streamHealth(link, 'grows')).every(
            ({ led, behind, replicas }) => led && behind.length === 0 && replicas === 3,
          ),
        { deadlineMs: 40_000, what: 'the copies are up to date' },
      );
      const intake = (await streamHealth(link, 'grows')).find(
        ({ stream }) => stream === 'GROWS_INTAKE_photos',
      );
      expect(intake?.messages).toBe(1);
      await waitUntil(async () => (await consumerCopies('GROWS_INTAKE_photos')) === 3, {
        deadlineMs: 40_000,
        what: 'the consumer has as many',
      });
    });

    it('copies are never taken away by themselves: who asks for fewer is told so', async () => {
      await ensureSystem(link, { system: 'keeps', replicas: 3 });
      const fewer = ensureSystem(link, { system: 'keeps', replicas: 1 });
      await expect(fewer).rejects.toThrow(ReplicasRefused);
      await expect(fewer).rejects.toThrow(/KEEPS_EVENTS has 3 replicas and storage.replicas asks for 1/);
      expect(await copies('keeps')).toEqual(new Set([3]));
    });
  },
);

await describeOnServers('a server in no cluster', (under) => {
  it('refuses three copies, and the error names what it takes', async () => {
    const link = await under.link();
    const system = under.newSystem();
    const asked = ensureSystem(link, { system, replicas: 3 });
    await expect(asked).rejects.toThrow(ReplicasRefused);
    await expect(asked).rejects.toThrow(/cannot have 3 replicas.*cluster of at least 3 servers/);
    await ensureSystem(link, { system });
    await expect(ensureSystem(link, { system, replicas: 3 })).rejects.toThrow(ReplicasRefused);
    await ensureSystem(link, { system, replicas: 1 });
  });
});
