// What tests of erasure erase, and what must be nowhere afterwards.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JudgedEntry, ManifestRow } from '#actors';
import type { TestPictures } from './images.ts';
import type { Traces } from './left-over.ts';

/** Best copies that others are near duplicates of, one with an exact copy and that copy, and one that stands alone. */
export function chosenRows(rows: readonly ManifestRow[]): readonly ManifestRow[] {
  const kept = rows.filter(({ outcome }) => outcome === 'kept');
  const related = (row: ManifestRow, relation: string) =>
    rows.filter((other) => other.survivor === row.item && other.relation === relation);
  const best = kept.filter((row) => related(row, 'near').length > 0).slice(0, 2);
  const twice = kept.find((row) => related(row, 'exact').length > 0 && !best.includes(row));
  const alone = kept.find(
    ({ item, relation }) => relation === null && !rows.some(({ survivor }) => survivor === item),
  );
  if (best.length < 2 || twice === undefined || alone === undefined)
    throw new Error('the pictures lack a case');
  return [...best, twice, ...related(twice, 'exact'), alone];
}

/** What must be nowhere once these ids are erased: what no other item has too. */
export async function tracesOf(
  { items }: TestPictures,
  ids: readonly string[],
  entries: readonly JudgedEntry[],
): Promise<Traces> {
  const files = await Promise.all(
    items.map(async ({ id, path }) => {
      const bytes = await readFile(path);
      return { id, bytes, digest: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
  const others = new Set(files.filter(({ id }) => !ids.includes(id)).map(({ digest }) => digest));
  const gone = files.filter(({ id, digest }) => ids.includes(id) && !others.has(digest));
  const hashesOf = (wanted: boolean) =>
    entries.flatMap(({ facts }) =>
      facts !== null && gone.some(({ digest }) => digest === facts.content) === wanted
        ? Object.values(facts.hashes)
        : [],
    );
  const shared = new Set(hashesOf(false));
  return {
    digests: [...new Set(gone.map(({ digest }) => digest))],
    hashes: hashesOf(true).filter((hash) => !shared.has(hash)),
    contents: gone.map(({ bytes }) => bytes),
  };
}
