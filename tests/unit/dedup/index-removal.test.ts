import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HammingIndex } from '../../../actors/dedup/hamming-index.ts';
import {
  type ContentKeys,
  DedupEngine,
  IndexPart,
  planInserts,
  planQueries,
} from '../../../actors/dedup/index.ts';
import { KeyedIndex } from '../../../actors/dedup/keyed-index.ts';
import { VectorIndex } from '../../../actors/dedup/vector-index.ts';
import { contentSets, keyOf, measure, SPEC } from './dedup-cases.ts';

/** What is done to an index, and what happens to it in between. */
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ does: fc.constant('insert' as const), at: fc.nat({ max: 13 }) }) },
    { weight: 2, arbitrary: fc.record({ does: fc.constant('remove' as const), at: fc.nat({ max: 13 }) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const), at: fc.constant(0) }) },
  ),
  { maxLength: 40 },
);

const insertInto = (part: IndexPart, contents: readonly ContentKeys[]) => {
  const plan = planInserts(contents, 1).get(0);
  if (plan !== undefined) part.insert(plan);
};

/** Every answer, in an order of its own; buckets of keys that were ever hot are left out. */
function answers(part: IndexPart, contents: readonly ContentKeys[], everHot: ReadonlySet<string>) {
  const query = planQueries(contents, 1).get(0) ?? { slices: [], keys: [] };
  const { slices, buckets } = part.query(query);
  const byContent = (one: { readonly content: string }, other: { readonly content: string }) =>
    one.content < other.content ? -1 : 1;
  return {
    slices: slices.map((finds) => [...finds].sort(byContent)),
    buckets: buckets.map((bucket, at) => {
      if (everHot.has(query.keys[at] ?? '')) return 'hot';
      return bucket === 'hot' ? bucket : [...bucket].sort();
    }),
  };
}

