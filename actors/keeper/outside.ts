// What the ledger holds that no manifest shows: dead sequences, and repeats of items. For reports: totals of all,
// and the first of each by name.
import type { DeadResolution } from './dead-fate.ts';
import type { Ledger } from './ledger.ts';
import { erasedSince } from './ledger-contents.ts';
import type { DeadEntry } from './ledger-events.ts';

/** A dead sequence and what was done about it. */
export interface DeadSequence extends DeadEntry {
  readonly resolution: DeadResolution | null;
}

/** A sequence that repeats an item. */
export interface RepeatedSequence {
  readonly sequence: number;
  readonly id: string;
  /** The sequence that stands for the item. */
  readonly of: number;
}

export interface OutsideSummary {
  /** Sequences that are dead (neither retried nor purged), by reason. */
  readonly deadByReason: Readonly<Record<string, number>>;
  /** The first of all that ever died, by rising sequence. */
  readonly dead: readonly DeadSequence[];
  /** The first repeats, by rising sequence. */
  readonly repeats: readonly RepeatedSequence[];
  /** Items of the manifest that was asked about which were erased after it was cut. */
  readonly erasedSince: number;
}

/** Summary of a ledger, with at most `limit` dead sequences and repeats by name, seen from a manifest. */
export function outsideOf(ledger: Ledger, limit: number, manifest: number): OutsideSummary {
  const reasons = new Map<string, number>();
  const dead: DeadSequence[] = [];
  const repeats: RepeatedSequence[] = [];
  for (const entry of ledger.verdicts()) {
    if (entry.type === 'dead') {
      const fate = ledger.fate(entry.sequence);
      const resolution = fate.state === 'retried' || fate.state === 'purged' ? fate : null;
      if (resolution === null) reasons.set(entry.reason, (reasons.get(entry.reason) ?? 0) + 1);
      if (dead.length < limit) dead.push({ ...entry, resolution });
      continue;
    }
    if (entry.type === 'erased') continue;
    const lead = ledger.leadOf(entry.item) ?? entry.sequence;
    if (lead !== entry.sequence && repeats.length < limit) {
      repeats.push({ sequence: entry.sequence, id: entry.id, of: lead });
    }
  }
  const cut = ledger.cuts.find(({ number }) => number === manifest);
  const deadByReason = Object.fromEntries([...reasons].sort(byCount));
  return { deadByReason, dead, repeats, erasedSince: cut === undefined ? 0 : erasedSince(ledger, cut) };
}

function byCount([a, many]: readonly [string, number], [b, more]: readonly [string, number]): number {
  return more - many || (a < b ? -1 : 1);
}
