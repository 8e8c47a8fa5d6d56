// The embedder: turns proxies into vectors in batches, one ONNX session in a worker thread. A vector is stored
// under everything that determines it, so a content is paid for once and a repeat costs a look-up.
import type { ActorRef, ActorSpec, ThreadCall } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';
import { PassingFailure } from './item-failure.ts';
import { type DedupMessage, type EmbedMessage, embedMessageSchema } from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';

/** Asks of the session thread. */
export type EmbedCall = ThreadCall<
  { readonly pixels: readonly Uint8Array[] },
  { readonly vectors: readonly Float32Array[] }
>;

export interface EmbedderOptions {
  readonly id: string;
  /** Path of the session thread. */
  readonly session: string;
  readonly maxBatch: number;
  readonly timeoutMs: number;
}

export function embedderActor(ports: DatasetPorts, options: EmbedderOptions): ActorSpec<StageMessage> {
  const queued = queuedItem(ports.codec, embedMessageSchema);
  return stageActor(ports, {
    stage: 'embed',
    id: options.id,
    maxBatch: options.maxBatch,
    prefetch: options.maxBatch * 2,
    identify: queued.identify,
    handler: (context) => {
      const session = context.ref<EmbedCall>(options.session);
      return (batch) => embedBatch(ports, options, session, batch.map(queued.read));
    },
  });
}

async function embedBatch(
  ports: DatasetPorts,
  options: EmbedderOptions,
  session: ActorRef<EmbedCall>,
  items: readonly EmbedMessage[],
): Promise<readonly HopResult[]> {
  const missing = await missingVectors(ports, items);
  if (missing.size > 0) {
    const contents = [...missing];
    const vectors = await infer(
      session,
      options,
      contents.map(([, proxy]) => proxy),
    );
    await Promise.all(
      contents.map(([key], at) => {
        const vector = vectors[at];
        if (vector === undefined)
          throw new Error('the session answered fewer vectors than it was given proxies');
        return ports.vectors.put(key, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
      }),
    );
    ports.faults.reach('embed.stored');
  }
  return items.map((item) => {
    const { proxy: _, ...rest } = item;
    const message: DedupMessage = { ...rest, vector: vectorKey(ports, item.facts.content) };
    return { effects: [{ stage: 'dedup' as const, sequence: item.sequence, message }] };
  });
}

/** Keys without a stored vector, each once, with the proxy to embed. */
async function missingVectors(
  ports: DatasetPorts,
  items: readonly EmbedMessage[],
): Promise<Map<string, Uint8Array>> {
  const wanted = new Map(items.map((item) => [vectorKey(ports, item.facts.content), item.proxy]));
  const known = await Promise.all(
    [...wanted.keys()].map(async (key) => [key, await ports.vectors.has(key)] as const),
  );
  for (const [key, stored] of known) if (stored) wanted.delete(key);
  return wanted;
}

async function infer(
  session: ActorRef<EmbedCall>,
  options: EmbedderOptions,
  pixels: readonly Uint8Array[],
): Promise<readonly Float32Array[]> {
  try {
    const { vectors } = await session.ask<{ readonly vectors: readonly Float32Array[] }>(
      (reply) => ({ request: { pixels }, reply }),
      { timeoutMs: options.timeoutMs },
    );
    return vectors;
  } catch (cause) {
    throw new PassingFailure('model_failed', 'the embedding session did not answer', { cause });
  }
}

/** Everything that determines a vector: model bytes, preprocessing, precision, dimension, content. */
export function vectorKey(ports: Pick<DatasetPorts, 'model' | 'kind'>, content: string): string {
  const { model, kind } = ports;
  return `${model.digest.slice(0, 16)}/${kind.version}/f32/${model.dimension}/${content}`;
}
