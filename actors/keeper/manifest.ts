// What a manifest is: canonical rows under a Merkle root, bound to the deciding configuration by one digest, in
// an envelope with what is true of this cut but not of its content (numbers, times, journal range).
import { z } from 'zod';
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import { merkleRoot } from './merkle.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const manifestRowSchema = z.object({
  item: sha256,
  id: z.string(),
  content: sha256.nullable(),
  outcome: z.enum(['kept', 'duplicate', 'rejected', 'review']),
  relation: z.enum(['exact', 'near', 'transformed', 'semantic', 'uncertain']).nullable(),
  /** Item digest of the survivor, for duplicates and grouped items; of the other item, for an uncertain pair. */
  survivor: sha256.nullable(),
  score: z.number().nullable(),
  reasons: z.array(z.string()),
  /** What was measured of the pair, the thresholds in force, and the comparison's version. */
  evidence: z
    .object({
      hashes: z.record(z.string(), z.number()),
      distance: z.number(),
      /** The other picture's orientation, and the distance then, where the hashes found it. */
      turned: z.object({ variant: z.string(), distance: z.number() }).optional(),
      similarity: z.number().nullable(),
      threshold: z.object({ distance: z.number(), similarity: z.number().nullable() }),
      algorithm: z.string(),
    })
    .nullable(),
  /** Smallest item digest of the family of items that only chain, or null. */
  family: sha256.nullable(),
});

/** One item's line in a manifest. */
export type ManifestRow = z.infer<typeof manifestRowSchema>;

const countsSchema = z.object({
  kept: z.number(),
  duplicate: z.number(),
  rejected: z.number(),
  review: z.number(),
});
export type OutcomeCounts = z.infer<typeof countsSchema>;

export const manifestEnvelopeSchema = z.object({
  format: z.literal('troupe-manifest/1'),
  dataset: z.string(),
  number: z.number().int().positive(),
  digest: sha256,
  root: sha256,
  configDigest: sha256,
  /** The deciding configuration: settings, model, algorithm versions. */
  deciding: z.record(z.string(), z.unknown()),
  parent: z.object({ number: z.number(), digest: sha256 }).nullable(),
  rows: z.number().int(),
  counts: countsSchema,
  /** Content-addressed parts, in row order. */
  chunks: z.array(z.object({ digest: sha256, rows: z.number().int() })),
  /** Journaled ledger entries that this cut saw. */
  throughEntry: z.number().int(),
  /** Sequences outside the rows, by why. */
  outside: z.object({
    dead: z.number(),
    repeats: z.number(),
    retried: z.number().default(0),
    purged: z.number().default(0),
    erased: z.number().default(0),
  }),
  findings: z.array(z.object({ code: z.string(), id: z.string(), items: z.array(sha256) })),
  createdAt: z.string(),
});
export type ManifestEnvelope = z.infer<typeof manifestEnvelopeSchema>;

/** What the ledger and the heads bucket record of a manifest. */
export interface ManifestRecord {
  readonly number: number;
  readonly digest: string;
  /** Name of the envelope object: sha256 of its bytes. */
  readonly envelope: string;
  readonly throughEntry: number;
  readonly rows: number;
  readonly counts: OutcomeCounts;
  readonly createdAt: string;
}

/** Rows in canonical order: by item digest. */
export function canonicalRows(rows: readonly ManifestRow[]): readonly ManifestRow[] {
  return [...rows].sort((a, b) => (a.item < b.item ? -1 : a.item > b.item ? 1 : 0));
}

/** Root over canonical rows, and the digest that binds it to the deciding configuration. */
export function manifestDigest(
  rows: readonly ManifestRow[],
  configDigest: string,
): { root: string; digest: string } {
  const root = merkleRoot(rows.map((row) => canonicalJson(row)));
  return { root, digest: sha256Hex(`troupe-manifest/1\n${root}\n${configDigest}`) };
}

/** Target rows in a chunk: small enough that a cut rewrites little, large enough that there are few. */
const ROWS_PER_CHUNK = 512;

/**
 * Splits canonical rows by leading bits of the item digest, so that a changed item changes one chunk. The split
 * depends on the number of rows only; the digest does not depend on it at all.
 */
export function chunkRows(rows: readonly ManifestRow[]): readonly (readonly ManifestRow[])[] {
  const bits = Math.min(16, Math.max(0, Math.ceil(Math.log2(rows.length / ROWS_PER_CHUNK))));
  const chunks = new Map<number, ManifestRow[]>();
  for (const row of rows) {
    const prefix = Number.parseInt(row.item.slice(0, 4), 16) >>> (16 - bits);
    const chunk = chunks.get(prefix);
    if (chunk === undefined) chunks.set(prefix, [row]);
    else chunk.push(row);
  }
  return [...chunks.values()];
}

/** Counts rows by outcome. */
export function countOutcomes(rows: readonly ManifestRow[]): OutcomeCounts {
  const counts = { kept: 0, duplicate: 0, rejected: 0, review: 0 };
  for (const row of rows) counts[row.outcome] += 1;
  return counts;
}
