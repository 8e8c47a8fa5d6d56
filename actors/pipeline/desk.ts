// The dedup desk: claims the contents of the items in its queue, and sends each item on with the pairs found.
import type { ActorSpec } from '#runtime';
import { ContentClaims } from './content-claims.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { dedupMessageSchema, type ScoreMessage } from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type StageMessage, stageActor } from './stage.ts';

export interface DeskOptions {
  readonly id: string;
  /** Paths of the index shards of the present generation, in order. */
  readonly shards: readonly string[];
  readonly askTimeoutMs: number;
}

/** Contents in one claim. */
export const CLAIM_BATCH = 32;

export function deskActor(ports: DatasetPorts, options: DeskOptions): ActorSpec<StageMessage> {
  const queued = queuedItem(ports.codec, dedupMessageSchema);
  const { number: generation } = ports.generation;
  return stageActor(ports, {
    stage: 'dedup',
    id: options.id,
    maxBatch: CLAIM_BATCH,
    prefetch: 2 * CLAIM_BATCH,
    identify: queued.identify,
    handler: (context) => {
      const claims = new ContentClaims(ports, context, options.shards);
      return async (batch, signal, { limitFactor }) => {
        const items = batch.map(queued.read);
        const timeoutMs = options.askTimeoutMs * limitFactor;
        const contents = items.map(({ facts }) => facts);
        const edges = await claims.claim(contents, { signal, timeoutMs });
        return items.map((item) => {
          const found = [...(edges.get(item.facts.content) ?? [])];
          const message: ScoreMessage = { ...item, generation, edges: found };
          return { effects: [{ stage: 'score', sequence: item.sequence, message }] };
        });
      };
    },
  });
}
