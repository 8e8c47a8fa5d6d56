// Manifest rows for tests: a kept item of a given id, changed as a test needs it.
import type { ManifestRow } from '#actors';
import { sha } from './ledger-messages.ts';

/** A kept item which nothing relates to; its item digest is that of its id. */
export function manifestRow(id: string, change: Partial<ManifestRow> = {}): ManifestRow {
  return {
    item: sha(id),
    id,
    content: sha(`content ${id}`),
    outcome: 'kept',
    relation: null,
    survivor: null,
    score: 0.5,
    reasons: [],
    evidence: null,
    family: null,
    ...change,
  };
}
