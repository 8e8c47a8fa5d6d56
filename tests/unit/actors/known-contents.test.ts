// Contents that come again: what is known of them is used, and only while it is what an analysis would find out.
import { afterEach, describe, expect, it } from 'vitest';
import type { ActorSystem } from '#runtime';
import type { ContentFacts, Kind } from '../../../actors/kinds/kind.ts';
import { sha256Hex } from '../../../actors/pipeline/canonical.ts';
import { KnownContents } from '../../../actors/pipeline/known-contents.ts';
import { blobKeys, type EmbedMessage } from '../../../actors/pipeline/messages.ts';
import { vectorKey } from '../../../actors/pipeline/vector-store.ts';
import { startIngestors } from '../../support/ingesting.ts';
import { memoryCodec, memoryDataset, numberKind } from '../../support/memory-ports.ts';

let running: ActorSystem | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const PROXY = Uint8Array.of(7);

/** Facts with what JSON and headers treat in a way of their own. */
function factsOf(content: string): ContentFacts {
  const signals = { sharpness: 0.1 + 0.2, camera: 'Größe 📷\r\n', flipped: false };
  return { content, mediaType: 'number/byte', byteLength: 3, hashes: {}, lowInformation: false, signals };
}

describe('an item whose content the dataset has', () => {
  /** Ingestors that count what they analyse; analyses end when `finish` is called, or at once. */
  async function arena({ ingestors = 1, analyse = () => Promise.resolve() as Promise<void> } = {}) {
    const analysed: number[] = [];
    const kind: Kind = {
      ...numberKind,
      analyse: async (_pool, { bytes }) => {
        analysed.push(bytes[0] ?? -1);
        await analyse();
        return { facts: factsOf(sha256Hex(bytes)), proxy: PROXY };
      },
    };
    const dataset = memoryDataset({ kind });
    const { system } = await startIngestors(dataset, kind, ingestors);
    running = system;
    const { clock, queue, publisher, blobs, ports } = dataset;
    const publish = (number: number, id: string) => {
      const headers = { 'Content-Type': 'image/jpeg', 'Troupe-Id': id };
      queue('intake').add({ data: Uint8Array.of(number), headers });
    };
    const embedded = () =>
      publisher.on('work.embed').map(({ data }) => memoryCodec.decode(data) as EmbedMessage);
    return { clock, analysed, publish, embedded, blobs, ports };
  }

  it('is not analysed, and goes on with the same facts and proxy under its own name', async () => {
    const { clock, analysed, publish, embedded, blobs, ports } = await arena();
    for (const id of ['a', 'b', 'c']) publish(1, id);
    publish(2, 'd');
    await clock.advance(0);
    expect(analysed).toEqual([1, 2]);
    const [first, ...others] = embedded();
    expect(others.map(({ id }) => id)).toEqual(['b', 'c', 'd']);
    for (const again of others.slice(0, 2)) {
      expect([again.facts, again.proxy]).toEqual([first?.facts, PROXY]);
    }
    expect(embedded().map(({ fresh }) => fresh)).toEqual([true, false, false, true]);
    for (const { item, id } of embedded()) {
      const payload = await blobs.get(blobKeys.payload(item));
      expect(ports.codec.decode(payload ?? new Uint8Array())).toMatchObject({ id });
    }
  });

  it('is analysed again when the dataset has it no more', async () => {
    const { clock, analysed, publish, blobs } = await arena();
    publish(1, 'a');
    await clock.advance(0);
    await blobs.delete(blobKeys.proxy(sha256Hex(Uint8Array.of(1))));
    publish(1, 'b');
    await clock.advance(0);
    expect(analysed).toEqual([1, 1]);
    expect(await blobs.has(blobKeys.proxy(sha256Hex(Uint8Array.of(1))))).toBe(true);
  });

  it('waits for the one of several at once that is analysed', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, analysed, publish, embedded } = await arena({ ingestors: 4, analyse: () => promise });
    for (const id of ['a', 'b', 'c', 'd']) publish(1, id);
    await clock.advance(0);
    expect([analysed, embedded().length]).toEqual([[1], 0]);
    resolve();
    await clock.advance(0);
    expect([analysed, embedded().length]).toEqual([[1], 4]);
  });

  it('is analysed for itself where the one that it waited for failed', async () => {
    const failures = [new Error('refused')];
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, analysed, publish, embedded } = await arena({
      ingestors: 2,
      analyse: async () => {
        await promise;
        const failure = failures.pop();
        if (failure) throw Object.assign(failure, { name: 'AnalysisError', code: 'corrupt_image' });
      },
    });
    for (const id of ['a', 'b']) publish(1, id);
    await clock.advance(0);
    resolve();
    await clock.advance(0);
    expect([analysed, embedded().map(({ id }) => id)]).toEqual([[1, 1], ['b']]);
  });
});

describe('what is known of a content', () => {
  const CONTENT = 'c'.repeat(64);
  const FACTS = factsOf(CONTENT);

  async function stored(options: Parameters<typeof memoryDataset>[0] = {}) {
    const { ports, blobs } = memoryDataset(options);
    const known = new KnownContents(ports);
    await blobs.put(blobKeys.proxy(CONTENT), PROXY, known.note(FACTS));
    return { ports, blobs, known };
  }

  it('comes back as it was, whatever characters are in it', async () => {
    const { known, blobs } = await stored();
    expect(await known.find(CONTENT)).toEqual({ facts: FACTS, proxy: PROXY });
    expect((await blobs.getNoted(blobKeys.proxy(CONTENT)))?.note).toMatch(/^[\x20-\x7e]+$/);
  });

  it('counts for the same analysis only: another version or limit finds nothing', async () => {
    const { ports } = await stored();
    const { kind, config } = ports;
    const limits = { ...config.limits, maxPixels: config.limits.maxPixels - 1 };
    for (const other of [
      { ...ports, kind: { ...kind, version: 'number@2' } },
      { ...ports, config: { ...config, limits } },
    ]) {
      expect(await new KnownContents(other).find(CONTENT)).toBeUndefined();
    }
  });

  it.each([
    ['no note', undefined],
    ['a note that is no JSON', '{"analysis"'],
    ['a note of another shape', '{"analysis":1}'],
    ['a note of another content', 'other'],
  ])('is nothing where its proxy has %s', async (_, note) => {
    const { known, blobs } = await stored();
    const key = blobKeys.proxy(CONTENT);
    await blobs.delete(key);
    await blobs.put(key, PROXY, note === 'other' ? known.note(factsOf('d'.repeat(64))) : note);
    expect(await known.find(CONTENT)).toBeUndefined();
  });

  it('counts for a model with a proxy of its own once it has the vector or that proxy', async () => {
    const { ports, blobs } = await stored();
    const digest = 'f'.repeat(64);
    const withProxy = { ...ports, model: { ...ports.model, proxy: { spec: {}, digest } } };
    const known = new KnownContents(withProxy);
    expect(await known.find(CONTENT)).toBeUndefined();
    await blobs.put(blobKeys.modelProxy(digest, CONTENT), PROXY);
    expect(await known.find(CONTENT)).toBeDefined();
    await blobs.delete(blobKeys.modelProxy(digest, CONTENT));
    await ports.vectors.put(vectorKey(withProxy, CONTENT), PROXY);
    expect(await known.find(CONTENT)).toBeDefined();
  });
});
