// Items that must wait for their source: nobody else waits, no attempt is counted, and the outcome is the same.
import { afterEach, describe, expect, it } from 'vitest';
import type { ActorSystem } from '#runtime';
import { ManualClock } from '#testkit';
import type { Kind } from '../../../actors/kinds/kind.ts';
import { sha256Hex } from '../../../actors/pipeline/canonical.ts';
import type { ContentSource } from '../../../actors/pipeline/dataset-ports.ts';
import { ItemFailure, PassingFailure } from '../../../actors/pipeline/item-failure.ts';
import { GuardedSource } from '../../../actors/sources/source-guard.ts';
import type { SourceRate } from '../../../actors/sources/source-rates.ts';
import { startIngestors } from '../../support/ingesting.ts';
import { type MemoryDataset, memoryCodec, memoryDataset, numberKind } from '../../support/memory-ports.ts';

let running: ActorSystem | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const kind: Kind = {
  ...numberKind,
  analyse: async (_pool, { bytes }) => ({
    facts: {
      content: sha256Hex(bytes),
      mediaType: 'number/byte',
      byteLength: bytes.byteLength,
      hashes: {},
      lowInformation: false,
      signals: {},
    },
    proxy: bytes,
  }),
};

interface Arena extends MemoryDataset {
  /** URIs that were fetched, with the time. */
  readonly fetched: { readonly uri: string; readonly atMs: number }[];
  reference(id: string, source: string, host?: string): void;
  /** Intake sequences that went on to the next stage, in order. */
  ingested(): readonly number[];
  readonly restarts: () => number;
}

/** Two ingestors and one that takes up what is held; what is held comes to it as the work queue would give it. */
async function arena(
  rates: readonly SourceRate[],
  fetch: (uri: string) => void = () => {},
  waiting: { readonly giveUpAfterMs?: number } = {},
): Promise<Arena> {
  const fetched: Arena['fetched'] = [];
  const clock = new ManualClock();
  const contents: ContentSource = {
    placeOf: (uri) => new URL(uri).origin,
    read: async (uri) => {
      fetched.push({ uri, atMs: clock.monotonicMs() });
      fetch(uri);
      return Buffer.from(uri);
    },
  };
  // The guard is the dataset's own, which is there once the dataset is.
  const guarded: ContentSource = {
    placeOf: (uri) => contents.placeOf?.(uri),
    read: (uri, read) => new GuardedSource(contents, dataset.ports.guard).read(uri, read),
  };
  const dataset = memoryDataset({ rates, kind, clock, contents: guarded, ...waiting });
  const { publisher } = dataset;
  const store = publisher.publish.bind(publisher);
  publisher.publish = async (message, signal) => {
    const receipt = await store(message, signal);
    if (message.subject === 'work.held' && !receipt.duplicate) {
      dataset.queue('held').add({ data: message.data, headers: { ...message.headers } });
    }
    return receipt;
  };
  const { system, crashes } = await startIngestors(dataset, kind);
  running = system;
  return {
    ...dataset,
    fetched,
    reference: (id, source, host = 'host.example') => {
      const data = Buffer.from(JSON.stringify({ uri: `https://${host}/${id}`, id, source }));
      dataset.queue('intake').add({ data, headers: { 'Content-Type': 'application/json' } });
    },
    ingested: () =>
      publisher
        .on('work.embed')
        .map(({ data }) => (memoryCodec.decode(data) as { readonly sequence: number }).sequence),
    restarts: crashes,
  };
}

