// What the ledger says of contents and of erased items: for erasures and explanations, each by one look at all entries.
import type { Edge } from '../kinds/kind.ts';
import type { ErasedEntry, ToDelete } from './erasures.ts';
import type { Ledger } from './ledger.ts';
import type { ManifestRecord } from './manifest.ts';

/** Of contents, the items that have each and are not erased; contents that nobody has are left out. */
export function itemsByContent(
  ledger: Pick<Ledger, 'entries'>,
  contents: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const items = new Map<string, Set<string>>();
  if (contents.size === 0) return items;
  for (const entry of ledger.entries()) {
    if (entry.type !== 'judged' || entry.facts === null || !contents.has(entry.facts.content)) continue;
    const known = items.get(entry.facts.content);
    if (known === undefined) items.set(entry.facts.content, new Set([entry.item]));
    else known.add(entry.item);
  }
  return items;
}

/** One id for each of the contents that an item has. */
export function idsByContent(ledger: Ledger, contents: ReadonlySet<string>): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const entry of ledger.entries()) {
    if (entry.type !== 'judged' || entry.facts === null || !contents.has(entry.facts.content)) continue;
    if (!ids.has(entry.facts.content)) ids.set(entry.facts.content, entry.id);
  }
  return ids;
}

/** Edges that touch a content. */
export function edgesOf(ledger: Ledger, content: string): readonly Edge[] {
  return [...ledger.generations.edges()]
    .map(({ edge }) => edge)
    .filter(({ a, b }) => a === content || b === content);
}

/** The entries of erased items and sequences. */
export function erasedEntries(
  ledger: Ledger,
  { items, sequences }: Pick<ToDelete, 'items' | 'sequences'>,
): readonly ErasedEntry[] {
  const all = [...items.flatMap((item) => ledger.sequencesOf(item)), ...sequences];
  return all.flatMap((sequence) => {
    const entry = ledger.entry(sequence);
    return entry?.type === 'erased' ? [entry] : [];
  });
}

/** Items of a manifest that were erased after it was cut: the ledger cannot derive it any more. */
export function erasedSince(
  ledger: Ledger,
  { number, throughEntry }: Pick<ManifestRecord, 'number' | 'throughEntry'>,
): number {
  const items = new Set<string>();
  for (const entry of ledger.slice(0, throughEntry)) {
    if (entry.type !== 'erased' || entry.item === null) continue;
    if (entry.erasure.manifest >= number) items.add(entry.item);
  }
  return items.size;
}
