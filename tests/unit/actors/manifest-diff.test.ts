import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalRows, chunkRows, type ManifestRow } from '../../../actors/keeper/manifest.ts';
import { compareRows, diffRows, diffSettings, type RowChange } from '../../../actors/keeper/manifest-diff.ts';
import { canonicalJson } from '../../../actors/pipeline/canonical.ts';
import { manifestRow as row } from '../../support/manifest-rows.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');

/** A stored manifest: its chunks by name, and which of them were read. */
function stored(rows: readonly ManifestRow[], parts: Map<string, readonly ManifestRow[]>) {
  const chunks = chunkRows(canonicalRows(rows)).map((part) => {
    const digest = sha(canonicalJson(part));
    parts.set(digest, part);
    return { digest, rows: part.length };
  });
  return { chunks };
}

async function diff(before: readonly ManifestRow[], after: readonly ManifestRow[]) {
  const parts = new Map<string, readonly ManifestRow[]>();
  const read: string[] = [];
  const changes: RowChange[] = [];
  const [old, young] = [stored(before, parts), stored(after, parts)];
  const rows = async function* ({ chunks }: typeof old) {
    for (const { digest } of chunks) {
      read.push(digest);
      yield* parts.get(digest) ?? [];
    }
  };
  for await (const change of diffRows(old, young, rows)) changes.push(change);
  return { changes, read, chunks: old.chunks.length };
}

const anyRows = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 60 }).map(String),
    outcome: fc.constantFrom('kept', 'duplicate', 'rejected', 'review'),
    score: fc.constantFrom(0.25, 0.5),
    reasons: fc.subarray(['rule.blurry', 'rule.dark', 'score.borderline']),
  }),
  { selector: ({ id }) => id, maxLength: 60 },
);

describe('a manifest diff', () => {
  it('lists exactly the items that a comparison of all rows finds, by rising item digest', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (one, other) => {
        const [before, after] = [one, other].map((rows) => rows.map(({ id, ...rest }) => row(id, rest)));
        const old = new Map(before?.map((each) => [each.item, each]));
        const young = new Map(after?.map((each) => [each.item, each]));
        const expected = [...new Set([...old.keys(), ...young.keys()])].sort().flatMap((item) => {
          const [left, right] = [old.get(item), young.get(item)];
          if (left === undefined) return [`added ${item}`];
          if (right === undefined) return [`removed ${item}`];
          return canonicalJson(left) === canonicalJson(right) ? [] : [`changed ${item}`];
        });
        const { changes } = await diff(before ?? [], after ?? []);
        expect(changes.map(({ change, item }) => `${change} ${item}`)).toEqual(expected);
      }),
    );
  });

  it('reads only the chunks that differ', async () => {
    const before = Array.from({ length: 3000 }, (_, at) => row(`item ${at}`));
    const after = before.map((each, at) => (at === 1234 ? { ...each, score: 0.6 } : each));
    const { changes, read, chunks } = await diff(before, after);
    expect(changes).toMatchObject([{ change: 'changed', id: 'item 1234', fields: ['score'] }]);
    expect(chunks).toBeGreaterThan(4);
    expect(read).toHaveLength(2);
  });

  it('lists one changed item even when the number of rows splits the chunks anew', async () => {
    const before = Array.from({ length: 1024 }, (_, at) => row(`item ${at}`));
    const after = [...before, row('one more')];
    expect((await diff(before, after)).changes).toMatchObject([{ change: 'added', id: 'one more' }]);
    expect((await diff(after, before)).changes).toMatchObject([{ change: 'removed', id: 'one more' }]);
  });

  it('of a manifest with itself is empty and reads nothing', async () => {
    const rows = ['a', 'b'].map((id) => row(id));
    expect(await diff(rows, rows)).toMatchObject({ changes: [], read: [] });
  });

  it("names the rules that are new and gone among an item's reasons", () => {
    const before = row('a', { reasons: ['rule.blurry', 'score.borderline'], outcome: 'review' });
    const after = row('a', { reasons: ['rule.dark', 'score.borderline'], outcome: 'rejected' });
    expect(compareRows(before, after)).toMatchObject({
      fields: ['outcome', 'reasons'],
      reasons: { added: ['rule.dark'], removed: ['rule.blurry'] },
    });
  });
});

describe('a comparison of settings', () => {
  it('names each setting that differs by its path, and a rule by its name wherever it stands', () => {
    const before = {
      rules: {
        keepAt: 0.5,
        list: [
          { name: 'blurry', when: 'a' },
          { name: 'dark', when: 'b' },
        ],
      },
    };
    const after = {
      rules: {
        keepAt: 0.6,
        list: [
          { name: 'new', when: 'd' },
          { name: 'blurry', when: 'c' },
        ],
      },
    };
    expect(diffSettings(before, after)).toEqual([
      { path: 'rules.keepAt', before: 0.5, after: 0.6 },
      { path: 'rules.list.blurry.when', before: 'a', after: 'c' },
      { path: 'rules.list.dark', before: { name: 'dark', when: 'b' } },
      { path: 'rules.list.new', after: { name: 'new', when: 'd' } },
    ]);
  });

  it('gives a list without names as a whole', () => {
    expect(diffSettings({ sources: ['a'] }, { sources: ['a', 'b'] })).toEqual([
      { path: 'sources', before: ['a'], after: ['a', 'b'] },
    ]);
  });

  it('finds nothing in equal settings, whatever the order of their members', () => {
    expect(diffSettings({ a: 1, b: { c: 2 } }, { b: { c: 2 }, a: 1 })).toEqual([]);
  });
});