describe('an item over the rate of its source', () => {
  it('waits in a queue of its own, and goes on at its time under its own sequence', async () => {
    const { reference, clock, ingested, fetched, queue, restarts } = await arena([
      { source: 'slow', perSecond: 1, burst: 1 },
    ]);
    for (const id of ['a', 'b', 'c']) reference(id, 'slow');
    await clock.advance(0);
    expect(ingested()).toEqual([1]);
    expect(queue('intake').inState('acked')).toEqual([1, 2, 3]);
    await clock.advance(10_000);
    expect(ingested()).toEqual([1, 2, 3]);
    expect(fetched.map(({ atMs }) => atMs)).toEqual([0, 1_000, 2_000]);
    expect(queue('held').inState('acked')).toEqual([1, 2]);
    expect(restarts()).toBe(0);
  });

  it('holds no other source back', async () => {
    const { reference, clock, ingested } = await arena([{ source: 'slow', perSecond: 0.01, burst: 1 }]);
    for (let item = 0; item < 50; item++) reference(`s${item}`, 'slow');
    for (let item = 0; item < 5; item++) reference(`q${item}`, 'quick');
    await clock.advance(0);
    expect(ingested()).toEqual([1, 51, 52, 53, 54, 55]);
  });

  it('gives the same messages as without a rate', async () => {
    const messages = async (rates: readonly SourceRate[]) => {
      const { reference, clock, publisher } = await arena(rates);
      for (let item = 0; item < 10; item++) reference(`i${item}`, 'slow');
      await clock.advance(100_000);
      await running?.stop();
      return new Map(publisher.on('work.embed').map(({ id, data }) => [id, memoryCodec.decode(data)]));
    };
    const limited = await messages([{ source: '*', perSecond: 2, burst: 1 }]);
    expect(limited.size).toBe(10);
    expect(limited).toEqual(await messages([]));
  });

  it('never dies of waiting, however often it is delivered', async () => {
    const { reference, clock, ingested, queue, attempts } = await arena([
      { source: 'slow', perSecond: 1, burst: 1 },
    ]);
    reference('a', 'slow');
    reference('b', 'slow');
    await clock.advance(0);
    // A restarted node knows no times: the queue delivers again and again.
    expect(queue('held').deliveryCounts).toEqual([1]);
    await clock.advance(5_000);
    expect(ingested()).toEqual([1, 2]);
    expect(await attempts.keys()).toEqual([]);
  });
});

describe('an item whose server asks for patience', () => {
  it('is held for as long, while others of its source go on', async () => {
    let isBusy = true;
    const { reference, clock, ingested, fetched } = await arena([], (uri) => {
      if (!isBusy || !uri.endsWith('/a')) return;
      isBusy = false;
      throw new PassingFailure('fetch_failed', 'answered 429', { retryAfterMs: 20_000 });
    });
    reference('a', 'web');
    reference('b', 'web');
    await clock.advance(0);
    expect(ingested()).toEqual([2]);
    await clock.advance(30_000);
    expect(ingested()).toEqual([2, 1]);
    expect(fetched.filter(({ uri }) => uri.endsWith('/a')).map(({ atMs }) => atMs)).toEqual([0, 20_000]);
  });

  it('dies with its reason when the server never lets it through, as an intake message that can be retried', async () => {
    const { reference, clock, publisher } = await arena([], () => {
      throw new PassingFailure('fetch_failed', 'answered 503', { retryAfterMs: 1_000 });
    });
    reference('a', 'web');
    await clock.advance(60_000);
    const [letter] = publisher.on('dead.intake');
    expect(letter?.headers).toMatchObject({
      'Troupe-Reason': 'fetch_failed',
      'Troupe-Stage': 'intake',
      'Troupe-Sequence': '1',
      'Content-Type': 'application/json',
    });
    expect(JSON.parse(Buffer.from(letter?.data ?? []).toString())).toMatchObject({ id: 'a' });
  });

  it('dies at once, when held, of what cannot pass', async () => {
    const { reference, clock, publisher, ingested } = await arena(
      [{ source: '*', perSecond: 1, burst: 1 }],
      (uri) => {
        if (uri.endsWith('/b')) throw new ItemFailure('not_found', 'answered 404');
      },
    );
    for (const id of ['a', 'b', 'c']) reference(id, 'web');
    await clock.advance(10_000);
    expect(ingested()).toEqual([1, 3]);
    expect(publisher.on('dead.intake').map(({ headers }) => headers?.['Troupe-Reason'])).toEqual([
      'not_found',
    ]);
  });
});

