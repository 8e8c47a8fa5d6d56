// Outcomes for subscribers: rejected, review and dead as soon as they are journaled; kept, duplicate and
// superseded at each cut, and rejected and review where the cut says so and the journal did not; changes only. Published at least once; the message id lets the stream store one.
import { canonicalJson } from '../pipeline/canonical.ts';
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import type { LedgerEntry } from './ledger-events.ts';
import type { ManifestRow } from './manifest.ts';

/** Body of an outcome message (JSON). */
export interface OutcomeMessage {
  readonly dataset: string;
  readonly sequence: number;
  readonly id: string | null;
  readonly item: string | null;
  readonly outcome: string;
  readonly reasons: readonly string[];
  readonly score: number | null;
  /** For a duplicate: the survivor's id, item digest, and the relation. */
  readonly survivor?: { readonly id: string; readonly item: string; readonly relation: string };
  /** Number of the manifest that decided, for outcomes of a cut. */
  readonly manifest?: number;
}

type OutcomePorts = Pick<DatasetPorts, 'dataset' | 'incarnation' | 'subjects' | 'publisher'>;

/** Publishes what a journaled entry means to subscribers; eligible items wait for a cut. */
export async function announceEntry(ports: OutcomePorts, entry: LedgerEntry): Promise<void> {
  const message = entryOutcome(ports.dataset, entry);
  if (message !== undefined) await publish(ports, message, `v.${entry.type}`);
}

function entryOutcome(dataset: string, entry: LedgerEntry): OutcomeMessage | undefined {
  if (entry.type === 'dead') {
    const { sequence, id, reason } = entry;
    return { dataset, sequence, id, item: null, outcome: 'dead', reasons: [reason], score: null };
  }
  if (entry.type === 'erased') {
    const { sequence, id, item } = entry;
    return { dataset, sequence, id, item, outcome: 'erased', reasons: [], score: null };
  }
  const { verdict, reasons, score } = entry.judgement;
  if (verdict === 'eligible') return undefined;
  return {
    dataset,
    sequence: entry.sequence,
    id: entry.id,
    item: entry.item,
    outcome: verdict,
    reasons,
    score,
  };
}

/** What changed from one manifest to the next, for one row. */
export function cutOutcome(
  dataset: string,
  manifest: number,
  row: ManifestRow,
  before: ManifestRow | undefined,
  names: {
    readonly sequence: number;
    readonly survivorId: string | undefined;
    /** The verdict that was journaled: subscribers know it, unless it is `eligible`. */
    readonly verdict: string | undefined;
  },
): OutcomeMessage | undefined {
  if (before === undefined ? row.outcome === names.verdict : isSame(row, before)) return undefined;
  const outcome = row.outcome === 'duplicate' && before?.outcome === 'kept' ? 'superseded' : row.outcome;
  return {
    dataset,
    sequence: names.sequence,
    id: row.id,
    item: row.item,
    outcome,
    reasons: row.reasons,
    score: row.score,
    manifest,
    ...(row.survivor !== null &&
      row.relation !== null && {
        survivor: { item: row.survivor, id: names.survivorId ?? '', relation: row.relation },
      }),
  };
}

function isSame(row: ManifestRow, before: ManifestRow): boolean {
  return before.outcome === row.outcome && before.survivor === row.survivor;
}

/** Publishes one outcome; `decision` tells apart the decisions about one sequence. */
export async function publish(ports: OutcomePorts, message: OutcomeMessage, decision: string): Promise<void> {
  await ports.publisher.publish({
    subject: ports.subjects.outcome(message.outcome),
    data: Buffer.from(canonicalJson(message)),
    id: `${ports.dataset}.${ports.incarnation}.${message.sequence}.${decision}`,
    headers: { 'Content-Type': 'application/json' },
  });
}
