import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClaimShard,
  type ContentKeys,
  claim,
  DedupEngine,
  IndexPart,
  inversesOf,
  type StarItem,
  type StarPlace,
  type StarRules,
  VerifiedEdges,
  verifiedEdge,
} from '../../../actors/dedup/index.ts';
import { contentSets, keyOf, measure, pairsByBruteForce, SPEC, sha256 } from './dedup-cases.ts';

const rules: StarRules<'near' | 'semantic'> = {
  actions: { exact: 'drop', near: 'drop', semantic: 'group', uncertain: 'review' },
  relationOf: ({ distance }) => (distance < 0.35 ? 'near' : 'semantic'),
};

/** Two items of every third content, one of the others; ranks repeat. */
function itemsOf(contents: readonly ContentKeys[]): readonly StarItem[] {
  return contents.flatMap(({ content }, at) => {
    const item = { item: `item-${at}`, content, rank: [at % 4] };
    return at % 3 === 0 ? [item, { ...item, item: `copy-${at}` }] : [item];
  });
}

/** Survivors by the definition: the best that is left survives, everyone near it goes. */
function dropsByBruteForce(contents: readonly ContentKeys[]): ReadonlyMap<string, string> {
  const near = new Set(
    pairsByBruteForce(contents).filter((pair) => {
      const measured = measure(pair.slice(0, 64), pair.slice(64));
      return measured !== undefined && measured.distance < 0.35;
    }),
  );
  const drops = new Map<string, string>();
  let left = [...itemsOf(contents)].sort(
    (a, b) => Number(b.rank) - Number(a.rank) || (a.item < b.item ? -1 : 1),
  );
  for (let best = left.shift(); best !== undefined; best = left.shift()) {
    const { item, content } = best;
    const goes = (other: StarItem) =>
      other.content === content || near.has(content + other.content) || near.has(other.content + content);
    for (const other of left.filter(goes)) drops.set(other.item, item);
    left = left.filter((other) => !goes(other));
  }
  return drops;
}

function dropped(places: ReadonlyMap<string, StarPlace<string>>): ReadonlyMap<string, string> {
  const drops = [...places.values()].filter(({ action }) => action === 'drop');
  return new Map(drops.map(({ item, survivor }) => [item, survivor ?? 'none']));
}

function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A delivery: each content at least once, in any order, cut into batches. */
const deliveries = contentSets.chain((contents) =>
  fc.record({
    contents: fc.constant(contents),
    order: fc.array(fc.nat({ max: Math.max(0, contents.length - 1) }), { maxLength: 8 }).chain((again) =>
      fc.shuffledSubarray([...contents.keys(), ...(contents.length > 0 ? again : [])], {
        minLength: contents.length + (contents.length > 0 ? again.length : 0),
      }),
    ),
    batch: fc.integer({ min: 1, max: 6 }),
    shards: fc.integer({ min: 1, max: 5 }),
  }),
);

describe('DedupEngine', () => {
  it('finds the edges, stars and survivors of one pass over all pairs, for any order, repetition, batches and shards', async () => {
    let edges = 0;
    let drops = 0;
    await fc.assert(
      fc.asyncProperty(deliveries, async ({ contents, order, batch, shards }) => {
        const engine = new DedupEngine({ indexes: SPEC, shards, verify: ({ a, b }) => measure(a, b) });
        for (let from = 0; from < order.length; from += batch) {
          const part = order.slice(from, from + batch);
          await engine.add(part.map((at) => contents[at] as ContentKeys));
        }
        const found = engine.edges();
        expect(found.map(({ a, b }) => a + b)).toEqual(pairsByBruteForce(contents));
        const places = engine.stars(itemsOf(contents), rules);
        expect(sorted(dropped(places))).toEqual(sorted(dropsByBruteForce(contents)));
        edges += found.length;
        drops += dropped(places).size;
      }),
      { numRuns: 300 },
    );
    expect(edges).toBeGreaterThan(300);
    expect(drops).toBeGreaterThan(300);
  });

  it('tells the same evidence of an edge whichever of its contents came first', async () => {
    await fc.assert(
      fc.asyncProperty(contentSets, async (contents) => {
        const claimed = async (order: readonly ContentKeys[]) => {
          const engine = new DedupEngine({ indexes: SPEC, shards: 2, verify: ({ a, b }) => measure(a, b) });
          for (const content of order) await engine.add([content]);
          return engine.edges();
        };
        expect(await claimed([...contents].reverse())).toEqual(await claimed(contents));
      }),
    );
  });

  it('places every item once, drops none without a direct edge to a kept survivor, and sizes add up', async () => {
    await fc.assert(
      fc.asyncProperty(contentSets, async (contents) => {
        const engine = new DedupEngine({ indexes: SPEC, verify: ({ a, b }) => measure(a, b) });
        await engine.add(contents);
        const items = itemsOf(contents);
        const places = engine.stars(items, rules);
        expect(places.size).toBe(items.length);
        const contentOf = new Map(items.map(({ item, content }) => [item, content]));
        for (const { item, survivor, action, edge } of places.values()) {
          if (action !== 'drop') continue;
          expect(places.get(survivor ?? '')?.action).not.toBe('drop');
          const two = [contentOf.get(item), contentOf.get(survivor ?? '')].sort();
          if (edge === null) expect(two[0]).toBe(two[1]);
          else expect([edge.a, edge.b]).toEqual(two);
        }
      }),
    );
  });

  it('does not let the best copy take its group with it when it is rejected or erased', async () => {
    const contents = ['a', 'b', 'c'].map((name) => ({ content: sha256(name), keys: [keyOf('same')] }));
    const engine = new DedupEngine({
      indexes: SPEC,
      verify: () => ({ distance: 0, algorithm: 'test@1', similarity: null }),
    });
    await engine.add(contents);
    const items = contents.map(({ content }, at) => ({ item: `item-${at}`, content, rank: [3 - at] }));
    expect([...engine.stars(items, rules).values()].map(({ survivor }) => survivor)).toEqual([
      null,
      'item-0',
      'item-0',
    ]);
    const left = engine.stars(items.slice(1), rules);
    expect([...left.values()].map(({ survivor }) => survivor)).toEqual([null, 'item-1']);
  });

  it('refuses malformed contents, hashes and keys, and a number of shards below 1', async () => {
    const options = { indexes: SPEC, verify: () => undefined };
    expect(() => new DedupEngine({ ...options, shards: 0 })).toThrow('number of shards from 1');
    const engine = new DedupEngine(options);
    await expect(engine.add([{ content: 'abc', keys: [keyOf('a')] }])).rejects.toThrow('64 hex digits');
    const content = sha256('a');
    await expect(engine.add([{ content, hashes: { phash: 'xyz' } }])).rejects.toThrow('16 lower-case hex');
    await expect(engine.add([{ content, keys: ['xyz'] }])).rejects.toThrow('16 lower-case hex');
  });
});

