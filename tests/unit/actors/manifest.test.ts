import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalRows,
  chunkRows,
  type ManifestRow,
  manifestDigest,
} from '../../../actors/keeper/manifest.ts';
import { merkleRoot } from '../../../actors/keeper/merkle.ts';
import { canonicalJson, itemDigest } from '../../../actors/pipeline/canonical.ts';
import { manifestRow as row } from '../../support/manifest-rows.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const node = (left: string, right: string) =>
  createHash('sha256')
    .update(Uint8Array.of(1))
    .update(Buffer.from(left, 'hex'))
    .update(Buffer.from(right, 'hex'))
    .digest('hex');
const leaf = (text: string) => createHash('sha256').update(Uint8Array.of(0)).update(text).digest('hex');

describe('Merkle root', () => {
  it('is that of RFC 6962 for 0, 1, 2, 3 and 5 leaves', () => {
    expect(merkleRoot([])).toBe(sha(''));
    expect(merkleRoot(['a'])).toBe(leaf('a'));
    expect(merkleRoot(['a', 'b'])).toBe(node(leaf('a'), leaf('b')));
    expect(merkleRoot(['a', 'b', 'c'])).toBe(node(node(leaf('a'), leaf('b')), leaf('c')));
    const four = node(node(leaf('a'), leaf('b')), node(leaf('c'), leaf('d')));
    expect(merkleRoot(['a', 'b', 'c', 'd', 'e'])).toBe(node(four, leaf('e')));
  });
});

describe('a manifest digest', () => {
  const rows = canonicalRows(['a', 'b', 'c', 'd'].map((id) => row(id)));

  it('does not depend on the order in which rows came', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...rows], { minLength: 4 }), (shuffled) => {
        expect(manifestDigest(canonicalRows(shuffled), 'x').digest).toBe(manifestDigest(rows, 'x').digest);
      }),
    );
  });

  it('changes with any field of any row, and with the deciding configuration', () => {
    const { digest } = manifestDigest(rows, 'x');
    const changes: Partial<ManifestRow>[] = [
      { id: 'z' },
      { content: null },
      { outcome: 'review' },
      { relation: 'near' },
      { survivor: sha('b') },
      { score: 0.500001 },
      { reasons: ['r'] },
      { family: sha('f') },
    ];
    for (const change of changes) {
      expect(manifestDigest(canonicalRows([row('a', change), ...rows.slice(1)]), 'x').digest).not.toBe(
        digest,
      );
    }
    expect(manifestDigest(rows, 'y').digest).not.toBe(digest);
  });

  it('survives the way through JSON', () => {
    const read = rows.map((each) => JSON.parse(canonicalJson(each)) as ManifestRow);
    expect(manifestDigest(read, 'x')).toEqual(manifestDigest(rows, 'x'));
  });
});

describe('manifest chunks', () => {
  it('hold every row once, in canonical order, and one changed row changes one chunk', () => {
    const rows = canonicalRows(Array.from({ length: 3000 }, (_, at) => row(`item ${at}`)));
    const chunks = chunkRows(rows);
    expect(chunks.flat()).toEqual(rows);
    expect(chunks.length).toBeGreaterThan(4);
    const changed = rows.map((each, at) => (at === 1234 ? { ...each, outcome: 'review' as const } : each));
    const differing = chunkRows(changed).filter(
      (chunk, at) => canonicalJson(chunk) !== canonicalJson(chunks[at]),
    );
    expect(differing).toHaveLength(1);
  });

  it('are none for no rows', () => {
    expect(chunkRows([])).toEqual([]);
  });
});

describe('an item digest', () => {
  it('is equal exactly when id, content, source, time and metadata are equal', () => {
    const item = { id: 'a', content: sha('c'), source: 's', time: null, metadataDigest: sha('m') };
    expect(itemDigest({ ...item })).toBe(itemDigest(item));
    for (const change of [
      { id: 'b' },
      { content: null },
      { source: 't' },
      { time: '2026-01-01T00:00:00.000Z' },
      { metadataDigest: sha('n') },
    ]) {
      expect(itemDigest({ ...item, ...change })).not.toBe(itemDigest(item));
    }
  });
});
