// The account of a report: every sequence that was published is in exactly one of its lines. The manifest says what
// became of the items it saw; what settled after it, and what is on its way, stands beside.
import type { SettledAnswer, VerdictCounts } from '#actors';
import { streamState } from '#nats';
import type { ClientSystem } from '../node/client-system.ts';
import { ACCOUNT_NAMES, type Account } from './report-model.ts';

/** Reads of stream and ledger, one after the other, until they agree. */
const ATTEMPTS = 10;

/** Sequences published, and how the ledger stands on them. */
export interface Standing {
  readonly published: number;
  readonly verdicts: VerdictCounts;
  readonly open: number;
}

/** How the dataset stands now; where it moves faster than it can be read, the last reading. */
export async function readStanding(system: ClientSystem, dataset: string): Promise<Standing> {
  let standing: Standing | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { lastSequence } = await streamState(system.link, system.names.streams.intake(dataset));
    standing = standingOf(lastSequence, await system.keeper(dataset).settled(lastSequence));
    if (settledOf(standing.verdicts) + standing.open === standing.published) return standing;
  }
  if (standing === undefined) throw new Error('nothing was read');
  return standing;
}

function standingOf(published: number, { counts, missing }: SettledAnswer): Standing {
  return { published, verdicts: counts, open: missing.count };
}

function settledOf(verdicts: VerdictCounts): number {
  return Object.values(verdicts).reduce((sum, count) => sum + count, 0);
}

/**
 * The account of a manifest whose rows have these outcomes.
 * @param erasedSince Rows whose items were erased after it was cut: they are counted as what it says they were.
 */
export function accountOf(
  standing: Standing,
  outcomes: Readonly<Record<'kept' | 'duplicate' | 'rejected' | 'review', number>>,
  erasedSince = 0,
): Account {
  const { published, verdicts, open } = standing;
  const { dead, repeats, retried, purged } = verdicts;
  const erased = verdicts.erased - erasedSince;
  const rows = outcomes.kept + outcomes.duplicate + outcomes.rejected + outcomes.review;
  const later = verdicts.eligible + verdicts.rejected + verdicts.review + erasedSince - rows;
  const counts = { ...outcomes, dead, repeats, retried, purged, erased, later, open };
  const lines = ACCOUNT_NAMES.map((name) => ({ name, count: counts[name] }));
  const sum = lines.reduce((total, { count }) => total + count, 0);
  return { published, lines, isBalanced: sum === published && later >= 0 };
}
