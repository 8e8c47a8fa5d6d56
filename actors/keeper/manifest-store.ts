// Stores and reads manifests: content-addressed chunks, an immutable envelope, and the pointers by which other
// processes find them. Nothing here needs the keeper to be alive, so manifests can be read and checked anywhere.
import { z } from 'zod';
import type { BlobStore, RecordStore } from '#runtime';
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import {
  canonicalRows,
  chunkRows,
  type ManifestEnvelope,
  type ManifestRecord,
  type ManifestRow,
  manifestDigest,
  manifestEnvelopeSchema,
  manifestRowSchema,
} from './manifest.ts';

const recordSchema = z.object({
  number: z.number().int().positive(),
  digest: z.string(),
  envelope: z.string(),
  throughEntry: z.number().int(),
  rows: z.number().int(),
  counts: z.object({ kept: z.number(), duplicate: z.number(), rejected: z.number(), review: z.number() }),
  createdAt: z.string(),
});
const headSchema = z.object({ number: z.number().int().positive() });

/** An object that a manifest consists of is not stored. */
export class ManifestPartMissing extends Error {
  override readonly name = 'ManifestPartMissing';
}

/** What checking a stored manifest found. */
export interface ManifestCheck {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

export class ManifestStore {
  readonly #dataset: string;
  readonly #blobs: BlobStore;
  readonly #heads: RecordStore;

  constructor(options: { readonly dataset: string; readonly blobs: BlobStore; readonly heads: RecordStore }) {
    this.#dataset = options.dataset;
    this.#blobs = options.blobs;
    this.#heads = options.heads;
  }

