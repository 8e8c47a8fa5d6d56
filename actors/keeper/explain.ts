// The lineage of an item: every entry that a key names, with what the publisher gave, its row in the newest manifest
// and its verified relatives. For `troupe explain`.

import type { DatasetConfig } from '../config/index.ts';
import { relationOf } from '../dedup/relation.ts';
import type { Edge } from '../kinds/kind.ts';
import type { Payload } from '../pipeline/messages.ts';
import { isAgainst, relationAgainst } from './cut-against.ts';
import type { Tombstone } from './erasures.ts';
import type { ExplainAnswer, ExplainedItem } from './keeper-messages.ts';
import type { Ledger } from './ledger.ts';
import { edgesOf, idsByContent } from './ledger-contents.ts';
import type { LedgerEntry } from './ledger-events.ts';
import type { ManifestRow } from './manifest.ts';
import { namedEntries } from './named-entries.ts';

/** What a lineage needs beside the ledger. */
export interface ExplainSources {
  /** The thresholds under which pairs are related now. */
  readonly dedup: DatasetConfig['dedup'];
  readonly manifest: { readonly number: number; readonly rows: ReadonlyMap<string, ManifestRow> } | null;
  readonly payload: (item: string) => Promise<Payload | null>;
}

/** Everything about the items that match an id, an item digest, a content digest or, else, a sequence. */
export async function explain(ledger: Ledger, key: string, sources: ExplainSources): Promise<ExplainAnswer> {
  const entries = namedEntries(ledger, key);
  return { items: await Promise.all(entries.map((entry) => explainEntry(ledger, entry, sources))) };
}

async function explainEntry(
  ledger: Ledger,
  entry: LedgerEntry,
  { dedup, manifest, payload }: ExplainSources,
): Promise<ExplainedItem> {
  const retryOf = ledger.retryOf(entry.sequence) ?? null;
  if (entry.type === 'dead') {
    const fate = ledger.fate(entry.sequence);
    const resolution = fate.state === 'retried' || fate.state === 'purged' ? fate : null;
    return { ...unjudged, entry, resolution, retryOf };
  }
  if (entry.type === 'erased') {
    const lead = entry.item === null ? undefined : ledger.leadOf(entry.item);
    const repeatOf = lead === undefined || lead === entry.sequence ? null : lead;
    const row = (entry.item !== null && manifest?.rows.get(entry.item)) || null;
    return {
      ...unjudged,
      entry,
      repeatOf,
      resolution: null,
      retryOf,
      row,
      manifest: manifest?.number ?? null,
    };
  }
  const lead = ledger.leadOf(entry.item);
  const row = manifest?.rows.get(entry.item) ?? null;
  return {
    entry,
    repeatOf: lead === undefined || lead === entry.sequence ? null : lead,
    resolution: null,
    retryOf,
    payload: await payload(entry.item),
    row,
    manifest: manifest?.number ?? null,
    survivorId: row?.survivor == null ? null : (manifest?.rows.get(row.survivor)?.id ?? null),
    relatives: entry.facts === null ? [] : relatives(ledger, entry.facts.content, dedup),
    generations: entry.facts === null ? [] : ledger.generations.history,
    survivorsErased: ledger.erasures.survivorsLostBy(entry.item).map((lost) => named(ledger, lost)),
    incomparable: (entry.facts && ledger.generations.failures.get(entry.facts.content)) ?? null,
  };
}

/** What is not known of a sequence that died. */
const unjudged = {
  repeatOf: null,
  payload: null,
  row: null,
  manifest: null,
  survivorId: null,
  relatives: [],
  generations: [],
  survivorsErased: [],
  incomparable: null,
} as const;

/** An erased item by the id that it had. */
function named(ledger: Ledger, { item, erasure }: Tombstone): ExplainedItem['survivorsErased'][number] {
  const entry = ledger.entry(ledger.leadOf(item) ?? 0);
  return { item, id: entry?.id ?? null, ...erasure };
}

/** Measured pairs of a content, closest first. */
function relatives(
  ledger: Ledger,
  content: string,
  dedup: DatasetConfig['dedup'],
): ExplainedItem['relatives'] {
  const edges = [...edgesOf(ledger, content)].sort((a, b) => a.distance - b.distance);
  const otherOf = (edge: Edge) => (edge.a === content ? edge.b : edge.a);
  const ids = idsByContent(ledger, new Set(edges.map(otherOf)));
  return edges.map((edge) => ({
    edge,
    relation: (isAgainst(edge) ? relationAgainst(edge, dedup) : relationOf(edge, dedup)) ?? null,
    id: isAgainst(edge) ? null : (ids.get(otherOf(edge)) ?? null),
  }));
}
