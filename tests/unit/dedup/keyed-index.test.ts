import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentTable } from '../../../actors/dedup/content-table.ts';
import { type Bucket, KeyedIndex } from '../../../actors/dedup/keyed-index.ts';
import { keyOf, sha256 } from './dedup-cases.ts';

const sorted = (bucket: Bucket) => (bucket === 'hot' ? bucket : [...bucket].sort((a, b) => a - b));

describe('KeyedIndex', () => {
  it('tells what a map of sets tells, at any time and for any repetition, up to the limit', () => {
    const inserts = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 12 })), { maxLength: 300 });
    fc.assert(
      fc.property(inserts, fc.integer({ min: 1, max: 10 }), (list, limit) => {
        const index = new KeyedIndex(limit);
        const sets = new Map<string, Set<number>>();
        for (const [name, content] of list) {
          const key = keyOf(String(name));
          const set = sets.get(key) ?? new Set();
          sets.set(key, set.add(content));
          index.insert(key, content);
          expect(sorted(index.bucket(key))).toEqual(set.size > limit ? 'hot' : sorted([...set]));
        }
        expect(index.size).toBe(sets.size);
        expect(index.bucket(keyOf('absent'))).toEqual([]);
      }),
    );
  });

  it('keeps ten thousand keys apart, among them those that differ in the last digit only', () => {
    const index = new KeyedIndex(2);
    const keys = Array.from(
      { length: 10_000 },
      (_, at) => `${keyOf(`${at >> 4}`).slice(0, 15)}${(at & 15).toString(16)}`,
    );
    for (const [at, key] of keys.entries()) index.insert(key, at);
    expect(keys.map((key) => index.bucket(key))).toEqual(keys.map((_, at) => [at]));
  });

  it('takes no more memory for a hot key, however many share it', () => {
    const index = new KeyedIndex(20);
    for (let content = 0; content < 30; content += 1) index.insert(keyOf('common'), content);
    const { bytes } = index;
    for (let content = 30; content < 5_000; content += 1) index.insert(keyOf('common'), content);
    expect(index.bytes).toBe(bytes);
    expect(index.bucket(keyOf('common'))).toBe('hot');
  });

  it('refuses keys that are not 16 hex digits and limits outside 1 to 65,535', () => {
    const index = new KeyedIndex(3);
    for (const key of ['', 'abc', 'ABCDEF0123456789', '0123456789abcdef0', '0123456789abcde ']) {
      expect(() => index.insert(key, 0)).toThrow('16 lower-case hex digits');
    }
    for (const limit of [0, 1.5, 65_536]) expect(() => new KeyedIndex(limit)).toThrow('limit of a bucket');
  });
});

describe('ContentTable', () => {
  it('numbers contents in the order they came, and tells them again', () => {
    const table = new ContentTable();
    const contents = Array.from({ length: 3_000 }, (_, at) => sha256(String(at)));
    expect(contents.map((content) => table.add(content))).toEqual([...contents.keys()]);
    expect(contents.map((content) => table.add(content))).toEqual([...contents.keys()]);
    expect(contents.map((_, number) => table.at(number))).toEqual(contents);
    expect(contents.map((content) => table.find(content))).toEqual([...contents.keys()]);
    expect(table.find(sha256('absent'))).toBeUndefined();
    expect(table.size).toBe(3_000);
    const restored = ContentTable.fromBytes(table.toBytes());
    expect(contents.map((content) => restored.find(content))).toEqual([...contents.keys()]);
  });

  it('refuses what is not a sha256, and numbers it did not give', () => {
    const table = new ContentTable();
    for (const content of ['', 'abc', 'z'.repeat(64), sha256('a').slice(1)]) {
      expect(() => table.add(content)).toThrow('64 hex digits');
    }
    expect(() => table.at(0)).toThrow('the number of a content');
  });
});
