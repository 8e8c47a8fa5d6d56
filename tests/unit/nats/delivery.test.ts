import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDelivery } from '../../../nats/delivery-info.ts';
import { Fifo } from '../../../nats/fifo.ts';
import { PullRequests } from '../../../nats/pull-requests.ts';

describe('a delivery', () => {
  const expected = {
    deliveries: 2,
    streamSequence: 15,
    consumerSequence: 9,
    storedAtMs: 1_700_000_000_123,
    pending: 4,
  };

  it.each([
    '$JS.ACK.STREAM.consumer.2.15.9.1700000000123456789.4',
    '$JS.ACK._.hash.STREAM.consumer.2.15.9.1700000000123456789.4',
    '$JS.ACK.domain.hash.STREAM.consumer.2.15.9.1700000000123456789.4.random',
  ])('is read from %s', (reply) => {
    expect(parseDelivery(reply)).toEqual(expected);
  });

  it.each([undefined, '', '_INBOX.x.1', '$JS.ACK.too.short'])('is not read from %j', (reply) => {
    expect(parseDelivery(reply)).toBeUndefined();
  });
});

describe('pull requests', () => {
  it('account for what may still come, oldest first', () => {
    const requests = new PullRequests();
    const first = requests.open(3, 100);
    const second = requests.open(5, 200);
    expect(requests.outstanding).toBe(8);
    for (let received = 0; received < 4; received++) requests.received();
    expect(requests.outstanding).toBe(4);
    requests.ended(first);
    expect(requests.outstanding).toBe(4);
    requests.ended(second);
    requests.received();
    expect(requests.outstanding).toBe(0);
  });

  it('are forgotten when their time is over', () => {
    const requests = new PullRequests();
    requests.open(3, 100);
    requests.open(2, 200);
    requests.expire(100);
    expect(requests.outstanding).toBe(2);
    requests.clear();
    expect(requests.outstanding).toBe(0);
  });
});

describe('a fifo', () => {
  it('behaves as an array does', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer() }),
      fc.constant('shift' as const),
      fc.constant('drain' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        for (const one of steps) {
          if (one === 'shift') expect(fifo.shift()).toBe(model.shift());
          else if (one === 'drain') {
            expect(fifo.drain()).toEqual(model);
            model = [];
          } else {
            fifo.push(one.push);
            model.push(one.push);
          }
          expect([fifo.length, fifo.peek()]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });

  it('keeps its order when it is long', () => {
    const fifo = new Fifo<number>();
    for (let item = 0; item < 5_000; item++) fifo.push(item);
    for (let item = 0; item < 4_000; item++) expect(fifo.shift()).toBe(item);
    fifo.push(5_000);
    expect(fifo.drain()).toEqual(Array.from({ length: 1_001 }, (_, index) => 4_000 + index));
  });
});