  /** Stores rows as chunks (an unchanged chunk is already there) and returns their names in order. */
  async putChunks(rows: readonly ManifestRow[]): Promise<ManifestEnvelope['chunks']> {
    const chunks = chunkRows(rows).map((part) => {
      const bytes = Buffer.from(part.map((row) => `${canonicalJson(row)}\n`).join(''));
      return { bytes, digest: sha256Hex(bytes), rows: part.length };
    });
    await Promise.all(chunks.map(({ bytes, digest }) => this.#blobs.put(`chunk/${digest}`, bytes)));
    return chunks.map(({ digest, rows: count }) => ({ digest, rows: count }));
  }

  /** Stores the envelope and returns its name. */
  async putEnvelope(envelope: ManifestEnvelope): Promise<string> {
    const bytes = Buffer.from(canonicalJson(envelope));
    const name = sha256Hex(bytes);
    await this.#blobs.put(`envelope/${name}`, bytes);
    return name;
  }

  /** Publishes a manifest under its number and moves HEAD forward to it; repeating it changes nothing. */
  async publish(record: ManifestRecord): Promise<void> {
    const key = this.#recordKey(record.number);
    const value = Buffer.from(canonicalJson(record));
    const written = await this.#heads.compareAndSet(key, value, 0);
    if (written === undefined && (await this.record(record.number))?.digest !== record.digest) {
      throw new Error(
        `manifest ${record.number} of ${this.#dataset} is already recorded with another digest`,
      );
    }
    for (;;) {
      const head = await this.#heads.get(this.#headKey());
      if (head !== undefined && headSchema.parse(json(head.value)).number >= record.number) return;
      const pointer = Buffer.from(canonicalJson({ number: record.number }));
      if ((await this.#heads.compareAndSet(this.#headKey(), pointer, head?.revision ?? 0)) !== undefined)
        return;
    }
  }

  /** Number of the manifest that HEAD points at. */
  async head(): Promise<number | undefined> {
    const record = await this.#heads.get(this.#headKey());
    return record && headSchema.parse(json(record.value)).number;
  }

  async record(number: number): Promise<ManifestRecord | undefined> {
    const record = await this.#heads.get(this.#recordKey(number));
    return record && recordSchema.parse(json(record.value));
  }

  /** All manifests, oldest first. */
  async list(): Promise<readonly ManifestRecord[]> {
    const prefix = `${this.#dataset}.manifest.`;
    const keys = (await this.#heads.keys()).filter((key) => key.startsWith(prefix));
    const records = await Promise.all(keys.map((key) => this.record(Number(key.slice(prefix.length)))));
    return records.filter((record) => record !== undefined).sort((a, b) => a.number - b.number);
  }

  async envelope(record: Pick<ManifestRecord, 'envelope'>): Promise<ManifestEnvelope> {
    const bytes = await this.#read(`envelope/${record.envelope}`);
    return manifestEnvelopeSchema.parse(json(bytes));
  }

  /** Rows in canonical order, chunk by chunk. */
  async *rows(envelope: Pick<ManifestEnvelope, 'chunks'>): AsyncIterable<ManifestRow> {
    for (const { digest } of envelope.chunks) {
      for (const line of Buffer.from(await this.#read(`chunk/${digest}`))
        .toString()
        .split('\n')) {
        if (line !== '') yield manifestRowSchema.parse(JSON.parse(line));
      }
    }
  }

  /** All rows by item digest. */
  async rowsByItem(envelope: Pick<ManifestEnvelope, 'chunks'>): Promise<ReadonlyMap<string, ManifestRow>> {
    const rows = new Map<string, ManifestRow>();
    for await (const row of this.rows(envelope)) rows.set(row.item, row);
    return rows;
  }

  /** Recomputes every digest of a stored manifest, from chunk bytes to the manifest's own. */
  async check(record: ManifestRecord): Promise<ManifestCheck> {
    const problems: string[] = [];
    try {
      await this.#examine(record, problems);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      problems.push(
        error instanceof ManifestPartMissing
          ? error.message
          : `a part is not in the form of a manifest: ${error.message}`,
      );
    }
    return { ok: problems.length === 0, problems };
  }

  async #examine(record: ManifestRecord, problems: string[]): Promise<void> {
    const bytes = await this.#read(`envelope/${record.envelope}`);
    if (sha256Hex(bytes) !== record.envelope) problems.push('the envelope is not the one that was recorded');
    const envelope = manifestEnvelopeSchema.parse(json(bytes));
    if (sha256Hex(canonicalJson(envelope.deciding)) !== envelope.configDigest) {
      problems.push('the deciding configuration does not match its digest');
    }
    for (const { digest } of envelope.chunks) {
      const chunk = await this.#read(`chunk/${digest}`);
      if (sha256Hex(chunk) !== digest) problems.push(`chunk ${digest} does not match its name`);
    }
    const rows: ManifestRow[] = [];
    for await (const row of this.rows(envelope)) rows.push(row);
    const { root, digest } = manifestDigest(canonicalRows(rows), envelope.configDigest);
    if (root !== envelope.root) problems.push(`the rows give root ${root}, recorded is ${envelope.root}`);
    if (digest !== record.digest)
      problems.push(`the rows give digest ${digest}, recorded is ${record.digest}`);
    problems.push(...orphans(rows));
  }

  async #read(key: string): Promise<Uint8Array> {
    const bytes = await this.#blobs.get(key);
    if (bytes === undefined)
      throw new ManifestPartMissing(`the manifest object ${key} of dataset ${this.#dataset} is missing`);
    return bytes;
  }

  /** Forgets every pointer of the dataset, when it is deleted. */
  async forget(): Promise<void> {
    const prefix = `${this.#dataset}.`;
    const keys = (await this.#heads.keys()).filter((key) => key.startsWith(prefix));
    for (const key of keys) await this.#heads.delete(key);
  }

  #recordKey(number: number): string {
    return `${this.#dataset}.manifest.${number}`;
  }

  #headKey(): string {
    return `${this.#dataset}.head`;
  }
}

/** Duplicates whose survivor is not itself kept: there must be none (G4). */
function orphans(rows: readonly ManifestRow[]): readonly string[] {
  const kept = new Set(rows.filter(({ outcome }) => outcome === 'kept').map(({ item }) => item));
  return rows
    .filter((row) => row.outcome === 'duplicate' && (row.survivor === null || !kept.has(row.survivor)))
    .map((row) => `${row.id} is a duplicate of ${row.survivor ?? 'nothing'}, which is not kept`);
}

/** Damage to what is stored, unlike a store that cannot be reached. */
function isUnreadable(error: unknown): error is Error {
  return error instanceof ManifestPartMissing || error instanceof z.ZodError || error instanceof SyntaxError;
}

function json(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}