describe('hot keys', () => {
  const sharing = (names: readonly string[], ...keys: readonly string[]) =>
    names.map((name) => ({ content: sha256(name), keys: keys.map(keyOf) }));
  const verify = () => ({ distance: 0, algorithm: 'test@1', similarity: null });

  it('count no edge once more than the limit share them, not even one that was found before', async () => {
    const engine = new DedupEngine({ indexes: SPEC, verify });
    await engine.add(sharing(['a', 'b', 'c'], 'common'));
    expect(engine.edges()).toHaveLength(3);
    await engine.add(sharing(['d'], 'common'));
    expect(engine.edges()).toEqual([]);
  });

  it('do not hide an edge whose contents share another key, and are not among its keys', async () => {
    const engine = new DedupEngine({ indexes: SPEC, verify });
    await engine.add(sharing(['a', 'b'], 'common', 'rare'));
    await engine.add(sharing(['c', 'd', 'e'], 'common'));
    const [a, b] = [sha256('a'), sha256('b')].sort();
    expect(engine.edges()).toMatchObject([{ a, b, keys: [keyOf('rare')] }]);
  });

  it('do not hide an edge that a sliced index found', async () => {
    const engine = new DedupEngine({ indexes: SPEC, verify });
    const close = sharing(['a', 'b'], 'common').map((each) => ({
      ...each,
      hashes: { dhash: '0123456789abcdef' },
    }));
    await engine.add(close);
    await engine.add(sharing(['c', 'd', 'e'], 'common'));
    expect(engine.edges()).toMatchObject([{ keys: null }]);
  });
});

/** Steps that wait until a test lets them happen. */
class Steps {
  readonly waiting: (() => void)[] = [];

  /** `act` runs when its turn comes. */
  later<T>(act: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(act()));
    });
  }
}

describe('two claims at the same time', () => {
  const measured = { distance: 0, algorithm: 'test@1', similarity: null };
  const keys = [keyOf('one'), keyOf('two')];
  const pair = ['a', 'b'].map((name): ContentKeys => {
    return { content: sha256(name), hashes: { phash: '00000000000000ff' }, keys };
  });

  /** Runs both claims, taking at each step the waiting operation that `choices` names; tells what could be chosen. */
  async function interleaved(choices: readonly number[]) {
    const steps = new Steps();
    const shards = Array.from({ length: 2 }, (): ClaimShard => {
      const part = new IndexPart(SPEC);
      return {
        insert: (given) => steps.later(() => part.insert(given)),
        query: (asked) => steps.later(() => part.query(asked)),
      };
    });
    const claims = pair.map((content) => claim([content], shards, inversesOf(SPEC)));
    const options: number[] = [];
    await flush();
    while (steps.waiting.length > 0) {
      const [run] = steps.waiting.splice(choices[options.length] ?? 0, 1);
      options.push(steps.waiting.length + 1);
      run?.();
      await flush();
    }
    return { found: await Promise.all(claims), options };
  }

  it('find by every index that they meet, from one side or the other, in every interleaving of their steps', async () => {
    let runs = 0;
    let seenFromOneSide = 0;
    for (let choices: number[] | undefined = []; choices !== undefined; ) {
      const { found, options } = await interleaved(choices);
      const edges = new VerifiedEdges();
      for (const each of found.flat()) edges.add(verifiedEdge(each, measured));
      expect(edges.counting(() => false)).toMatchObject([{ hashes: { phash: 0 }, keys: null }]);
      expect(new Set(found.flat().flatMap((each) => each.keys))).toEqual(new Set(keys));
      runs += 1;
      if (found.some((pairs) => pairs.length === 0)) seenFromOneSide += 1;
      choices = nextChoices(choices, options);
    }
    expect(runs).toBeGreaterThan(500);
    expect(seenFromOneSide).toBeGreaterThan(0);
  });
});

/** The next path through the tree of choices, depth first. */
function nextChoices(taken: readonly number[], options: readonly number[]): number[] | undefined {
  for (let at = options.length - 1; at >= 0; at -= 1) {
    const choice = (taken[at] ?? 0) + 1;
    if (choice < (options[at] as number)) {
      return [...options.slice(0, at).map((_, before) => taken[before] ?? 0), choice];
    }
  }
  return undefined;
}

/** Lets every promise that is settled go on. */
function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
