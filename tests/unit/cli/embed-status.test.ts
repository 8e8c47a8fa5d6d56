// What `troupe status` says of the requests for vectors: as one node counts them, and over all of them.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { EmbedFlow } from '../../../cli/node/embed-flow.ts';
import { embedStatus, servedModelSchema } from '../../../cli/node/embed-status.ts';

describe('the flow of requests for vectors', () => {
  it('counts all requests by how they ended, and vectors of the last 15 seconds by whether the model ran', async () => {
    const clock = new ManualClock();
    const flow = new EmbedFlow(clock);
    flow.ended('answered');
    flow.found('inference');
    await clock.advance(10_000);
    for (const cause of ['memory', 'shared', 'flight', 'inference'] as const) {
      flow.ended('answered');
      flow.found(cause);
    }
    flow.ended('retry_after');
    expect(flow.recent()).toEqual({ windowMs: 10_000, answered: 5, hits: 3 });
    await clock.advance(10_000);
    expect(flow.recent()).toEqual({ windowMs: 15_000, answered: 4, hits: 3 });
    await clock.advance(20_000);
    expect(flow.recent()).toEqual({ windowMs: 15_000, answered: 0, hits: 0 });
    expect(flow.requests).toEqual({ answered: 5, forwarded: 0, retry_after: 1, bad_request: 0, failed: 0 });
  });
});

describe('the status of a served model', () => {
  const told = (part: object) => servedModelSchema.parse(part);

  it('adds up what its replicas tell', () => {
    const tiny = {
      waiting: 1,
      underWay: 3,
      requests: { answered: 30, retry_after: 2 },
      recent: { windowMs: 15_000, answered: 30, hits: 20 },
    };
    const other = { ...tiny, waiting: 4, recent: { windowMs: 5_000, answered: 10, hits: 0 } };
    const nodes = [
      { node: 'vm-2', embedding: { tiny: told(other) } },
      { node: 'vm-1', embedding: { tiny: told(tiny), clip: told({}) } },
    ];
    expect(embedStatus(nodes)).toEqual([
      {
        model: 'clip',
        replicas: ['vm-1'],
        itemsPerS: 0,
        hitRate: null,
        waiting: 0,
        underWay: 0,
        requests: { answered: 0, forwarded: 0, retry_after: 0, bad_request: 0, failed: 0 },
      },
      {
        model: 'tiny',
        replicas: ['vm-1', 'vm-2'],
        itemsPerS: 4,
        hitRate: 0.5,
        waiting: 5,
        underWay: 6,
        requests: { answered: 60, forwarded: 0, retry_after: 4, bad_request: 0, failed: 0 },
      },
    ]);
  });

  it('takes the breaker before the sessions from a node that tells it, and none from an older program', () => {
    const breaker = {
      path: 'embed-tiny/sessions',
      name: 'model tiny',
      state: 'open',
      failures: 3,
      retryMs: 9,
    };
    expect(told({ breakers: [breaker] }).breakers).toEqual([breaker]);
    expect(told({ breaker: 'open' }).breakers).toEqual([]);
  });

  it('is none where no node serves a model', () => {
    expect(embedStatus([{ node: 'vm-1', embedding: {} }])).toEqual([]);
  });
});
