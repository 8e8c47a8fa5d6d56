// Ingestors alone, over the ports of a dataset in memory.
import type { ActorSystem } from '#runtime';
import type { Kind } from '../../actors/kinds/kind.ts';
import { ErasureGate } from '../../actors/pipeline/erasure-guard.ts';
import { heldIngestorActor, type IngestorOptions, ingestorActor } from '../../actors/pipeline/ingestor.ts';
import { IntakeGate } from '../../actors/pipeline/intake-gate.ts';
import { KnownContents } from '../../actors/pipeline/known-contents.ts';
import { judgingContext } from '../../actors/rules/judging-context.ts';
import type { MemoryDataset } from './memory-ports.ts';
import { startActors } from './start-actors.ts';

export interface Ingesting {
  readonly system: ActorSystem;
  /** How often one of them crashed. */
  crashes(): number;
}

/**
 * Ingestors for new items and one for items that were held back. They share what those of a node share.
 * @param kind Needs no thread.
 */
export async function startIngestors(
  { ports, clock, checks }: MemoryDataset,
  kind: Kind,
  ingestors = 1,
): Promise<Ingesting> {
  const shared = {
    threads: ['nobody'],
    analyseTimeoutMs: 1_000,
    analyseMemoryMb: 64,
    judging: judgingContext(ports.config, kind, ports.model),
    gate: new IntakeGate({ journal: ports.journal('keeper', 0), clock, log: ports.log }),
    erasures: new ErasureGate(ports),
    known: new KnownContents(ports),
  } satisfies Omit<IngestorOptions, 'id'>;
  let crashes = 0;
  const system = await startActors(
    { clock, checks },
    [
      ...Array.from({ length: ingestors }, (_, at) =>
        ingestorActor(ports, { ...shared, id: `ingestor-${at}` }),
      ),
      heldIngestorActor(ports, { ...shared, id: 'held' }),
    ],
    {
      onEvent: ({ type }) => {
        if (type === 'crashed') crashes += 1;
      },
    },
  );
  return { system, crashes: () => crashes };
}
