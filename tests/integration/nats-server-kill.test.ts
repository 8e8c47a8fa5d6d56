import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  eachMessage,
  ensureDataset,
  NatsBlobs,
  NatsJournal,
  type NatsLink,
  NatsWorkSource,
  namesOf,
  streamState,
} from '#nats';
import {
  bytes,
  collect,
  describeOnServers,
  killAndRestart,
  type ServerUnderTest,
  smallDataset,
  text,
  until,
} from './nats-harness.ts';

await describeOnServers('when the server is killed and comes back', (under) => {
  async function dataset() {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureDataset(link, 'photos', smallDataset(names.system, { workMaxMessages: 100_000 }));
    return { link, names };
  }

  it('no publish is lost or doubled, and each resolves', async () => {
    const { link, names } = await dataset();
    const subject = names.subjects.work('photos', 'dedup');
    const stream = names.streams.work('photos', 'dedup');
    const total = 6_000;
    let stored = 0;
    const publishing = Promise.all(
      Array.from({ length: total }, async (_, index) => {
        const receipt = await link.publisher.publish({ subject, data: bytes(`${index}`), id: `p${index}` });
        stored++;
        return receipt;
      }),
    );
    await killWhile(under, [() => stored > 500, () => stored > 3_000]);
    await publishing;
    const found = (await collect(eachMessage(link, stream))).map(({ data }) => Number(text(data)));
    expect(found).toHaveLength(total);
    expect(new Set(found).size).toBe(total);
  });

  it('every append lands once, in order, without a new owner', async () => {
    const { link, names } = await dataset();
    const options = {
      stream: names.streams.journal('photos'),
      subject: names.subjects.journal('photos', 'keeper', 0),
    };
    const journal = new NatsJournal(link, options);
    await journal.own();
    let appended = 0;
    const appending = (async () => {
      for (; appended < 600; appended++) await journal.append([appended, 'x'.repeat(1_000)]);
      return journal.append(['last']);
    })();
    await killWhile(under, [() => appended > 50, () => appended > 200, () => appended > 400]);
    const last = await appending;
    const frames = await collect(journal.replay(0, last));
    expect(frames.flatMap(({ events }) => events[0] ?? [])).toEqual([
      ...Array.from({ length: 600 }, (_, index) => index),
      'last',
    ]);
    const successor = new NatsJournal(await under.link(), options);
    expect((await successor.own()).epoch).toBe(2);
  });

  it('a replay which was under way goes on where it was', async () => {
    const { link, names } = await dataset();
    const options = {
      stream: names.streams.journal('photos'),
      subject: names.subjects.journal('photos', 'keeper', 0),
    };
    const journal = new NatsJournal(link, options);
    await journal.own();
    let last = 0;
    for (let index = 0; index < 1_500; index++) last = await journal.append([index]);
    const replayed: unknown[] = [];
    for await (const { events } of journal.replay(1, last)) {
      replayed.push(...events);
      if (replayed.length === 700) await killAndRestart(under.server);
    }
    expect(replayed).toEqual(Array.from({ length: 1_500 }, (_, index) => index));
  });

  it('objects which were being stored are whole', async () => {
    const { link, names } = await dataset();
    const blobs = new NatsBlobs(link, names.objects.blobs('photos'));
    const bodies = Array.from({ length: 6 }, () => new Uint8Array(randomBytes(6_000_000)));
    let stored = 0;
    const storing = (async () => {
      for (const [index, body] of bodies.entries()) {
        await blobs.put(`b${index}`, body);
        stored++;
      }
    })();
    await killWhile(under, [() => stored > 0, () => stored > 2]);
    await storing;
    for (const [index, body] of bodies.entries()) {
      expect(Buffer.compare((await blobs.get(`b${index}`)) ?? bytes(''), body)).toBe(0);
    }
  });

  it('each message through a stage has one effect, though workers die too', async () => {
    const { link, names } = await dataset();
    const total = 3_000;
    const inSubject = names.subjects.work('photos', 'dedup');
    const outSubject = names.subjects.work('photos', 'scorer');
    const stream = names.streams.work('photos', 'dedup');
    await Promise.all(
      Array.from({ length: total }, (_, index) =>
        link.publisher.publish({ subject: inSubject, data: bytes(`${index}`), id: `in${index}` }),
      ),
    );
    const ackWaitMs = 1_000;
    await link.manager.consumers.update(stream, 'dedup', { ack_wait: ackWaitMs * 1e6 });
    let moved = 0;
    const work = async (over: NatsLink) => {
      const source = new NatsWorkSource(over, { stream, consumer: 'dedup', subject: inSubject, ackWaitMs });
      const subscription = await source.subscribe({
        maxBatch: 50,
        prefetch: 100,
        deliver(batch) {
          for (const delivery of batch) {
            const id = `out${delivery.sequence}`;
            over.publisher.publish({ subject: outSubject, data: delivery.data, id }).then(
              () => {
                delivery.ack();
                moved++;
              },
              () => {}, // this worker was killed: the message is delivered to another
            );
          }
          subscription.demand();
        },
        failed: () => {},
      });
      subscription.demand();
    };
    const dying = await under.link();
    await Promise.all([work(link), work(dying)]);
    await until('it works', () => moved > 200);
    await dying.close();
    await work(await under.link());
    await killWhile(under, [() => moved > 800, () => moved > 1_800]);
    await until('the queue is empty', async () => (await stateOf(link, stream))?.messages === 0, 30_000);
    const effects = await collect(eachMessage(link, names.streams.work('photos', 'scorer')));
    const found = effects.map(({ data }) => Number(text(data)));
    expect(found).toHaveLength(total);
    expect(new Set(found).size).toBe(total);
  });
});

/** Kills the server each time the next condition holds, and starts it again. */
async function killWhile(under: ServerUnderTest, conditions: readonly (() => boolean)[]): Promise<void> {
  for (const condition of conditions) {
    await until('there is something to interrupt', condition);
    await killAndRestart(under.server);
  }
}

/** The state of a stream; `undefined` while the server is away. */
async function stateOf(link: NatsLink, stream: string) {
  return streamState(link, stream).catch(() => undefined);
}
