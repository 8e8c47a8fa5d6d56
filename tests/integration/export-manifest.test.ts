import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobKeys, type ManifestRow, ManifestStore, type Payload, sha256Hex } from '#actors';
import { MemoryBlobs, MemoryRecords } from '#testkit';
import type { ClientSystem } from '../../cli/node/client-system.ts';
import { exportFolder, exportJsonLines } from '../../cli/node/export-manifest.ts';
import { memoryCodec } from '../support/memory-ports.ts';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'troupe-export-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const itemOf = (id: string) => sha256Hex(`item ${id}`);

/** A stored manifest of kept items whose contents are their ids; `at` is where all originals are, if not stored. */
async function manifestOf(ids: readonly string[], change: Partial<ManifestRow> = {}, at?: string) {
  const blobs = new MemoryBlobs();
  const store = new ManifestStore({
    dataset: 'photos',
    blobs: new MemoryBlobs(),
    heads: new MemoryRecords(),
  });
  const rows = ids.map(
    (id): ManifestRow => ({
      item: itemOf(id),
      id,
      content: sha256Hex(id),
      outcome: 'kept',
      relation: null,
      survivor: null,
      score: 1,
      reasons: [],
      evidence: null,
      family: null,
      ...change,
    }),
  );
  for (const { item, id, content } of rows) {
    const payload: Payload = {
      id,
      source: 'crawl',
      time: null,
      metadata: { tag: 'x' },
      content,
      mediaType: 'image/jpeg',
      location: at ?? `blob:${content}`,
    };
    await blobs.put(blobKeys.payload(item), memoryCodec.encode(payload));
    await blobs.put(blobKeys.content(content ?? ''), Buffer.from(id));
  }
  const digest = '0'.repeat(64);
  const envelope = await store.putEnvelope({
    format: 'troupe-manifest/1',
    dataset: 'photos',
    number: 1,
    digest,
    root: digest,
    configDigest: digest,
    deciding: {},
    parent: null,
    rows: rows.length,
    counts: { kept: rows.length, duplicate: 0, rejected: 0, review: 0 },
    chunks: await store.putChunks(rows),
    throughEntry: rows.length,
    outside: { dead: 0, repeats: 0, retried: 0, purged: 0, erased: 0 },
    findings: [],
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  const counts = { kept: rows.length, duplicate: 0, rejected: 0, review: 0 };
  const record = { number: 1, digest, envelope, throughEntry: 0, rows: rows.length, counts, createdAt: '' };
  // Of the system an export of stored contents needs the blobs only.
  const system = { blobs: () => blobs } as unknown as ClientSystem;
  return { blobs, request: { system, dataset: 'photos', store, record } };
}

/** Files below a folder with their texts. */
async function filesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  );
  const read = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    return [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const;
  });
  return new Map(await Promise.all(read));
}

