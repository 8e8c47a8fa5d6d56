// The embedder: turns proxies into vectors in batches, one ONNX session in a worker thread. A vector is stored
// under everything that determines it, so a content is paid for once, whichever dataset had it first; a model's own
// proxy is read only when its content has no vector yet. While the session's breaker is not closed nothing is pulled,
// and what is in hand waits.
import type { ActorSpec } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';
import { embedContents, storedPicture } from './embed-contents.ts';
import { type EmbedCall, GuardedSession } from './guarded-session.ts';
import { PassingFailure } from './item-failure.ts';
import { type DedupMessage, type EmbedMessage, embedMessageSchema } from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';
import { vectorKey } from './vector-store.ts';

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
    breaker: ports.modelBreaker,
    handler: (context) => {
      const session = new GuardedSession({
        ref: context.ref<EmbedCall>(options.session),
        breaker: ports.modelBreaker,
        timeoutMs: options.timeoutMs,
      });
      return (batch, signal, { limitFactor }) => {
        // The limit of one run is fixed: fewer pictures in it have more of it each.
        const run = Math.max(1, Math.floor(ports.model.batch / limitFactor));
        return embedBatch(ports, batch.map(queued.read), (proxies) => session.embed(proxies, run, signal));
      };
    },
  });
}

async function embedBatch(
  ports: DatasetPorts,
  items: readonly EmbedMessage[],
  embed: (pictures: readonly Uint8Array[]) => Promise<readonly Float32Array[]>,
): Promise<readonly HopResult[]> {
  const contents = items.map((item) => ({
    content: item.facts.content,
    fresh: item.fresh,
    picture: () => pictureOf(ports, item),
  }));
  const counts = await embedContents(ports, contents, embed);
  ports.meter.embedded(counts);
  if (counts.inference > 0) ports.faults.reach('embed.stored');
  return items.map((item) => {
    const { proxy: _, fresh: __, ...rest } = item;
    const message: DedupMessage = { ...rest, vector: vectorKey(ports, item.facts.content) };
    return { effects: [{ stage: 'dedup' as const, sequence: item.sequence, message }] };
  });
}

/** What the model works on: it came with the message, or it is stored. @throws PassingFailure `proxy_missing` */
async function pictureOf(ports: DatasetPorts, { facts, proxy }: EmbedMessage): Promise<Uint8Array> {
  if (ports.model.proxy === undefined && proxy !== null) return proxy;
  const stored = await storedPicture(ports, facts.content);
  if (stored !== undefined) return stored;
  const message = `no copy of content ${facts.content} for the model ${ports.model.name} is stored`;
  throw new PassingFailure('proxy_missing', message);
}
