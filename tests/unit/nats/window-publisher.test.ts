import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from 'nats';
import { describe, expect, it } from 'vitest';
import { LinkClosed, NoStream, PublishRefused, StreamFull, WindowPublisher } from '#nats';
import type { PublishReceipt } from '#runtime';
import { ManualClock } from '#testkit';
import type { PublishAnswer, PublishTransport } from '../../../nats/publish-transport.ts';

interface Sent {
  readonly subject: string;
  readonly text: string;
  readonly id: string;
  readonly token: string;
}

/** A transport whose answers the test gives. */
class FakeTransport implements PublishTransport {
  readonly sent: Sent[] = [];
  readonly streams = new Map<string, string | Error>();
  #receive: (token: string, answer: PublishAnswer) => void = () => {};
  #sequence = 0;

  maxPayload(): number {
    return 1_000;
  }

  send(subject: string, data: Uint8Array, headers: string, token: string): void {
    this.sent.push({
      subject,
      text: new TextDecoder().decode(data),
      id: /^Nats-Msg-Id: (.*)$/m.exec(headers)?.[1] ?? '',
      token,
    });
  }

  onAnswer(receive: (token: string, answer: PublishAnswer) => void): void {
    this.#receive = receive;
  }

  async streamOf(subject: string): Promise<string | undefined> {
    const stream = this.streams.get(subject);
    if (stream instanceof Error) throw stream;
    return stream;
  }

  close(): void {}

  stored(sent: Sent | undefined): void {
    this.#receive(sent?.token ?? '', {
      status: 0,
      body: JSON.stringify({ stream: 'S', seq: ++this.#sequence }),
    });
  }

  error(sent: Sent | undefined, code: number, description = 'maximum messages exceeded'): void {
    const body = JSON.stringify({ error: { code: 503, err_code: code, description } });
    this.#receive(sent?.token ?? '', { status: 0, body });
  }

  nobody(sent: Sent | undefined): void {
    this.#receive(sent?.token ?? '', { status: 503, body: '' });
  }

  texts(): string[] {
    return this.sent.map(({ text }) => text);
  }
}

function publisher(options: { window?: number; windowBytes?: number } = {}) {
  const transport = new FakeTransport();
  const clock = new ManualClock();
  let ids = 0;
  const instance = new WindowPublisher({
    transport,
    clock,
    random: { next: () => 0.5 },
    newId: () => `id${ids++}`,
    ...options,
  });
  const publish = (text: string, subject = 's', signal?: AbortSignal) =>
    instance.publish({ subject, data: new TextEncoder().encode(text) }, signal);
  return { transport, clock, instance, publish };
}

