// The embedder: turns proxies into vectors in batches, one ONNX session in a worker thread. A vector is stored
// under everything that determines it, so a content is paid for once and a repeat costs a look-up; a model's own
// proxy is read only when its content has no vector yet.
import type { ActorRef, ActorSpec, ThreadCall } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';
import { PassingFailure } from './item-failure.ts';
import { blobKeys, type DedupMessage, type EmbedMessage, embedMessageSchema } from './messages.ts';
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
  if (missing.length > 0) {
    const proxies = await Promise.all(missing.map((item) => proxyOf(ports, item)));
    const vectors = await infer(ports, session, options, proxies);
    await Promise.all(
      missing.map(({ facts }, at) => {
        const vector = vectors[at];
        if (vector === undefined)
          throw new Error('the session answered fewer vectors than it was given proxies');
        const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
        return ports.vectors.put(vectorKey(ports, facts.content), bytes);
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

/** One item for each content without a stored vector. */
async function missingVectors(
  ports: DatasetPorts,
  items: readonly EmbedMessage[],
): Promise<readonly EmbedMessage[]> {
  const distinct = [...new Map(items.map((item) => [item.facts.content, item])).values()];
  const stored = await Promise.all(
    distinct.map((item) => ports.vectors.has(vectorKey(ports, item.facts.content))),
  );
  return distinct.filter((_, at) => stored[at] !== true);
}

/** What the model works on: it came with the message, or it is stored. @throws PassingFailure `proxy_missing` */
async function proxyOf({ model, blobs }: DatasetPorts, { facts, proxy }: EmbedMessage): Promise<Uint8Array> {
  if (model.proxy === undefined && proxy !== null) return proxy;
  const { content } = facts;
  const key =
    model.proxy === undefined ? blobKeys.proxy(content) : blobKeys.modelProxy(model.proxy.digest, content);
  const stored = await blobs.get(key);
  if (stored !== undefined) return stored;
  throw new PassingFailure('proxy_missing', `no copy for the model ${model.name} is stored as ${key}`);
}

async function infer(
  { model }: DatasetPorts,
  session: ActorRef<EmbedCall>,
  options: EmbedderOptions,
  proxies: readonly Uint8Array[],
): Promise<readonly Float32Array[]> {
  const found: Float32Array[] = [];
  try {
    // The deadline is that of one run, whatever the stage has in hand.
    for (let from = 0; from < proxies.length; from += model.batch) {
      const pixels = proxies.slice(from, from + model.batch);
      const { vectors } = await session.ask<{ readonly vectors: readonly Float32Array[] }>(
        (reply) => ({ request: { pixels }, reply }),
        { timeoutMs: options.timeoutMs },
      );
      found.push(...vectors);
    }
    return found;
  } catch (cause) {
    throw new PassingFailure('model_failed', 'the embedding session did not answer', { cause });
  }
}

/** Everything that determines a vector: decoding, model bytes, what is done around the model, precision, dimension, content. */
export function vectorKey({ model, kind }: Pick<DatasetPorts, 'model' | 'kind'>, content: string): string {
  const { digest, recipe, precision, dimension } = model;
  return `${kind.version}/${digest.slice(0, 16)}/${recipe.slice(0, 16)}/${precision}/${dimension}/${content}`;
}
