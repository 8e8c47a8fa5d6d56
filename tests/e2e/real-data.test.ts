// Real photographs through the whole system by the command line: nothing distinct is lost, copies are found, odd files
// are understood by content, and what is broken is set apart with its reason.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ManifestRow } from '#actors';
import { TroupeSystem } from '../support/troupe-system.ts';

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const FOLDERS = ['photos', 'edits', 'odd'] as const;

/** Edits of aaa-orig.jpg that show the same picture the same way up. */
const SAME_PICTURE = /^(blur|high|sharpen|shrink|square)-|^bridge-1-original\.jpg$/;
/** JPEGs whose names claim something else, and the tiny ones. */
const FALSE_EXTENSIONS = ['ukbench09380.bmp', 'ukbench09380.png', 'ukbench09380.svg'];
const CORRUPT = 'ukbench09268_corrupt.jpg';

/** A line of `manifest export --all`. */
type ExportedRow = ManifestRow & { readonly mediaType: string | null };

describe.skipIf(!existsSync(DATA))('real photographs (skipped: ../shared/data is absent)', () => {
  let system: TroupeSystem;
  let photos: readonly string[] = [];
  let edits: readonly string[] = [];
  let published = 0;
  const rows = new Map<string, ExportedRow>();

  function rowOf(id: string): ExportedRow {
    const row = rows.get(id);
    if (row === undefined) throw new Error(`the manifest has no row for ${id}`);
    return row;
  }

  /** The item that stands for an item: its survivor, or itself. */
  const starOf = (id: string) => rowOf(id).survivor ?? rowOf(id).item;

  beforeAll(async () => {
    const names = await Promise.all(FOLDERS.map((folder) => readdir(join(DATA, folder))));
    [photos = [], edits = []] = names;
    published = names.flat().length;
    system = await TroupeSystem.up();
    const folders = FOLDERS.map((folder) => join(DATA, folder));
    expect(await system.command('publish', 'photos', ...folders, '--wait')).toMatchObject({ code: 0 });
    expect(await system.command('manifest', 'cut', 'photos')).toMatchObject({ code: 0 });
    const exported = await system.command('manifest', 'export', 'photos', '--all');
    for (const line of exported.stdout.trim().split('\n')) {
      const row = JSON.parse(line) as ExportedRow;
      expect(rows.has(row.id)).toBe(false);
      rows.set(row.id, row);
    }
  });

  afterAll(() => system?.[Symbol.asyncDispose]());

  it('are all kept: 200 distinct photographs, none dropped for another', () => {
    expect(photos).toHaveLength(200);
    const others = photos.filter((id) => rowOf(id).outcome !== 'kept' || rowOf(id).relation !== null);
    expect(others.map((id) => `${id}: ${rowOf(id).outcome} ${rowOf(id).reasons.join(',')}`)).toEqual([]);
  });

  it('have their edits found: each one drops or groups with the star of the original', () => {
    const same = edits.filter((id) => SAME_PICTURE.test(id));
    expect(same).toHaveLength(12);
    const star = starOf('aaa-orig.jpg');
    const strayed = same.filter((id) => starOf(id) !== star);
    expect(strayed.map((id) => `${id}: ${rowOf(id).outcome} ${rowOf(id).reasons.join(',')}`)).toEqual([]);
    for (const id of same) {
      const { item, outcome, relation } = rowOf(id);
      if (item !== star)
        expect([id, outcome, relation]).toEqual([id, expect.any(String), expect.any(String)]);
    }
  });

  it('drop no file but for one that is kept, with the proof on record', () => {
    const byItem = new Map([...rows.values()].map((row) => [row.item, row]));
    for (const row of rows.values()) {
      if (row.outcome !== 'duplicate') continue;
      expect(byItem.get(row.survivor ?? '')?.outcome).toBe('kept');
      if (row.relation === 'exact') expect(byItem.get(row.survivor ?? '')?.content).toBe(row.content);
      else expect(row.evidence?.distance).toBeLessThanOrEqual(row.evidence?.threshold.distance ?? -1);
    }
  });

  it('leave at most five files to review', () => {
    const inReview = [...rows.values()].filter(({ outcome }) => outcome === 'review');
    expect(inReview.map(({ id }) => id).slice(5)).toEqual([]);
  });

  it.each(FALSE_EXTENSIONS)('are told by content, not by name: %s is a JPEG', (id) => {
    expect(rowOf(id).mediaType).toBe('image/jpeg');
  });

  it('have the corrupt file set apart with its reason', async () => {
    expect(rows.has(CORRUPT)).toBe(false);
    const explained = await system.command('explain', 'photos', CORRUPT);
    expect(explained.stdout).toContain('dead at intake: corrupt_image');
    const dead = await system.command('dead', 'list', 'photos', '--json');
    const letters = JSON.parse(dead.stdout) as { readonly id: string; readonly reason: string }[];
    expect(letters.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([`${CORRUPT}: corrupt_image`]);
  });

  it('are all accounted for', async () => {
    const audit = await system.command('audit', 'photos', '--json');
    expect(audit.code).toBe(0);
    expect(JSON.parse(audit.stdout)).toMatchObject({ balanced: true, published, missing: [] });
    expect(rows.size).toBe(published - 1);
  });
});
