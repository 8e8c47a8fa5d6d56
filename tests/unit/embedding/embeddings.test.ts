import { describe, expect, it } from 'vitest';
import { ManualClock, MemoryBlobs } from '#testkit';
import { BatchSize } from '../../../actors/embedding/batch-size.ts';
import { Batcher } from '../../../actors/embedding/batcher.ts';
import { Embeddings } from '../../../actors/embedding/embeddings.ts';
import { VectorCache } from '../../../actors/embedding/vector-cache.ts';
import { sha } from '../../support/ledger-messages.ts';
import { MEMORY_MODEL } from '../../support/memory-ports.ts';

function service(shared = new MemoryBlobs(), memoryBytes = 1_000_000) {
  let inferences = 0;
  const batcher = new Batcher<Uint8Array, Float32Array>({
    size: new BatchSize({ sizes: [1], latencyMs: 1_000 }),
    delayMs: 0,
    runs: 1,
    maxWaiting: 100,
    clock: new ManualClock(),
    run: async (pictures) => {
      inferences += pictures.length;
      return pictures.map(([value = 0]) => new Float32Array([value]));
    },
  });
  const embeddings = new Embeddings({
    model: MEMORY_MODEL,
    kind: { version: 'number@1' },
    memory: new VectorCache(memoryBytes),
    shared,
    batcher,
  });
  const vector = (content: number) =>
    embeddings.vector(sha(`${content}`), async () => Uint8Array.of(content));
  return { embeddings, vector, shared, inferences: () => inferences };
}

describe('the vectors of contents', () => {
  it('are made once each, however often and however near to each other they are asked for', async () => {
    const { vector, embeddings, inferences } = service();
    const found = await Promise.all([1, 2, 1, 1, 2].map(vector));
    expect(found.map(({ vector: [value], cause }) => `${value} ${cause}`)).toEqual([
      '1 inference',
      '2 inference',
      '1 flight',
      '1 flight',
      '2 flight',
    ]);
    expect((await vector(1)).cause).toBe('memory');
    expect(inferences()).toBe(2);
    expect(embeddings.counts).toEqual({ memory: 1, shared: 0, flight: 3, inference: 2 });
    expect(embeddings.load).toBe(0);
  });

  it('come from the shared store where another node, or this one before its restart, has made them', async () => {
    const { vector, shared } = service();
    await vector(7);
    const other = service(shared);
    expect(await other.vector(7)).toEqual({ vector: new Float32Array([7]), cause: 'shared' });
    expect((await other.vector(7)).cause).toBe('memory');
    expect(other.inferences()).toBe(0);
  });

  it('that are to be forgotten are kept nowhere, also where they are just being made', async () => {
    const { vector, embeddings, shared } = service();
    await Promise.all([vector(1), vector(2)]);
    embeddings.forget([sha('1')]);
    expect([(await vector(1)).cause, (await vector(2)).cause]).toEqual(['shared', 'memory']);
    embeddings.forget();
    expect((await vector(2)).cause).toBe('shared');
    const onItsWay = vector(3);
    embeddings.forget([sha('3')]);
    expect((await onItsWay).cause).toBe('inference');
    expect(shared.keys().filter((key) => key.endsWith(sha('3')))).toEqual([]);
    expect((await vector(3)).cause).toBe('inference');
  });

  it('are made anew where what is shared is no vector of this length', async () => {
    const { vector, embeddings, shared } = service();
    await shared.put(`${embeddings.group}/${sha('9')}`, new Uint8Array(3));
    expect((await vector(9)).cause).toBe('inference');
  });

  it('are kept in memory up to its bytes, the least recently used going first', async () => {
    const { vector } = service(new MemoryBlobs(), 3 * 304);
    for (const content of [1, 2, 3, 1, 4]) await vector(content);
    expect((await vector(1)).cause).toBe('memory');
    expect((await vector(2)).cause).toBe('shared');
  });

  it('are asked for anew after a failure, which only those who waited for it see', async () => {
    const { embeddings, vector } = service();
    const gone = () => Promise.reject(new Error('no picture'));
    const asked = [embeddings.vector(sha('5'), gone), embeddings.vector(sha('5'), gone)];
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await vector(5)).cause).toBe('inference');
  });
});
