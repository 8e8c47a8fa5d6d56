// The conservation law of G1: every sequence of the intake stream has a verdict in the ledger or is still pending
// in a named stream. Reads the streams without consuming from them.
import { ITEM_STAGES, type ItemStage, type SettledAnswer } from '#actors';
import { eachMessage, messageAt, streamState } from '#nats';
import type { ClientSystem } from './client-system.ts';

/** The result of an audit. */
export interface AuditReport {
  readonly dataset: string;
  /** Sequences that the intake stream has ever held. */
  readonly published: number;
  readonly verdicts: SettledAnswer['counts'];
  /** Sequences on their way, by the stream that holds them. */
  readonly pending: Readonly<Record<'intake' | ItemStage, number>>;
  /** Sequences that are nowhere. */
  readonly missing: readonly number[];
  /** Everything that does not add up, in words. */
  readonly problems: readonly string[];
  readonly balanced: boolean;
}

/** Audits a dataset. What moves between two reads is looked for again, so a running pipeline does not alarm. */
export async function audit(system: ClientSystem, dataset: string): Promise<AuditReport> {
  const keeper = system.keeper(dataset);
  const intake = system.names.streams.intake(dataset);
  const { lastSequence } = await streamState(system.link, intake);
  let settled = await keeper.settled(lastSequence);
  const pending = { intake: 0, held: 0, embed: 0, dedup: 0, score: 0, keep: 0 };
  let missing: readonly number[] = settled.missing.sequences;
  if (missing.length > 0) {
    const places = await locate(system, dataset, missing);
    const lost = missing.filter((sequence) => !places.has(sequence));
    // An item may have passed every place just before it was looked at: then the ledger has it by now.
    settled = await keeper.settled(lastSequence);
    const still = new Set(settled.missing.sequences);
    missing = lost.filter((sequence) => still.has(sequence));
    for (const [sequence, place] of places) if (still.has(sequence)) pending[place] += 1;
  }
  const judged = Object.values(settled.counts).reduce((sum, count) => sum + count, 0);
  const problems =
    missing.length > 0 ? [`${missing.length} sequences have no verdict and are in no stream`] : [];
  if (judged + settled.missing.count !== lastSequence) {
    problems.push(
      `${judged} verdicts and ${settled.missing.count} open sequences do not add up to ${lastSequence}`,
    );
  }
  problems.push(...(await manifestProblems(system, dataset)));
  return {
    dataset,
    published: lastSequence,
    verdicts: settled.counts,
    pending,
    missing,
    problems,
    balanced: problems.length === 0,
  };
}

/** Which stream holds each of the sequences; those that none holds are absent. */
async function locate(
  system: ClientSystem,
  dataset: string,
  sequences: readonly number[],
): Promise<ReadonlyMap<number, 'intake' | ItemStage>> {
  const wanted = new Set(sequences);
  const places = new Map<number, 'intake' | ItemStage>();
  for (const sequence of sequences) {
    if ((await messageAt(system.link, system.names.streams.intake(dataset), sequence)) !== undefined) {
      places.set(sequence, 'intake');
    }
  }
  for (const stage of ITEM_STAGES) {
    for await (const message of eachMessage(system.link, system.names.streams.work(dataset, stage))) {
      const sequence = Number(message.header('Nats-Msg-Id')?.split('.')[3]);
      if (wanted.has(sequence)) places.set(sequence, stage);
    }
  }
  return places;
}

/** The newest manifest must be whole, and each duplicate must have a kept survivor (G4). */
async function manifestProblems(system: ClientSystem, dataset: string): Promise<readonly string[]> {
  const manifests = system.manifests(dataset);
  const head = await manifests.head();
  const record = head === undefined ? undefined : await manifests.record(head);
  if (record === undefined) return [];
  return (await manifests.check(record)).problems.map((problem) => `manifest ${record.number}: ${problem}`);
}
