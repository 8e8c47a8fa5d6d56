// What a person names an entry of the ledger by: its id, the digest of its item or content or, else, its sequence.
import type { Ledger } from './ledger.ts';
import type { LedgerEntry } from './ledger-events.ts';

/** All entries that a key names, by rising sequence. A number is a sequence only where nothing has it as its id. */
export function namedEntries(ledger: Ledger, key: string): readonly LedgerEntry[] {
  const found: LedgerEntry[] = [];
  for (const entry of ledger.entries()) {
    const matches =
      entry.id === key ||
      (entry.type !== 'dead' && entry.item === key) ||
      (entry.type === 'judged' && entry.facts?.content === key);
    if (matches) found.push(entry);
  }
  if (found.length > 0) return found.sort((a, b) => a.sequence - b.sequence);
  const numbered = /^\d+$/.test(key) ? ledger.entry(Number(key)) : undefined;
  return numbered === undefined ? [] : [numbered];
}
