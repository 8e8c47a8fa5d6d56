// The supervision tree of one dataset. Started left to right, so that whoever is asked is there before whoever
// asks; stopped right to left, so that intake dries up first and the keeper ends last.
import { type SupervisorSpec, threadActor } from '#runtime';
import { leafIntensity } from '#supervision';
import { indexShardActor } from '../dedup/index-shard.ts';
import { keeperActor } from '../keeper/keeper.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { deskActor } from './desk.ts';
import { embedderActor } from './embedder.ts';
import { ingestorActor } from './ingestor.ts';
import { IntakeGate } from './intake-gate.ts';
import { scorerActor } from './scorer.ts';

export interface DatasetSizing {
  /** Items that are fetched and stored at once. */
  readonly ingestors: number;
  /** Threads that decode and hash. */
  readonly decodeThreads: number;
  readonly decodeTimeoutMs: number;
  readonly desks: number;
  readonly embedBatch: number;
}

const ASK_TIMEOUT_MS = 20_000;
const EMBED_TIMEOUT_MS = 60_000;
const SESSION_MEMORY_MB = 512;
const DECODER_MEMORY_MB = 512;

/** Specification of the supervisor `<dataset>` with every actor below it. */
export function datasetTree(
  ports: DatasetPorts,
  judging: JudgingContext,
  embedModule: URL,
  sizing: DatasetSizing,
): SupervisorSpec {
  const at = (path: string) => `${ports.dataset}/${path}`;
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => index);
  const shards = numbered(ports.config.shards);
  const decoders = numbered(sizing.decodeThreads);
  const gate = new IntakeGate({ journal: ports.journal('keeper', 0), clock: ports.clock, log: ports.log });
  return supervisor(ports.dataset, 'rest_for_one', [
    keeperActor(ports, judging),
    supervisor(
      'index',
      'one_for_one',
      shards.map((shard) => indexShardActor(ports, shard)),
    ),
    scorerActor(ports, { id: 'scorer', judging }),
    supervisor(
      'desks',
      'one_for_one',
      numbered(sizing.desks).map((desk) =>
        deskActor(ports, {
          id: `desk-${desk}`,
          shards: shards.map((shard) => at(`index/shard-${shard}`)),
          askTimeoutMs: ASK_TIMEOUT_MS,
        }),
      ),
    ),
    supervisor('embedding', 'rest_for_one', [
      threadActor({
        id: 'session',
        module: embedModule,
        data: { modelPath: ports.model.path },
        deadlineMs: EMBED_TIMEOUT_MS,
        maxOldGenerationMb: SESSION_MEMORY_MB,
      }),
      embedderActor(ports, {
        id: 'embedder',
        session: at('embedding/session'),
        maxBatch: sizing.embedBatch,
        timeoutMs: EMBED_TIMEOUT_MS,
      }),
    ]),
    supervisor('intake', 'rest_for_one', [
      supervisor(
        'decoders',
        'one_for_one',
        decoders.map((decoder) =>
          threadActor({
            id: `decoder-${decoder}`,
            module: ports.kind.analyserModule,
            deadlineMs: sizing.decodeTimeoutMs,
            maxOldGenerationMb: DECODER_MEMORY_MB,
            mailbox: { capacity: 2, overflow: 'reject' },
          }),
        ),
      ),
      supervisor(
        'ingestors',
        'one_for_one',
        numbered(sizing.ingestors).map((ingestor) =>
          ingestorActor(ports, {
            id: `ingestor-${ingestor}`,
            threads: decoders.map((decoder) => at(`intake/decoders/decoder-${decoder}`)),
            analyseTimeoutMs: sizing.decodeTimeoutMs * 2,
            judging,
            gate,
          }),
        ),
      ),
    ]),
  ]);
}

function supervisor(
  id: string,
  strategy: SupervisorSpec['strategy'],
  children: SupervisorSpec['children'],
): SupervisorSpec {
  // Pools of leaves get the leaf budget; whatever holds other supervisors keeps the default.
  const leaves = children.every(({ type }) => type === 'actor');
  return { type: 'supervisor', id, strategy, children, ...(leaves && { intensity: leafIntensity }) };
}