describe('exporting a folder', () => {
  it('counts files that were there before and are none of this manifest, and leaves them', async () => {
    const folder = join(base, 'out');
    const first = await manifestOf(['a.jpg', 'cats/b.jpg', 'cats/c.jpg']);
    await exportFolder({ ...first.request, folder, link: false });
    const second = await manifestOf(['a.jpg', 'd.jpg']);
    const written = await exportFolder({ ...second.request, folder, link: false });
    expect(written).toEqual({ items: 2, problems: [], others: 2 });
    expect([...(await filesIn(folder)).keys()].sort()).toEqual([
      'a.jpg',
      'cats/b.jpg',
      'cats/c.jpg',
      'd.jpg',
    ]);
  });

  it('writes over what an earlier export left, and never into an original that it linked', async () => {
    const folder = join(base, 'out');
    const original = join(base, 'original');
    await writeFile(original, 'of the user');
    const linked = await manifestOf(['a.jpg'], {}, pathToFileURL(original).href);
    for (let time = 0; time < 2; time += 1) {
      expect(await exportFolder({ ...linked.request, folder, link: true })).toMatchObject({ items: 1 });
    }
    expect((await stat(original)).nlink).toBe(2);
    const other = join(base, 'other');
    await writeFile(other, 'of another version');
    const copied = await manifestOf(['a.jpg'], {}, pathToFileURL(other).href);
    expect(await exportFolder({ ...copied.request, folder, link: false })).toMatchObject({ items: 1 });
    expect(await readFile(join(folder, 'a.jpg'), 'utf8')).toBe('of another version');
    await exportFolder({ ...linked.request, folder, link: true });
    const stored = await manifestOf(['a.jpg']);
    await exportFolder({ ...stored.request, folder, link: false });
    expect([...(await filesIn(base))].sort()).toEqual([
      ['original', 'of the user'],
      ['other', 'of another version'],
      ['out/a.jpg', 'a.jpg'],
    ]);
  });

  it('tells of an item in whose place there is a folder, and writes the others', async () => {
    const { request } = await manifestOf(['a', 'b']);
    const folder = join(base, 'out');
    await mkdir(join(folder, 'a'), { recursive: true });
    const { items, problems } = await exportFolder({ ...request, folder, link: false });
    expect([items, problems.length]).toEqual([1, 1]);
    expect(problems[0]).toContain(`a: ${join(folder, 'a')} could not be written`);
  });

  it('makes the folder of a manifest that keeps nothing', async () => {
    const { request } = await manifestOf([]);
    const folder = join(base, 'out');
    expect(await exportFolder({ ...request, folder, link: false })).toEqual({
      items: 0,
      problems: [],
      others: 0,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('names files by their ids, with folders', async () => {
    const { request } = await manifestOf(['a.jpg', 'cats/b 1.jpg', 'cats/../c.jpg']);
    const folder = join(base, 'out');
    expect(await exportFolder({ ...request, folder, link: false })).toEqual({
      items: 3,
      problems: [],
      others: 0,
    });
    expect([...(await filesIn(folder))].sort()).toEqual([
      ['a.jpg', 'a.jpg'],
      ['c.jpg', 'cats/../c.jpg'],
      ['cats/b 1.jpg', 'cats/b 1.jpg'],
    ]);
  });

  it.each([
    ['../escape.jpg'],
    ['a/../../escape.jpg'],
    ['/etc/passwd'],
    ['..'],
    ['.'],
    ['a/..'],
    ['folder/'],
    ['nul\u0000.jpg'],
    [`${'x'.repeat(300)}.jpg`],
    ['größe.jpg'],
    ['back\\slash'],
  ])('writes the item of id %j under its digest, inside the folder', async (id) => {
    const { request } = await manifestOf([id]);
    const folder = join(base, 'deep', 'er');
    expect(await exportFolder({ ...request, folder, link: false })).toEqual({
      items: 1,
      problems: [],
      others: 0,
    });
    expect([...(await filesIn(base))]).toEqual([[`deep/er/${itemOf(id)}.jpeg`, id]]);
  });

  it('loses no item whose id clashes with another, as the same file or as its folder', async () => {
    const ids = ['a.jpg', 'A.jpg', './a.jpg', 'b', 'b/c.jpg', 'B/d/e.jpg', 'b/c.jpg/f'];
    const { request } = await manifestOf(ids);
    const folder = join(base, 'out');
    expect(await exportFolder({ ...request, folder, link: false })).toEqual({
      items: 7,
      problems: [],
      others: 0,
    });
    expect([...(await filesIn(folder)).values()].sort()).toEqual([...ids].sort());
    // Nor on a disk that does not tell capitals from small letters.
    const lower = [...(await filesIn(folder)).keys()].map((path) => path.toLowerCase());
    expect(new Set(lower).size).toBe(ids.length);
  });

  it('tells of items whose payload or content is gone, and writes the others', async () => {
    const { request, blobs } = await manifestOf(['a', 'b', 'c']);
    await blobs.delete(blobKeys.payload(itemOf('a')));
    await blobs.delete(blobKeys.content(sha256Hex('b')));
    const folder = join(base, 'out');
    const { items, problems } = await exportFolder({ ...request, folder, link: false });
    expect(items).toBe(1);
    expect([...problems].sort()).toEqual(['a: its payload is erased', 'b: its content is no longer stored']);
    expect([...(await filesIn(folder)).keys()]).toEqual(['c']);
  });

  it('leaves out what was not kept', async () => {
    const { request } = await manifestOf(['a'], { outcome: 'review' });
    expect(await exportFolder({ ...request, folder: join(base, 'out'), link: false })).toEqual({
      items: 0,
      problems: [],
      others: 0,
    });
  });
});

describe('exporting JSON lines', () => {
  it('gives each row with what was published, to a file or line by line', async () => {
    const { request, blobs } = await manifestOf(['a', 'b']);
    await blobs.delete(blobKeys.payload(itemOf('b')));
    const lines: string[] = [];
    await exportJsonLines({ ...request, all: false, print: (line) => void lines.push(line) });
    const file = join(base, 'out.jsonl');
    expect(await exportJsonLines({ ...request, all: false, file })).toEqual({ items: 2, problems: [] });
    expect(await readFile(file, 'utf8')).toBe(`${lines.join('\n')}\n`);
    const rows = lines.map((line) => JSON.parse(line) as { readonly id: string });
    expect(rows.find(({ id }) => id === 'a')).toMatchObject({
      outcome: 'kept',
      source: 'crawl',
      metadata: { tag: 'x' },
      mediaType: 'image/jpeg',
    });
    expect(rows.find(({ id }) => id === 'b')).toMatchObject({ source: null, metadata: null, location: null });
  });

  it('gives other outcomes only when all are asked for', async () => {
    const { request } = await manifestOf(['a'], { outcome: 'rejected' });
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    expect((await exportJsonLines({ ...request, all: false, print })).items).toBe(0);
    expect((await exportJsonLines({ ...request, all: true, print })).items).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it('fails when the file cannot be written', async () => {
    const { request, blobs } = await manifestOf(['a']);
    const file = join(base, 'no', 'such', 'folder');
    const get = blobs.get.bind(blobs);
    blobs.get = async (key) => {
      // As slow as a store is, so that the file fails first.
      for (let turn = 0; turn < 20; turn++) await readdir(base);
      return get(key);
    };
    await expect(exportJsonLines({ ...request, all: true, file })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
