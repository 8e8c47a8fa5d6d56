import { describe, expect, it } from 'vitest';
import { MemoryBlobs, MemoryRecords } from '#testkit';
import {
  canonicalRows,
  countOutcomes,
  type ManifestEnvelope,
  type ManifestRecord,
  type ManifestRow,
  manifestDigest,
} from '../../../actors/keeper/manifest.ts';
import { ManifestStore } from '../../../actors/keeper/manifest-store.ts';
import { canonicalJson, sha256Hex } from '../../../actors/pipeline/canonical.ts';
import { contentOf, sha } from '../../support/ledger-messages.ts';
import { manifestRow } from '../../support/manifest-rows.ts';

const row = (id: string, change: Partial<ManifestRow> = {}): ManifestRow =>
  manifestRow(id, { item: sha(`item ${id}`), content: contentOf(id), ...change });

const duplicate = (id: string, of: string) =>
  row(id, { outcome: 'duplicate', relation: 'exact', survivor: sha(`item ${of}`) });

interface Stored {
  readonly store: ManifestStore;
  readonly blobs: MemoryBlobs;
  readonly heads: MemoryRecords;
  readonly record: ManifestRecord;
  readonly envelope: ManifestEnvelope;
}

/** Stores a manifest with every digest right, whatever its rows say. */
async function stored(rows: readonly ManifestRow[]): Promise<Stored> {
  const blobs = new MemoryBlobs();
  const heads = new MemoryRecords();
  const store = new ManifestStore({ dataset: 'photos', blobs, heads });
  const deciding = { kind: 'number' };
  const configDigest = sha256Hex(canonicalJson(deciding));
  const sorted = canonicalRows(rows);
  const { root, digest } = manifestDigest(sorted, configDigest);
  const envelope: ManifestEnvelope = {
    format: 'troupe-manifest/1',
    dataset: 'photos',
    number: 1,
    digest,
    root,
    configDigest,
    deciding,
    parent: null,
    rows: rows.length,
    counts: countOutcomes(rows),
    chunks: await store.putChunks(sorted),
    throughEntry: rows.length,
    outside: { dead: 0, repeats: 0, retried: 0, purged: 0, erased: 0 },
    findings: [],
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const record: ManifestRecord = {
    number: 1,
    digest,
    envelope: await store.putEnvelope(envelope),
    throughEntry: rows.length,
    rows: rows.length,
    counts: envelope.counts,
    createdAt: envelope.createdAt,
  };
  return { store, blobs, heads, record, envelope };
}

const chunkKey = ({ envelope }: Stored) => `chunk/${envelope.chunks[0]?.digest}`;

async function changeChunk(manifest: Stored, change: (text: string) => string): Promise<void> {
  const bytes = await manifest.blobs.get(chunkKey(manifest));
  await manifest.blobs.put(chunkKey(manifest), Buffer.from(change(Buffer.from(bytes ?? []).toString())));
}

describe('checking a manifest', () => {
  const rows = [row('a'), duplicate('b', 'a'), row('c')];

  it('finds nothing wrong with what the keeper stored', async () => {
    const { store, record } = await stored(rows);
    expect(await store.check(record)).toEqual({ ok: true, problems: [] });
  });

  it('finds a changed row by chunk, root and digest', async () => {
    const manifest = await stored(rows);
    await changeChunk(manifest, (text) => text.replace('"score":0.5', '"score":0.6'));
    const { ok, problems } = await manifest.store.check(manifest.record);
    expect(ok).toBe(false);
    expect(problems).toMatchObject([
      expect.stringMatching(/^chunk .* does not match its name$/),
      expect.stringContaining(`recorded is ${manifest.envelope.root}`),
      expect.stringContaining(`recorded is ${manifest.record.digest}`),
    ]);
  });

  it('finds a changed chunk whose rows say the same', async () => {
    const manifest = await stored(rows);
    await changeChunk(manifest, (text) => text.replace('{', '{ '));
    const { problems } = await manifest.store.check(manifest.record);
    expect(problems).toMatchObject([expect.stringMatching(/^chunk .* does not match its name$/)]);
  });

  it('finds a row that was left out, though every chunk is whole', async () => {
    const manifest = await stored(rows);
    const chunks = await manifest.store.putChunks(canonicalRows(rows.slice(0, 2)));
    const envelope = await manifest.store.putEnvelope({ ...manifest.envelope, chunks });
    const { problems } = await manifest.store.check({ ...manifest.record, envelope });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('root');
  });

  it.each([
    ['is not there', [duplicate('b', 'a')]],
    ['is a duplicate itself', [row('x'), duplicate('a', 'x'), duplicate('b', 'a')]],
    ['was rejected', [row('a', { outcome: 'rejected' }), duplicate('b', 'a')]],
  ])('finds a duplicate whose survivor %s, though every digest is right', async (_what, orphaned) => {
    const { store, record } = await stored(orphaned);
    const { problems } = await store.check(record);
    expect(problems).toEqual([`b is a duplicate of ${sha('item a')}, which is not kept`]);
  });

  it('finds another deciding configuration, and another envelope', async () => {
    const manifest = await stored(rows);
    const key = `envelope/${manifest.record.envelope}`;
    const forged = { ...manifest.envelope, deciding: { kind: 'other' } };
    await manifest.blobs.put(key, Buffer.from(canonicalJson(forged)));
    const { problems } = await manifest.store.check(manifest.record);
    expect(problems).toEqual([
      'the envelope is not the one that was recorded',
      'the deciding configuration does not match its digest',
    ]);
  });

  it('finds parts that are missing or are no manifest at all, and does not fail over them', async () => {
    for (const damage of [
      (manifest: Stored) => manifest.blobs.delete(chunkKey(manifest)),
      (manifest: Stored) => manifest.blobs.delete(`envelope/${manifest.record.envelope}`),
      (manifest: Stored) => changeChunk(manifest, (text) => text.slice(5)),
      (manifest: Stored) => changeChunk(manifest, (text) => text.replaceAll('"kept"', '"liked"')),
      (manifest: Stored) => manifest.blobs.put(`envelope/${manifest.record.envelope}`, Buffer.from('{')),
    ]) {
      const manifest = await stored(rows);
      await damage(manifest);
      const { ok, problems } = await manifest.store.check(manifest.record);
      expect(ok).toBe(false);
      expect(problems.length).toBeGreaterThan(0);
    }
  });

  it('fails when the store itself does', async () => {
    const { store, blobs, record } = await stored(rows);
    blobs.get = () => Promise.reject(new Error('unreachable'));
    await expect(store.check(record)).rejects.toThrow('unreachable');
  });
});

describe('publishing a manifest', () => {
  it('moves HEAD forward only, and changes nothing when repeated', async () => {
    const { store, heads, record } = await stored([row('a')]);
    const second = { ...record, number: 2, digest: sha('second') };
    await store.publish(record);
    await store.publish(second);
    await store.publish(record);
    await store.publish(second);
    expect(await store.head()).toBe(2);
    expect(await store.list()).toEqual([record, second]);
    expect((await heads.keys()).length).toBe(3);
  });

  it('refuses another manifest under a number that is taken', async () => {
    const { store, record } = await stored([row('a')]);
    await store.publish(record);
    await expect(store.publish({ ...record, digest: sha('other') })).rejects.toThrow('another digest');
    expect(await store.record(1)).toEqual(record);
  });

  it('lists manifests by number, not by name, and forgets those of its own dataset only', async () => {
    const { store, heads, blobs, record } = await stored([row('a')]);
    const other = new ManifestStore({ dataset: 'photos-2', blobs, heads });
    await other.publish(record);
    for (const number of [10, 9, 2, 1]) await store.publish({ ...record, number });
    expect((await store.list()).map(({ number }) => number)).toEqual([1, 2, 9, 10]);
    expect(await store.head()).toBe(10);
    await store.forget();
    expect(await store.list()).toEqual([]);
    expect(await other.list()).toEqual([record]);
  });
});