describe('removal from the indexes', () => {
  it('leaves a part that answers as one which never held the removed, in any order of inserts, removals and restarts', () => {
    fc.assert(
      fc.property(contentSets, steps, (contents, done) => {
        let part = new IndexPart(SPEC);
        const present = new Map<string, ContentKeys>();
        const everHot = new Set<string>();
        for (const { does, at } of done) {
          const given = contents[at];
          if (does === 'restart') part = IndexPart.restore(SPEC, part.snapshot());
          if (given === undefined) continue;
          if (does === 'insert') {
            insertInto(part, [given]);
            present.set(given.content, given);
          } else if (does === 'remove') {
            part.remove([given.content]);
            present.delete(given.content);
          }
          for (const key of given.keys ?? []) if (part.bucket(key) === 'hot') everHot.add(key);
        }
        const fresh = new IndexPart(SPEC);
        insertInto(fresh, [...present.values()]);
        expect(answers(part, contents, everHot)).toEqual(answers(fresh, contents, everHot));
        expect(part.slices).toBe(fresh.slices);
        for (const key of everHot) expect(part.bucket(key)).toBe('hot');
      }),
      { numRuns: 500 },
    );
  });

  it('leaves nothing of a content in a snapshot', () => {
    fc.assert(
      fc.property(contentSets, fc.nat({ max: 13 }), (contents, at) => {
        const gone = contents[at];
        if (gone === undefined) return;
        const part = new IndexPart(SPEC);
        insertInto(part, contents);
        part.remove([gone.content]);
        const { sliced, keyed } = part.snapshot();
        const held = [sliced, keyed?.contents ?? new Uint8Array()].map((each) =>
          Buffer.from(each).toString('hex'),
        );
        expect(held.some((digests) => digests.includes(gone.content))).toBe(false);
      }),
    );
  });

  it('equals brute force where the tables of hashes are in use, whatever is removed and inserted again', () => {
    const random = mulberry(7);
    const hashOf = () => (BigInt(random() >>> 0) << 32n) | BigInt(random() >>> 0);
    const index = new HammingIndex();
    const held = new Map<number, bigint>();
    const near = (hash: bigint) => hash ^ (1n << BigInt(random() & 63));
    let last = hashOf();
    for (let value = 0; value < 6_000; value += 1) {
      last = value % 3 === 0 ? hashOf() : near(last);
      index.insert(last, value);
      held.set(value, last);
    }
    for (let round = 0; round < 3_000; round += 1) {
      const value = (random() >>> 0) % 6_000;
      index.remove(value);
      const before = held.get(value);
      held.delete(value);
      if (round % 2 === 0 && before !== undefined) {
        index.insert(before ^ 3n, value);
        held.set(value, before ^ 3n);
      }
      if (round % 60 !== 0) continue;
      const asked = before ?? hashOf();
      const found = index.query(asked, 10).map(({ value: at, distance }) => `${at} ${distance}`);
      expect(found.sort()).toEqual(bruteForce(held, asked, 10));
    }
    expect(index.size).toBe(held.size);
    const restored = HammingIndex.restore(index.snapshot());
    for (const value of [...held.keys()].slice(0, 2_500)) {
      index.remove(value);
      restored.remove(value);
      held.delete(value);
    }
    for (let asked = 0; asked < 20; asked += 1) {
      const hash = [...held.values()][asked] ?? 0n;
      for (const each of [index, restored]) {
        const found = each.query(hash, 12).map(({ value, distance }) => `${value} ${distance}`);
        expect(found.sort()).toEqual(bruteForce(held, hash, 12));
      }
    }
  });

  it('leaves vectors that are found as before, before and after the scan in single precision begins', () => {
    const random = mulberry(3);
    const unit = () => {
      const numbers = Array.from({ length: 5 }, () => random() / 2 ** 31);
      const length = Math.hypot(...numbers);
      return Float32Array.from(numbers, (number) => number / length);
    };
    const index = new VectorIndex(5);
    const held = new Map<number, Float32Array>();
    for (let value = 0; value < 900; value += 1) {
      const vector = unit();
      index.insert(vector, value);
      held.set(value, vector);
      if (value % 5 !== 0) continue;
      const gone = (random() >>> 0) % (value + 1);
      index.remove(gone);
      held.delete(gone);
      const fresh = new VectorIndex(5);
      for (const [at, kept] of held) fresh.insert(kept, at);
      const sorted = (found: ReturnType<VectorIndex['query']>) =>
        (found[0] ?? []).sort((one, other) => one.value - other.value);
      expect(sorted(index.query([vector], 0.9))).toEqual(sorted(fresh.query([vector], 0.9)));
    }
    expect(index.size).toBe(held.size);
  });

  it('lets a hot key stay hot, and forgets a key that nobody has any more', () => {
    const index = new KeyedIndex(2);
    const [hot, lone] = [keyOf('hot'), keyOf('lone')];
    for (const content of [1, 2, 3]) index.insert(hot, content);
    index.insert(lone, 4);
    for (const content of [1, 2, 3, 4]) index.remove(content);
    expect(index.bucket(hot)).toBe('hot');
    expect(index.bucket(lone)).toEqual([]);
    expect(index.size).toBe(1);
    index.insert(lone, 5);
    expect(index.bucket(lone)).toEqual([5]);
  });
});

describe('DedupEngine', () => {
  it('ends with the pairs of those that are left, whatever was removed between', async () => {
    await fc.assert(
      fc.asyncProperty(contentSets, fc.uniqueArray(fc.nat({ max: 13 })), async (contents, removed) => {
        const unkeyed = contents.map(({ keys: _, ...content }) => content);
        const gone = new Set(removed.flatMap((at) => unkeyed[at]?.content ?? []));
        const options = {
          indexes: SPEC,
          verify: ({ a, b }: { readonly a: string; readonly b: string }) => measure(a, b),
          shards: 3,
        };
        const engine = new DedupEngine(options);
        await engine.add(unkeyed.slice(0, 9));
        engine.remove([...gone]);
        await engine.add(unkeyed.slice(9).filter(({ content }) => !gone.has(content)));
        const fresh = new DedupEngine(options);
        await fresh.add(unkeyed.filter(({ content }) => !gone.has(content)));
        expect(engine.edges()).toEqual(fresh.edges());
      }),
    );
  });
});

function bruteForce(held: ReadonlyMap<number, bigint>, asked: bigint, radius: number): readonly string[] {
  const found: string[] = [];
  for (const [value, hash] of held) {
    const distance = [...BigInt.asUintN(64, hash ^ asked).toString(2)].filter((bit) => bit === '1').length;
    if (distance <= radius) found.push(`${value} ${distance}`);
  }
  return found.sort();
}

/** 32 bits at a time, the same for a seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return mixed ^ (mixed >>> 14);
  };
}