/** Lets promise callbacks run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe('the window publisher', () => {
  it('keeps at most a window in flight and sends the next in order as answers come', async () => {
    const { transport, publish, instance } = publisher({ window: 2 });
    const all = ['a', 'b', 'c', 'd'].map((text) => publish(text));
    expect(transport.texts()).toEqual(['a', 'b']);
    transport.stored(transport.sent[1]);
    expect(transport.texts()).toEqual(['a', 'b', 'c']);
    expect(instance.inFlight).toBe(2);
    for (const index of [0, 2, 3]) transport.stored(transport.sent[index]);
    expect((await Promise.all(all)).map(({ sequence }) => sequence)).toEqual([2, 1, 3, 4]);
  });

  it('bounds the bytes in flight, yet lets one large message go', async () => {
    const { transport, publish } = publisher({ windowBytes: 100 });
    const large = 'x'.repeat(500);
    for (const text of [large, 'b', 'c']) void publish(text);
    expect(transport.texts()).toEqual([large]);
    transport.stored(transport.sent[0]);
    expect(transport.texts()).toEqual([large, 'b', 'c']);
  });

  it('does not let small messages overtake a large one which waits for room', () => {
    const { transport, publish } = publisher({ windowBytes: 100 });
    for (const text of ['a', 'x'.repeat(100), 'c']) void publish(text);
    expect(transport.texts()).toEqual(['a']);
    transport.stored(transport.sent[0]);
    expect(transport.texts()).toEqual(['a', 'x'.repeat(100)]);
  });

  it('sends again, with the same id, what was not answered in time', async () => {
    const { transport, clock, publish } = publisher();
    const one = publish('a');
    await clock.advance(4_900);
    expect(transport.sent).toHaveLength(1);
    await clock.advance(200);
    expect(transport.sent.map(({ id }) => id)).toEqual(['id0', 'id0']);
    transport.stored(transport.sent[1]);
    transport.stored(transport.sent[0]);
    expect(await one).toMatchObject({ sequence: 1 });
    await clock.advance(20_000);
    expect(transport.sent).toHaveLength(2);
  });

  it('sends everything unanswered again after a reconnect, and nothing while disconnected', async () => {
    const { transport, clock, publish, instance } = publisher();
    const before = [publish('a'), publish('b')];
    transport.stored(transport.sent[0]);
    instance.disconnected();
    const meanwhile = publish('c');
    await clock.advance(60_000);
    expect(transport.texts()).toEqual(['a', 'b']);
    instance.reconnected();
    expect(transport.texts()).toEqual(['a', 'b', 'b', 'c']);
    expect(transport.sent[2]?.id).toBe(transport.sent[1]?.id);
    transport.stored(transport.sent[2]);
    transport.stored(transport.sent[3]);
    await Promise.all([...before, meanwhile]);
  });

  it('asks a full stream seldom, however many wait, and lets other subjects pass', async () => {
    const { transport, clock, publish } = publisher({ window: 4 });
    const waiting = Array.from({ length: 10 }, (_, index) => publish(`${index}`, 'full'));
    for (let index = 0; transport.sent[index] !== undefined && index < 4; index++) {
      transport.error(transport.sent[index], 10_077);
    }
    const other = publish('x', 'other');
    const sent = transport.sent.find(({ subject }) => subject === 'other');
    transport.stored(sent);
    await other;
    const tries = transport.sent.length;
    for (let second = 0; second < 10; second++) {
      await clock.advance(1_000);
      const last = transport.sent.at(-1);
      if (last?.subject === 'full') transport.error(last, 10_077);
    }
    expect(transport.sent.length - tries).toBeLessThanOrEqual(20);
    // Room again: everything goes through, in the order of publishing.
    const from = transport.sent.length;
    const order: string[] = [];
    for (let step = 0; order.length < 10 && step < 50; step++) {
      await clock.advance(1_000);
      for (let index = from + order.length; index < transport.sent.length; index++) {
        order.push(transport.sent[index]?.text ?? '');
        transport.stored(transport.sent[index]);
      }
    }
    expect(order).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    await Promise.all(waiting);
  });

  it('fails at once on a full stream where it is told not to wait', async () => {
    const { transport, instance } = publisher();
    const refused = instance.publishWith({ subject: 's', data: new Uint8Array() }, { whenFull: 'fail' });
    transport.error(transport.sent[0], 10_077);
    await expect(refused).rejects.toThrow(StreamFull);
  });

  it('says which subjects wait, why and for how long, until something is stored under them again', async () => {
    const { transport, clock, publish, instance } = publisher();
    const held = publish('a', 'held');
    transport.error(transport.sent[0], 10_047, 'no space');
    const refused = instance.publishWith({ subject: 'lease', data: new Uint8Array() }, { whenFull: 'fail' });
    transport.error(transport.sent[1], 10_023, 'insufficient resources');
    await expect(refused).rejects.toThrow(StreamFull);
    await clock.advance(10);
    expect(instance.waiting).toEqual([
      { subject: 'held', messages: 1, code: 10_047, why: 'no space', forMs: 10 },
      { subject: 'lease', messages: 1, code: 10_023, why: 'insufficient resources', forMs: 10 },
    ]);
    await clock.advance(100);
    transport.stored(transport.sent[2]);
    const renewed = publish('b', 'lease');
    transport.stored(transport.sent[3]);
    await Promise.all([held, renewed]);
    expect(instance.waiting).toEqual([]);
  });

  it('held, sends nothing, refuses what is not to wait, and sends the rest in order when it is released', async () => {
    const { transport, clock, publish, instance } = publisher();
    const early = publish('early');
    instance.hold('the disk is full');
    transport.stored(transport.sent[0]);
    await early;
    const waiting = ['a', 'b'].map((text) => publish(text));
    const lease = { subject: 'lease', data: new Uint8Array() };
    await expect(instance.publishWith(lease, { whenFull: 'fail' })).rejects.toThrow(StreamFull);
    await clock.advance(60_000);
    expect(transport.texts()).toEqual(['early']);
    expect(instance.waiting).toEqual([
      { subject: '>', messages: 2, code: 0, why: 'the disk is full', forMs: 60_000 },
    ]);
    instance.release();
    expect(transport.texts()).toEqual(['early', 'a', 'b']);
    for (const sent of transport.sent.slice(1)) transport.stored(sent);
    await Promise.all(waiting);
    expect(instance.waiting).toEqual([]);
  });

  it('waits out a cluster that elects a leader also where it is told not to wait for room', async () => {
    const { transport, clock, instance } = publisher();
    const publishing = instance.publishWith({ subject: 's', data: new Uint8Array() }, { whenFull: 'fail' });
    transport.error(transport.sent[0], 10_008);
    await clock.advance(100);
    transport.stored(transport.sent[1]);
    await publishing;
  });

  it('sends again after the time that one message asks for', async () => {
    const { transport, clock, instance } = publisher();
    const message = { subject: 's', data: new Uint8Array() };
    const publishing = instance.publishWith(message, { answerTimeoutMs: 300 });
    await clock.advance(250);
    expect(transport.sent).toHaveLength(1);
    await clock.advance(150);
    expect(transport.sent).toHaveLength(2);
    transport.stored(transport.sent[1]);
    await publishing;
  });

  it('rejects other refusals with their code', async () => {
    const { transport, publish } = publisher();
    const refused = publish('a');
    transport.error(transport.sent[0], 10_071, 'wrong last sequence: 7');
    await expect(refused).rejects.toMatchObject({ code: 10_071, description: 'wrong last sequence: 7' });
    await expect(publish('x'.repeat(1_001))).rejects.toThrow(PublishRefused);
  });

  it('tells a stream which does not exist from one which is away for a moment', async () => {
    const { transport, clock, publish } = publisher();
    transport.streams.set('away', 'S');
    const gone = publish('a', 'gone');
    const away = publish('b', 'away');
    transport.nobody(transport.sent[0]);
    transport.nobody(transport.sent[1]);
    await expect(gone).rejects.toThrow(NoStream);
    await settle();
    await clock.advance(100);
    expect(transport.texts()).toEqual(['a', 'b', 'b']);
    transport.stored(transport.sent[2]);
    await away;
  });

  it('waits for a cluster which has no leader to say whether the stream exists, however long that is', async () => {
    const { transport, clock, publish } = publisher();
    const leaderless = {
      code: 503,
      err_code: 10_008,
      description: 'JetStream system temporarily unavailable',
    };
    let rejected: unknown;
    const publishing = publish('a');
    publishing.catch((error: unknown) => {
      rejected = error;
    });
    for (let attempt = 0; attempt < 40; attempt++) {
      const silence = attempt % 2 === 0 ? new errors.TimeoutError() : new JetStreamApiError(leaderless);
      transport.streams.set('s', silence);
      transport.nobody(transport.sent.at(-1));
      await settle();
      await clock.advance(2_000);
    }
    expect(rejected).toBeUndefined();
    transport.stored(transport.sent.at(-1));
    await publishing;
  });

  it('gives up on a server which refuses to say whether the stream exists', async () => {
    const { transport, clock, publish } = publisher();
    transport.streams.set('s', new Error('refused'));
    let outcome: unknown;
    publish('a').catch((error: unknown) => {
      outcome = error;
    });
    for (let attempt = 0; attempt < 20 && outcome === undefined; attempt++) {
      transport.nobody(transport.sent.at(-1));
      await settle();
      await clock.advance(2_000);
    }
    expect(outcome).toBeInstanceOf(NoStream);
  });

  it('does not send what was given up while it waited, and frees the place of what was in flight', async () => {
    const { transport, publish } = publisher({ window: 1 });
    const first = new AbortController();
    const second = new AbortController();
    const results = [publish('a', 's', first.signal), publish('b', 's', second.signal), publish('c')];
    second.abort(new Error('not any more'));
    first.abort(new Error('nor this'));
    await expect(results[1]).rejects.toThrow('not any more');
    await expect(results[0]).rejects.toThrow('nor this');
    expect(transport.texts()).toEqual(['a', 'c']);
    transport.stored(transport.sent[1]);
    expect(((await results[2]) as PublishReceipt).sequence).toBe(1);
    await expect(publish('d', 's', AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });

  it('rejects everything pending when it is closed', async () => {
    const { transport, publish, instance } = publisher({ window: 2 });
    const pending = [publish('a', 'full'), publish('b'), publish('c'), publish('d', 'full')];
    transport.error(transport.sent[0], 10_077);
    instance.close();
    for (const outcome of await Promise.allSettled([...pending, publish('e')])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(LinkClosed) });
    }
  });
});
