// The scorer: judges each item by the dataset's rules and hands the verdict, with all that decided it, to the
// manifest keeper.
import type { ActorSpec } from '#runtime';
import { judge } from '../rules/judge.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { type JudgedMessage, type ScoreMessage, scoreMessageSchema } from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type StageMessage, stageActor } from './stage.ts';

/** A stateless stage; many items a batch, since judging is arithmetic. */
export function scorerActor(
  ports: DatasetPorts,
  options: { id: string; judging: JudgingContext },
): ActorSpec<StageMessage> {
  const { judging } = options;
  const queued = queuedItem(ports.codec, scoreMessageSchema);
  return stageActor(ports, {
    stage: 'score',
    id: options.id,
    maxBatch: 64,
    prefetch: 128,
    identify: queued.identify,
    handler: () => async (batch) =>
      batch.map((delivery) => {
        const message = queued.read(delivery);
        const judged = judgedMessage(message, judging);
        return { effects: [{ stage: 'keep' as const, sequence: message.sequence, message: judged }] };
      }),
  });
}

function judgedMessage(message: ScoreMessage, judging: JudgingContext): JudgedMessage {
  return {
    type: 'judged',
    sequence: message.sequence,
    item: message.item,
    id: message.id,
    time: message.time,
    facts: message.facts,
    vector: message.vector,
    judgement: judge(message, judging),
    config: judging.configDigest,
    versions: { ...judging.versions },
    generation: message.generation,
    edges: message.edges,
  };
}
