import { expect, it } from 'vitest';
import {
  ConsumerTaken,
  consumerStates,
  ensureDataset,
  type NatsLink,
  NatsWorkSource,
  namesOf,
  streamState,
  WorkSourceFailed,
} from '#nats';
import type { Delivery, WorkSubscription } from '#runtime';
import { bytes, describeOnServers, smallDataset, text, until } from './nats-harness.ts';

await describeOnServers('a work source', (under) => {
  async function queue(ackWaitMs = 30_000) {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    const options = smallDataset(names.system, { ackWaitMs });
    await ensureDataset(link, 'photos', options);
    const subject = names.subjects.work('photos', 'dedup');
    const stream = names.streams.work('photos', 'dedup');
    const publish = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, index) =>
          link.publisher.publish({ subject, data: bytes(String(from + index)), id: `m${from + index}` }),
        ),
      );
    return {
      link,
      stream,
      publish,
      names,
      source: (over: NatsLink, extra: { ownedBy?: number; consumer?: string } = {}) =>
        new NatsWorkSource(over, { stream, consumer: 'dedup', subject, ackWaitMs, ...extra }),
    };
  }

  /** Collects batches; `demand` asks once more after each when `eager`. */
  async function worker(
    source: NatsWorkSource,
    options: {
      prefetch?: number;
      maxBatch?: number;
      gatherMs?: number;
      eager?: boolean;
      handle?: (delivery: Delivery) => void;
    },
  ) {
    const batches: (readonly Delivery[])[] = [];
    const errors: Error[] = [];
    const subscription: WorkSubscription = await source.subscribe({
      maxBatch: options.maxBatch ?? 10,
      prefetch: options.prefetch ?? 20,
      gatherMs: options.gatherMs ?? 0,
      deliver(batch) {
        batches.push(batch);
        for (const delivery of batch) options.handle?.(delivery);
        if (options.eager === true) subscription.demand();
      },
      failed: (error) => errors.push(error),
    });
    return {
      batches,
      errors,
      subscription,
      seen: () => batches.flat().map((delivery) => text(delivery.data)),
    };
  }

  it('gives what comes alone at once, and then waits for a full batch where it is to gather', async () => {
    const { link, publish, source } = await queue();
    const { batches, subscription } = await worker(source(link), { gatherMs: 600_000 });
    subscription.demand();
    await publish(0, 1);
    await until('the first one', () => batches.length === 1);
    subscription.demand();
    await publish(1, 6);
    await link.flush();
    expect(batches).toHaveLength(1);
    await publish(6, 11);
    await until('a full batch', () => batches.length === 2);
    expect(batches.map(({ length }) => length)).toEqual([1, 10]);
    await subscription.close();
  });

  it('gathers no longer than it is told', async () => {
    const { link, publish, source } = await queue();
    const { subscription, seen } = await worker(source(link), { gatherMs: 20, eager: true });
    subscription.demand();
    for (let at = 0; at < 5; at++) await publish(at, at + 1);
    await until('all of them', () => seen().length === 5);
    expect(seen()).toEqual(['0', '1', '2', '3', '4']);
    await subscription.close();
  });

  it('gives one batch for each demand, of at most maxBatch, in order', async () => {
    const { link, publish, source, stream } = await queue();
    await publish(0, 25);
    const { batches, subscription, seen } = await worker(source(link), {});
    await until('prefetched', async () => (await consumerStates(link, stream))[0]?.ackPending === 20);
    await link.flush(); // what the server has sent before is here by now
    expect(batches).toEqual([]);
    subscription.demand();
    await until('the first batch', () => batches.length === 1);
    expect(batches[0]).toHaveLength(10);
    subscription.demand();
    subscription.demand();
    await until('the second batch', () => batches.length === 2);
    expect(seen()).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
    // All 20 are still in hand: nothing more is pulled until some are settled.
    expect((await consumerStates(link, stream))[0]).toMatchObject({ ackPending: 20, unprocessed: 5 });
    for (const delivery of batches[0] ?? []) delivery.ack();
    await until('the third batch', () => batches.length === 3);
    const [first] = batches[0] ?? [];
    expect(first).toMatchObject({ sequence: 1, deliveries: 1 });
    expect(Math.abs((first?.storedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await subscription.close();
  });

  it('shares a queue between processes, each item to one of them', async () => {
    const { link, publish, source, stream } = await queue();
    const ack = (delivery: Delivery) => delivery.ack();
    const one = await worker(source(link), { eager: true, handle: ack });
    const two = await worker(source(await under.link()), { eager: true, handle: ack });
    one.subscription.demand();
    two.subscription.demand();
    await publish(0, 500);
    await until('all done', async () => (await streamState(link, stream)).messages === 0);
    const seen = [...one.seen(), ...two.seen()].map(Number).sort((a, b) => a - b);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(two.seen().length).toBeGreaterThan(0);
    await Promise.all([one.subscription.close(), two.subscription.close()]);
  });

  it('gives back at close what the actor did not get, at once', async () => {
    const { link, publish, source, stream } = await queue();
    await publish(0, 15);
    const first = await worker(source(link), { maxBatch: 5 });
    await until('prefetched', async () => (await consumerStates(link, stream))[0]?.ackPending === 15);
    await link.flush();
    first.subscription.demand();
    await until('the first batch', () => first.batches.length === 1);
    await first.subscription.close();
    for (const delivery of first.batches.flat()) delivery.ack();
    const second = await worker(source(await under.link()), { eager: true });
    second.subscription.demand();
    const rest = Array.from({ length: 15 }, (_, index) => String(index)).slice(first.seen().length);
    await until('the rest', () => second.seen().length === rest.length, 5_000);
    expect(second.seen()).toEqual(rest);
    await second.subscription.close();
  });

  it('keeps a message of a slow handler from being delivered again', async () => {
    const { link, publish, source, stream } = await queue(600);
    await publish(0, 3);
    const slow = await worker(source(link), { maxBatch: 1 });
    slow.subscription.demand();
    const idle = await worker(source(await under.link()), { eager: true });
    idle.subscription.demand();
    await until('one is in hand', () => slow.batches.length === 1);
    const started = performance.now();
    await until('four times ack_wait', () => performance.now() - started > 2_400);
    expect(idle.seen()).toEqual([]);
    expect((await consumerStates(link, stream))[0]).toMatchObject({ ackPending: 3, redelivered: 0 });
    slow.batches[0]?.[0]?.ack();
    await until('one settled', async () => (await streamState(link, stream)).messages === 2);
    await Promise.all([slow.subscription.close(), idle.subscription.close()]);
  });

  it('has the messages of a process which stopped delivered to another, counted', async () => {
    const { link, publish, source, stream } = await queue(500);
    await publish(0, 5);
    const dying = await under.link();
    const first = await worker(source(dying), { eager: true });
    first.subscription.demand();
    await until('they are in hand', () => first.seen().length === 5);
    await dying.close();
    await until('the actor is told', () => first.errors.length === 1);
    const second = await worker(source(link), { eager: true, handle: (delivery) => delivery.ack() });
    second.subscription.demand();
    await until('all done', async () => (await streamState(link, stream)).messages === 0);
    expect(second.batches.flat().map(({ deliveries }) => deliveries)).toEqual([2, 2, 2, 2, 2]);
    await second.subscription.close();
  });

  it('delivers again after the delay of a nak, and never after a term', async () => {
    const { link, publish, source, stream } = await queue();
    await publish(0, 2);
    let nakedAt = 0;
    let againAfter = 0;
    const { subscription, seen } = await worker(source(link), {
      eager: true,
      maxBatch: 1,
      handle(delivery) {
        if (text(delivery.data) === '1') delivery.term();
        else if (delivery.deliveries === 1) {
          nakedAt = performance.now();
          delivery.nak(300);
          delivery.ack(); // settled already: without effect
        } else {
          againAfter = performance.now() - nakedAt;
          delivery.ack();
        }
      },
    });
    subscription.demand();
    await until('all done', async () => (await streamState(link, stream)).messages === 0);
    expect(seen().sort()).toEqual(['0', '0', '1']);
    expect(againAfter).toBeGreaterThan(250);
    await subscription.close();
  });

  it('makes a shared consumer again when somebody deleted it', async () => {
    const { link, publish, source, stream } = await queue();
    const { subscription, seen, errors } = await worker(source(link), {
      eager: true,
      handle: (delivery) => delivery.ack(),
    });
    subscription.demand();
    await publish(0, 1);
    await until('it works', () => seen().length === 1);
    await link.manager.consumers.delete(stream, 'dedup');
    await publish(1, 2);
    await until('it works again', () => seen().includes('1'));
    expect(errors).toEqual([]);
    await subscription.close();
  });

  it('fails when its stream is gone', async () => {
    const { link, source, stream } = await queue();
    const { subscription, errors } = await worker(source(link), {});
    await until('it pulls', async () => (await consumerStates(link, stream))[0]?.waiting === 1);
    await link.manager.streams.delete(stream);
    await until('it is told', () => errors.length === 1);
    expect(errors[0]).toBeInstanceOf(WorkSourceFailed);
    await subscription.close();
    await expect(worker(source(link), {})).rejects.toThrow(WorkSourceFailed);
  });

  it('of one owner is taken over under a newer epoch, with everything which was not acknowledged', async () => {
    const { link, publish, names } = await queue();
    const stream = names.streams.work('photos', 'keeper');
    const subject = names.subjects.work('photos', 'keeper');
    const owned = (over: NatsLink, ownedBy: number) =>
      new NatsWorkSource(over, { stream, consumer: 'keeper', subject, ownedBy });
    await publish(0, 0);
    for (let index = 0; index < 6; index++)
      await link.publisher.publish({ subject, data: bytes(`${index}`) });
    const former = await worker(owned(link, 3), { eager: true });
    former.subscription.demand();
    await until('in hand', () => former.seen().length === 6);
    const successor = await worker(owned(await under.link(), 4), { eager: true, handle: (d) => d.ack() });
    successor.subscription.demand();
    // Its credits are free at once: nobody waits for ack_wait.
    await until('all done', async () => (await streamState(link, stream)).messages === 0, 5_000);
    expect(successor.seen()).toEqual(['0', '1', '2', '3', '4', '5']);
    await until('the former owner is told', () => former.errors.length === 1);
    expect(former.errors[0]).toBeInstanceOf(ConsumerTaken);
    await expect(worker(owned(link, 3), {})).rejects.toThrow(ConsumerTaken);
    expect((await consumerStates(link, stream)).map(({ name }) => name)).toEqual(['keeper-4']);
    await Promise.all([former.subscription.close(), successor.subscription.close()]);
  });
});