describe('an item whose place is down', () => {
  const refused = () => {
    throw new PassingFailure('fetch_failed', 'no connection', {
      failureClass: 'recoverable',
      ofSource: true,
    });
  };
  const answers500 = () => {
    throw new PassingFailure('fetch_failed', 'answered 500', { ofSource: true });
  };

  it('waits with the others in held, costs the place a few fetches and no item an attempt, and comes back with it', async () => {
    let isDown = true;
    const { reference, clock, ingested, fetched, publisher, attempts, breakerChanges, restarts } =
      await arena([], () => {
        if (isDown) refused();
      });
    for (let item = 0; item < 200; item++) reference(`i${item}`, 'web');
    await clock.advance(600_000);
    expect(ingested()).toEqual([]);
    expect(breakerChanges[0]).toBe('https://host.example open');
    // Three that opened it, then a probe after 10, 20, 40, 60, 60 … seconds.
    expect(fetched.length).toBeGreaterThan(10);
    expect(fetched.length).toBeLessThan(20);
    expect(publisher.on('dead.intake')).toEqual([]);
    isDown = false;
    await clock.advance(120_000);
    expect([...ingested()].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    expect(breakerChanges.at(-1)).toBe('https://host.example closed');
    expect(await attempts.keys()).toEqual([]);
    expect(restarts()).toBe(0);
  });

  it('holds up no other place, even while it is down', async () => {
    const { reference, clock, ingested, fetched } = await arena([], (uri) => {
      if (uri.includes('//dead.')) refused();
    });
    for (let item = 0; item < 30; item++) reference(`d${item}`, 'web', 'dead.example');
    for (let item = 0; item < 5; item++) reference(`g${item}`, 'web', 'good.example');
    await clock.advance(0);
    expect(ingested()).toEqual([31, 32, 33, 34, 35]);
    expect(fetched.filter(({ uri }) => uri.includes('//dead.'))).toHaveLength(3);
  });

  it('outlives more failed probes than it has attempts when it is the only one that waits', async () => {
    let isDown = true;
    const { reference, clock, ingested, fetched, publisher } = await arena([], () => {
      if (isDown) refused();
    });
    reference('a', 'web');
    await clock.advance(600_000);
    expect(fetched.length).toBeGreaterThan(6);
    isDown = false;
    await clock.advance(200_000);
    expect(ingested()).toEqual([1]);
    expect(publisher.on('dead.intake')).toEqual([]);
  });

  it('takes turns at being the probe', async () => {
    const { reference, clock, fetched } = await arena([], refused);
    for (let item = 0; item < 20; item++) reference(`i${item}`, 'web');
    await clock.advance(600_000);
    const probes = fetched.slice(3).map(({ uri }) => uri);
    expect(probes.length).toBeGreaterThan(5);
    for (const [at, uri] of probes.entries()) if (at > 0) expect(uri).not.toBe(probes[at - 1]);
  });

  it('dies with its last reason when the place stays away for as long as an item may wait, however many they are', async () => {
    const { reference, clock, publisher, fetched } = await arena([], refused, { giveUpAfterMs: 300_000 });
    for (let item = 0; item < 50; item++) reference(`i${item}`, 'web');
    await clock.advance(290_000);
    expect(publisher.on('dead.intake')).toEqual([]);
    await clock.advance(200_000);
    const letters = publisher.on('dead.intake');
    expect(letters).toHaveLength(50);
    expect(new Set(letters.map(({ headers }) => headers?.['Troupe-Reason']))).toEqual(
      new Set(['fetch_failed']),
    );
    expect(letters[0]?.headers?.['Troupe-Error']).toContain('given up waiting');
    expect(fetched.length).toBeLessThan(20);
  });

  it('dies after its attempts where the place is well otherwise: its own retries open no breaker', async () => {
    const { reference, clock, publisher, ingested, fetched, breakerChanges } = await arena([], (uri) => {
      if (uri.endsWith('/bad') || uri.endsWith('/worse')) answers500();
    });
    for (const id of ['a', 'bad', 'b', 'worse']) reference(id, 'web');
    await clock.advance(60_000);
    expect(ingested()).toEqual([1, 3]);
    expect(publisher.on('dead.intake')).toHaveLength(2);
    expect(publisher.on('dead.intake')[0]?.headers).toMatchObject({
      'Troupe-Reason': 'fetch_failed',
      'Troupe-Attempts': '3',
    });
    expect(fetched.filter(({ uri }) => uri.endsWith('/bad'))).toHaveLength(3);
    expect(breakerChanges).toEqual([]);
  });

  it('never makes a place suspicious by what it alone is to blame for', async () => {
    const { reference, clock, breakerChanges, publisher } = await arena([], () => {
      throw new ItemFailure('not_found', 'answered 404');
    });
    for (let item = 0; item < 50; item++) reference(`i${item}`, 'web');
    await clock.advance(10_000);
    expect(publisher.on('dead.intake')).toHaveLength(50);
    expect(breakerChanges).toEqual([]);
  });
});
