// Contents that wait for the node's budget: no attempt is counted, and the outcome is the same.
import { afterEach, describe, expect, it } from 'vitest';
import { type ActorSystem, ByteBudget, ThreadCrashed } from '#runtime';
import type { AnalyseRequest, Kind } from '../../../actors/kinds/kind.ts';
import { sha256Hex } from '../../../actors/pipeline/canonical.ts';
import { startIngestors } from '../../support/ingesting.ts';
import { memoryDataset, numberKind } from '../../support/memory-ports.ts';

let running: ActorSystem | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

type Analyse = (request: AnalyseRequest) => void | Promise<void>;

/** An ingestor under a budget of 100 bytes; a reference's path says how many bytes it has. */
async function arena(analyse: Analyse, contentOf = (bytes: number) => new Uint8Array(bytes).fill(1)) {
  const bodyBudget = new ByteBudget(100);
  const kind: Kind = {
    ...numberKind,
    analyse: async (_pool, request) => {
      const content = sha256Hex(request.bytes);
      await analyse(request);
      return {
        facts: {
          content,
          mediaType: 'number/byte',
          byteLength: request.bytes.byteLength,
          hashes: {},
          lowInformation: false,
          signals: {},
        },
        proxy: new Uint8Array(1),
      };
    },
  };
  const dataset = memoryDataset({
    kind,
    bodyBudget,
    contents: {
      read: async (uri, { admit }) => {
        const bytes = Number(new URL(uri).pathname.slice(1));
        await admit(bytes);
        return contentOf(bytes);
      },
    },
  });
  const { clock, publisher, queue } = dataset;
  const { system, crashes } = await startIngestors(dataset, kind);
  running = system;
  return {
    bodyBudget,
    clock,
    queue,
    publisher,
    crashes,
    reference: (bytes: number) => {
      const data = Buffer.from(JSON.stringify({ uri: `https://host.example/${bytes}`, id: `${bytes}` }));
      queue('intake').add({ data, headers: { 'Content-Type': 'application/json' } });
    },
    inline: (bytes: number) => {
      const data = new Uint8Array(bytes).fill(2);
      queue('intake').add({ data, headers: { 'Content-Type': 'image/jpeg' } });
    },
  };
}

describe('the budget of contents in hand', () => {
  it.each(['fetched', 'inline'] as const)(
    'lets an item wait while others hold it, at the cost of no attempt: %s',
    async (comes) => {
      let analysed = 0;
      const { reference, inline, clock, bodyBudget, publisher, queue, crashes } = await arena(() => {
        analysed += 1;
        expect(bodyBudget.heldBytes).toBe(70);
      });
      const neighbour = bodyBudget.open();
      await neighbour.raise(60, new AbortController().signal);
      if (comes === 'fetched') reference(70);
      else inline(70);
      await clock.advance(3_600_000);
      expect([analysed, bodyBudget.heldBytes, bodyBudget.waiting]).toEqual([0, 60, 1]);
      neighbour.release();
      await clock.advance(0);
      expect(analysed).toBe(1);
      expect(publisher.on('work.embed')).toHaveLength(1);
      expect([queue('intake').inState('acked'), queue('intake').deliveryCounts]).toEqual([[1], [1]]);
      expect([bodyBudget.heldBytes, bodyBudget.waiting, crashes()]).toEqual([0, 0, 0]);
    },
  );

  it('gets back what a failed item held', async () => {
    const { reference, clock, bodyBudget, publisher } = await arena(() => {
      throw Object.assign(new Error('refused'), { name: 'AnalysisError', code: 'corrupt_image' });
    });
    for (let at = 0; at < 5; at++) reference(90 + at);
    await clock.advance(0);
    expect(publisher.on('dead.intake')).toHaveLength(5);
    expect(bodyBudget.heldBytes).toBe(0);
  });
});

describe('a fetched content that went down with its thread', () => {
  it('is read again for the next attempt, which is made with the same bytes', async () => {
    const attempts: number[] = [];
    const { reference, clock, publisher } = await arena(({ bytes, movable }) => {
      attempts.push(bytes.byteLength);
      if (movable === true) structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
      if (attempts.length < 3) throw new ThreadCrashed('t', 'exit', 'exited with code 3');
    });
    reference(50);
    await clock.advance(0);
    expect(attempts).toEqual([50, 50, 50]);
    expect(publisher.on('work.embed')).toHaveLength(1);
  });

  it('is tried from the start when it is another one by then', async () => {
    let reads = 0;
    let analysed = 0;
    const { reference, clock, publisher } = await arena(
      () => {
        analysed += 1;
        if (analysed === 1) throw new ThreadCrashed('t', 'exit', 'exited with code 3');
      },
      (bytes) => new Uint8Array(bytes).fill(Math.min(++reads, 2)),
    );
    reference(50);
    await clock.advance(0);
    expect([analysed, publisher.on('work.embed').length]).toEqual([1, 0]);
    await clock.advance(10_000);
    expect([analysed, publisher.on('work.embed').length]).toEqual([2, 1]);
  });
});
