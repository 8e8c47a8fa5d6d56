// The reference of the pipeline bench: the same work in one process without queues, journals or supervision of
// items: decode and hash on the same worker threads, embed in the same session thread, insert and search the same
// indexes, compare the same proxies. It keeps every thread fed.

import { defaultModel, embedThreadModule } from '#actors';
import { type ActorRef, ActorSystem, leastLoaded, type ThreadCall, threadActor } from '#runtime';
import { HammingIndex } from '../actors/dedup/hamming-index.ts';
import { analyseThreadModule, comparePixels, type ImageAnalysis } from '../actors/image/index.ts';

const RADIUS = 10;
const BATCH = 32;
const LIMITS = { maxPixels: 100_000_000, maxBytes: 64 * 1024 * 1024 };

export interface BareLoop {
  /** Runs all contents through; resolves to how many were analysed, embedded and searched. */
  run(contents: readonly Uint8Array[]): Promise<number>;
  stop(): Promise<void>;
}

export async function startBareLoop(decodeThreads: number): Promise<BareLoop> {
  const model = await defaultModel();
  const names = Array.from({ length: decodeThreads }, (_, at) => `decoder-${at}`);
  const system = await ActorSystem.start({
    name: 'bare loop',
    root: {
      type: 'supervisor',
      id: 'root',
      strategy: 'one_for_one',
      children: [
        ...names.map((id) =>
          threadActor({
            id,
            module: analyseThreadModule(),
            deadlineMs: 60_000,
            mailbox: { capacity: 2, overflow: 'backpressure' },
          }),
        ),
        threadActor({
          id: 'session',
          module: embedThreadModule(),
          data: model.session,
          deadlineMs: 60_000,
        }),
      ],
    },
  });
  const decoders = leastLoaded(names.map((id) => system.ref<ThreadCall<unknown, unknown>>(id)));
  const session = system.ref<ThreadCall<unknown, unknown>>('session');
  return {
    run: (contents) => runLoop(contents, decodeThreads, decoders, session),
    stop: () => system.stop(),
  };
}

async function runLoop(
  contents: readonly Uint8Array[],
  decodeThreads: number,
  decoders: ReturnType<typeof leastLoaded<ThreadCall<unknown, unknown>>>,
  session: ActorRef<ThreadCall<unknown, unknown>>,
): Promise<number> {
  const index = new SearchIndex();
  let next = 0;
  let done = 0;
  let batch: ImageAnalysis[] = [];
  const embedding: Promise<void>[] = [];
  const count = (embedded: number) => {
    done += embedded;
  };
  const flush = () => {
    const analyses = batch;
    batch = [];
    if (analyses.length > 0) embedding.push(embed(session, analyses).then(count));
  };
  const feed = async () => {
    while (next < contents.length) {
      const bytes = contents[next];
      next += 1;
      const request = { bytes, ...LIMITS };
      const analysis = (await decoders.ask((reply) => ({ request, reply }), {
        timeoutMs: 60_000,
      })) as ImageAnalysis;
      index.insertAndSearch(analysis);
      if (batch.push(analysis) >= BATCH) flush();
    }
  };
  await Promise.all(Array.from({ length: decodeThreads * 3 }, feed));
  flush();
  await Promise.all(embedding);
  if (index.size !== contents.length)
    throw new Error(`the bare loop indexed ${index.size} of ${contents.length}`);
  return done;
}

async function embed(
  session: ActorRef<ThreadCall<unknown, unknown>>,
  analyses: readonly ImageAnalysis[],
): Promise<number> {
  const request = { pixels: analyses.map(({ pixels }) => pixels) };
  const answer = await session.ask<{ vectors: readonly Float32Array[] }>(
    (reply) => ({ request, reply: reply as never }),
    {
      timeoutMs: 60_000,
    },
  );
  return answer.vectors.length;
}

class SearchIndex {
  readonly #proxies: Uint8Array[] = [];
  readonly #phash = new HammingIndex();
  readonly #dhash = new HammingIndex();

  get size(): number {
    return this.#proxies.length;
  }

  insertAndSearch({ phash, dhash, pixels, lowInformation }: ImageAnalysis): void {
    const own = this.#proxies.push(pixels) - 1;
    if (lowInformation) return;
    const candidates = new Set<number>();
    for (const [index, hash] of [
      [this.#phash, phash],
      [this.#dhash, dhash],
    ] as const) {
      const bits = BigInt(`0x${hash}`);
      for (const { value } of index.query(bits, RADIUS)) candidates.add(value);
      index.insert(bits, own);
    }
    for (const candidate of candidates) {
      const other = this.#proxies[candidate];
      if (other !== undefined) comparePixels(pixels, other);
    }
  }
}
