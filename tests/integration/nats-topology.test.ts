import { expect, it } from 'vitest';
import {
  datasetExists,
  deleteDataset,
  ensureDataset,
  ensureStream,
  ensureSystem,
  INTAKE_CONSUMER,
  NatsUnreachable,
  NatsWorkSource,
  NoStream,
  namesOf,
  SharedCache,
  StorageTooSmall,
  StreamFull,
  streamState,
  TopologyMismatch,
} from '#nats';
import type { Delivery } from '#runtime';
import { bytes, connectTo, describeOnServers, smallDataset, until } from './nats-harness.ts';

await describeOnServers('the topology', (under) => {
  it('is made once and found as asked by everyone after', async () => {
    const link = await under.link();
    const system = under.newSystem();
    for (let round = 0; round < 2; round++) {
      await ensureSystem(link, { system });
      await ensureDataset(link, 'photos', smallDataset(system));
    }
    const names: string[] = [];
    for await (const name of link.manager.streams.names()) if (name.includes(system)) names.push(name);
    const upper = system.toUpperCase();
    for (const name of [`${upper}_INTAKE_photos`, `${upper}_WORK_photos_keeper`, `${upper}_EVENTS`]) {
      expect(await link.manager.streams.info(name)).toBeDefined();
    }
    expect(names).toContain(`OBJ_${system}-blobs-photos`);
    expect(names).toContain(`KV_${system}-heads`);
    expect(names).toContain(`KV_${system}-details-photos`);
  });

  it('is made once when two nodes make it at the same time', async () => {
    const [one, other] = await Promise.all([under.link(), under.link()]);
    const system = under.newSystem();
    await Promise.all([one, other].map((link) => ensureDataset(link, 'photos', smallDataset(system))));
    expect(await datasetExists(one, 'photos', system)).toBe(true);
  });

  it('refuses a stream with another configuration and names field, asked and found', async () => {
    const link = await under.link();
    const system = under.newSystem();
    await ensureDataset(link, 'photos', smallDataset(system, { workMaxMessages: 10 }));
    const error = await ensureDataset(link, 'photos', smallDataset(system, { workMaxMessages: 20 })).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(TopologyMismatch);
    expect(error).toMatchObject({ differences: [{ field: 'max_msgs', asked: 20, found: 10 }] });
  });

  it('changes a byte limit that is asked for, and leaves one alone that nobody asks for', async () => {
    const link = await under.link();
    const system = under.newSystem();
    const stream = `${system.toUpperCase()}_DEAD_photos`;
    const limit = async () => (await link.manager.streams.info(stream)).config.max_bytes;
    const { deadMaxBytes: _, ...others } = smallDataset(system);
    for (const bytes of [2 ** 20, 2 ** 22, 2 ** 21]) {
      await ensureDataset(link, 'photos', { ...others, deadMaxBytes: bytes });
      expect(await limit()).toBe(bytes);
    }
    await ensureDataset(link, 'photos', others);
    expect(await limit()).toBe(2 ** 21);
  });

  it('refuses a consumer with another configuration', async () => {
    const link = await under.link();
    const system = under.newSystem();
    await ensureDataset(link, 'photos', smallDataset(system, { ackWaitMs: 5_000 }));
    const again = ensureDataset(link, 'photos', smallDataset(system));
    await expect(again).rejects.toThrow(
      /consumer ingestor of .* \(ack_wait: asked 30000000000, found 5000000000\)/,
    );
  });

  it('raises the limit of messages in hand that an older program asked for, and leaves a higher one', async () => {
    const link = await under.link();
    const system = under.newSystem();
    const credits = async () => {
      const stream = namesOf(system).streams.intake('photos');
      return (await link.manager.consumers.info(stream, INTAKE_CONSUMER)).config.max_ack_pending;
    };
    await ensureDataset(link, 'photos', smallDataset(system, { maxAckPending: 1_024 }));
    await ensureDataset(link, 'photos', smallDataset(system, { maxAckPending: 25_600 }));
    expect(await credits()).toBe(25_600);
    await ensureDataset(link, 'photos', smallDataset(system, { maxAckPending: 1_024 }));
    expect(await credits()).toBe(25_600);
  });

  it('says which stream the server has no storage for', async () => {
    const link = await under.link();
    const system = under.newSystem();
    const asked = ensureDataset(link, 'photos', smallDataset(system, { intakeMaxBytes: 2 ** 50 }));
    await expect(asked).rejects.toThrow(StorageTooSmall);
  });

  it('goes without the shared cache where the server has no room for that, and looks there in vain', async () => {
    const link = await under.link();
    const system = under.newSystem();
    await ensureSystem(link, { system, cacheMaxBytes: 2 ** 50 });
    const cache = new SharedCache(link, namesOf(system).records.cache);
    expect(await cache.put('group/name', Uint8Array.of(1))).toBe(false);
    expect(await cache.get('group/name')).toBeUndefined();
    await cache.delete('group/name');
    await cache.deleteNamed('name');
    expect(await cache.clear()).toBe(0);
    expect(await cache.standing()).toEqual({ entries: 0, bytes: 0, maxBytes: 0, groups: new Map() });
    const other = ensureSystem(link, { system: under.newSystem(), eventsMaxBytes: 2 ** 50 });
    await expect(other).rejects.toThrow(StorageTooSmall);
  });

  it('has streams of a pipeline of your own: one keeps all, one forgets what was acknowledged; neither drops', async () => {
    const link = await under.link();
    const name = under.newSystem();
    const queue = {
      name: `${name}_IN`,
      subjects: [`${name}.in`],
      keep: 'until-acked',
      maxBytes: 4_096,
    } as const;
    const log = { name: `${name}_OUT`, subjects: [`${name}.out.>`], keep: 'all', maxBytes: 4_096 } as const;
    for (const stream of [queue, log, queue]) await ensureStream(link, stream);
    const data = new Uint8Array(2_000);
    for (const subject of [`${name}.in`, `${name}.out.a`]) {
      const stored = await link.publisher.publish({ subject, data, id: subject });
      expect(stored).toMatchObject({ sequence: 1, duplicate: false });
      const again = await link.publisher.publish({ subject, data, id: subject });
      expect(again).toMatchObject({ sequence: 1, duplicate: true });
      const full = link.publisher.publishWith({ subject, data: new Uint8Array(4_000) }, { whenFull: 'fail' });
      await expect(full).rejects.toThrow(StreamFull);
    }
    const source = new NatsWorkSource(link, {
      stream: queue.name,
      consumer: 'worker',
      subject: `${name}.in`,
    });
    const { promise, resolve } = Promise.withResolvers<Delivery | undefined>();
    const subscription = await source.subscribe({
      maxBatch: 1,
      prefetch: 1,
      deliver: ([delivery]) => resolve(delivery),
      failed: () => resolve(undefined),
    });
    subscription.demand();
    (await promise)?.ack();
    await until(
      'the queue has forgotten it',
      async () => (await streamState(link, queue.name)).messages === 0,
    );
    await subscription.close();
    expect((await streamState(link, log.name)).messages).toBe(1);
    await expect(ensureStream(link, { ...log, keep: 'until-acked' })).rejects.toThrow(TopologyMismatch);
  });

  it('goes with its dataset, and publishers are told that there is no such stream', async () => {
    const link = await under.link();
    const system = under.newSystem();
    await ensureDataset(link, 'photos', smallDataset(system));
    await ensureDataset(link, 'photos-2', smallDataset(system));
    const subject = namesOf(system).subjects.intake('photos');
    await link.publisher.publish({ subject, data: bytes('x') });
    await deleteDataset(link, 'photos', system);
    await expect(link.publisher.publish({ subject, data: bytes('y') })).rejects.toThrow(NoStream);
    expect(await datasetExists(link, 'photos', system)).toBe(false);
    expect(await datasetExists(link, 'photos-2', system)).toBe(true);
    await deleteDataset(link, 'photos', system);
  });
});

await describeOnServers(
  'a first connect',
  (under) => {
    it('that finds no server names the server and a remedy', async () => {
      const refused = connectTo(under.server, { servers: 'nats://127.0.0.1:1' });
      await expect(refused).rejects.toThrow(NatsUnreachable);
      await expect(connectTo(under.server, { servers: 'nats://127.0.0.1:1' })).rejects.toThrow(
        /127\.0\.0\.1:1.*NATS_URL/,
      );
    });

    it('with the wrong token says that the credentials were refused', async () => {
      await expect(connectTo(under.server, { token: 'wrong' })).rejects.toThrow(/credentials/);
    });
  },
  ['newest'],
);
