import { AckPolicy } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import {
  eachMessage,
  ensureDataset,
  NoStream,
  namesOf,
  PublishRefused,
  StreamFull,
  streamState,
} from '#nats';
import { bytes, collect, describeOnServers, smallDataset, text, until } from './nats-harness.ts';

await describeOnServers('the publisher', (under) => {
  async function dataset(workMaxMessages = 2_000) {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureDataset(link, 'photos', smallDataset(names.system, { workMaxMessages }));
    const work = (stage: string) => ({
      subject: names.subjects.work('photos', stage),
      stream: names.streams.work('photos', stage),
    });
    return { link, names, work };
  }

  it('stores each id once and keeps headers', async () => {
    const { link, names, work } = await dataset();
    const { subject, stream } = work('dedup');
    const message = { subject, data: bytes('body'), id: 'one', headers: { traceparent: 'abc' } };
    expect(await link.publisher.publish(message)).toEqual({ stream, sequence: 1, duplicate: false });
    expect(await link.publisher.publish(message)).toEqual({ stream, sequence: 1, duplicate: true });
    const [stored] = await collect(eachMessage(link, names.streams.work('photos', 'dedup')));
    expect(text(stored?.data)).toBe('body');
    expect(stored?.headers()).toEqual({ 'Nats-Msg-Id': 'one', traceparent: 'abc' });
  });

  it('keeps the order of thousands in flight', async () => {
    const { link, work } = await dataset(10_000);
    const { subject, stream } = work('dedup');
    const receipts = await Promise.all(
      Array.from({ length: 5_000 }, (_, index) =>
        link.publisher.publish({ subject, data: bytes(`${index}`) }),
      ),
    );
    expect(receipts.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 5_000 }, (_, index) => index + 1),
    );
    expect((await streamState(link, stream)).messages).toBe(5_000);
  });

  it('waits while a stream is full, lets others pass, and goes on when there is room', async () => {
    const { link, work } = await dataset(10);
    const full = work('dedup');
    const other = work('scorer');
    let stored = 0;
    const publishing = Array.from({ length: 700 }, (_, index) =>
      link.publisher.publish({ subject: full.subject, data: bytes(`${index}`) }).then(() => stored++),
    );
    await until('it is full', async () => (await streamState(link, full.stream)).messages === 10);
    // More wait for the full stream than the window holds: the other stream must not notice.
    for (let index = 0; index < 5; index++) {
      await link.publisher.publish({ subject: other.subject, data: bytes('x') });
    }
    expect(stored).toBe(10);
    await until('all are stored', async () => {
      await link.manager.streams.purge(full.stream);
      return stored === 700;
    });
    await Promise.all(publishing);
    expect((await streamState(link, full.stream)).lastSequence).toBe(700);
  });

  it('ends a wait for room when the caller gives up, and does not store the message later', async () => {
    const { link, work } = await dataset(1);
    const { subject, stream } = work('dedup');
    await link.publisher.publish({ subject, data: bytes('first') });
    const giveUp = new AbortController();
    const waiting = link.publisher.publish({ subject, data: bytes('second') }, giveUp.signal);
    // Refused after it, so the second one has been refused and waits: it is not on its way any more.
    const probe = link.publisher.publishWith({ subject, data: bytes('probe') }, { whenFull: 'fail' });
    await expect(probe).rejects.toThrow(StreamFull);
    const third = link.publisher.publish({ subject, data: bytes('third') });
    giveUp.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await link.manager.streams.purge(stream);
    await third;
    expect((await collect(eachMessage(link, stream))).map(({ data }) => text(data))).toEqual(['third']);
  });

  it('says that there is no stream for an unknown dataset', async () => {
    const { link, names } = await dataset();
    const refused = link.publisher.publish({ subject: names.subjects.intake('nowhere'), data: bytes('x') });
    await expect(refused).rejects.toThrow(NoStream);
  });

  it('reports a message larger than the server takes', async () => {
    const { link, work } = await dataset();
    const data = new Uint8Array((link.connection.info?.max_payload ?? 0) + 1);
    await expect(link.publisher.publish({ subject: work('dedup').subject, data })).rejects.toThrow(
      PublishRefused,
    );
    const receipt = await link.publisher.publish({ subject: work('dedup').subject, data: bytes('fits') });
    expect(receipt.sequence).toBe(1);
  });

  it('reads work queues without a consumer, over gaps and past the end', async () => {
    const { link, work } = await dataset();
    const { subject, stream } = work('dedup');
    for (let index = 1; index <= 300; index++) {
      await link.publisher.publish({ subject, data: bytes(`${index}`) });
    }
    const expected: number[] = [];
    for (let index = 1; index <= 300; index++) {
      if (index < 100 || index > 250 || index % 7 === 0) expected.push(index);
      else await link.manager.streams.deleteMessage(stream, index);
    }
    const read = await collect(eachMessage(link, stream));
    expect(read.map(({ sequence }) => sequence)).toEqual(expected);
    expect(read.map(({ data }) => Number(text(data)))).toEqual(expected);
    const tail = await collect(eachMessage(link, stream, { fromSequence: 299, subject }));
    expect(tail.map(({ sequence }) => sequence)).toEqual([299, 300]);
    expect(await collect(eachMessage(link, stream, { fromSequence: 301 }))).toEqual([]);
    const { config } = await link.manager.consumers.info(stream, 'dedup');
    expect(config.ack_policy).toBe(AckPolicy.Explicit);
  });
});
