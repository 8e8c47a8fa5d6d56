// Forms stars (DESIGN section 7, G4): sorted by keep-best, the best item survives, those with a direct verified
// edge to it are its duplicates, the rest go on as the next star. Items that only chain stay, tagged as family.
// Pure, and independent of the order of its input.
import type { Edge } from '../kinds/kind.ts';
import type { PairRelation } from './relation.ts';

export type Action = 'drop' | 'group' | 'review' | 'keep';

export interface StarItem {
  /** Item digest: the last tie-breaker. */
  readonly item: string;
  readonly content: string;
  /** Keep-best criteria, larger is better, lexicographic. */
  readonly rank: readonly number[];
}

export interface StarPlace {
  readonly item: string;
  /** The star's survivor, when this item is its duplicate or grouped with it. */
  readonly survivor: string | null;
  readonly relation: 'exact' | PairRelation | null;
  /** The verified edge to the survivor; null for exact duplicates, whose proof is the equal content. */
  readonly edge: Edge | null;
  /**
   * `drop`: a duplicate; `group`: kept, but named with its survivor; `review`: waits for a person to decide on the
   * pair; `keep`: stands alone.
   */
  readonly action: Action;
  /** Smallest item digest of the family, for items connected only through others; else null. */
  readonly family: string | null;
}

/** Best first: the order in which items become survivors. */
export function byKeepBest(a: StarItem, b: StarItem): number {
  for (let at = 0; at < Math.max(a.rank.length, b.rank.length); at++) {
    const difference = (b.rank[at] ?? 0) - (a.rank[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.item < b.item ? -1 : a.item > b.item ? 1 : 0;
}

/** What each relation does, and which relation a measured pair has. */
export interface StarRules {
  readonly actions: {
    readonly exact: Exclude<Action, 'review'>;
    readonly near: Exclude<Action, 'review'>;
    readonly uncertain: 'review' | 'keep';
  };
  relationOf(edge: Edge): PairRelation | undefined;
}

/** Places every item. */
export function formStars(
  items: readonly StarItem[],
  edges: readonly Edge[],
  rules: StarRules,
): ReadonlyMap<string, StarPlace> {
  const sorted = [...items].sort(byKeepBest);
  const byContent = groupByContent(sorted);
  const near = adjacency(
    edges.filter((edge) => rules.relationOf(edge) === 'near'),
    byContent,
  );
  const places = new Map<string, StarPlace>();
  for (const survivor of sorted) {
    if (places.has(survivor.item)) continue;
    places.set(survivor.item, alone(survivor.item));
    for (const { item, edge } of related(survivor, byContent, near)) {
      if (places.has(item.item)) continue;
      const relation = edge === null ? 'exact' : 'near';
      const action = rules.actions[relation];
      if (action === 'keep') continue;
      places.set(item.item, {
        item: item.item,
        survivor: survivor.item,
        relation,
        edge,
        action,
        family: null,
      });
    }
  }
  if (rules.actions.uncertain === 'review') {
    const uncertain = adjacency(
      edges.filter((edge) => rules.relationOf(edge) === 'uncertain'),
      byContent,
    );
    setAside(places, sorted, byContent, uncertain);
  }
  return tagFamilies(places, sorted, byContent, near);
}

/**
 * Of an uncertain pair of kept items the lesser one waits for a person. An item that is itself the survivor of others
 * stays: its duplicates need it.
 */
function setAside(
  places: Map<string, StarPlace>,
  sorted: readonly StarItem[],
  byContent: ReadonlyMap<string, readonly StarItem[]>,
  uncertain: Neighbours,
): void {
  const survivors = new Set([...places.values()].map(({ survivor }) => survivor));
  for (const better of sorted) {
    if (places.get(better.item)?.action !== 'keep') continue;
    for (const { content, edge } of uncertain.get(better.content) ?? []) {
      for (const { item, rank } of byContent.get(content) ?? []) {
        const stands = places.get(item)?.action === 'keep' && !survivors.has(item);
        if (!stands || byKeepBest(better, { item, content, rank }) > 0) continue;
        const place: StarPlace = {
          item,
          survivor: better.item,
          relation: 'uncertain',
          edge,
          action: 'review',
          family: null,
        };
        places.set(item, place);
        survivors.add(better.item);
      }
    }
  }
}

type Neighbours = ReadonlyMap<string, readonly { readonly content: string; readonly edge: Edge }[]>;

function alone(item: string): StarPlace {
  return { item, survivor: null, relation: null, edge: null, action: 'keep', family: null };
}

function groupByContent(items: readonly StarItem[]): ReadonlyMap<string, readonly StarItem[]> {
  const groups = new Map<string, StarItem[]>();
  for (const item of items) {
    const group = groups.get(item.content);
    if (group === undefined) groups.set(item.content, [item]);
    else group.push(item);
  }
  return groups;
}

function adjacency(edges: readonly Edge[], present: ReadonlyMap<string, unknown>): Neighbours {
  const neighbours = new Map<string, { content: string; edge: Edge }[]>();
  const add = (from: string, to: string, edge: Edge) => {
    const list = neighbours.get(from);
    if (list === undefined) neighbours.set(from, [{ content: to, edge }]);
    else list.push({ content: to, edge });
  };
  for (const edge of edges) {
    if (!present.has(edge.a) || !present.has(edge.b)) continue;
    add(edge.a, edge.b, edge);
    add(edge.b, edge.a, edge);
  }
  return neighbours;
}

/** Items with a direct verified relation to the survivor: equal content first, then edges. */
function* related(
  survivor: StarItem,
  byContent: ReadonlyMap<string, readonly StarItem[]>,
  neighbours: Neighbours,
): Generator<{ readonly item: StarItem; readonly edge: Edge | null }> {
  for (const item of byContent.get(survivor.content) ?? []) {
    if (item.item !== survivor.item) yield { item, edge: null };
  }
  for (const { content, edge } of neighbours.get(survivor.content) ?? []) {
    for (const item of byContent.get(content) ?? []) yield { item, edge };
  }
}

/** A family is a connected component which is more than one star: its members are named, none is removed for it. */
function tagFamilies(
  places: Map<string, StarPlace>,
  items: readonly StarItem[],
  byContent: ReadonlyMap<string, readonly StarItem[]>,
  neighbours: Neighbours,
): ReadonlyMap<string, StarPlace> {
  const seen = new Set<string>();
  for (const { content } of items) {
    if (seen.has(content)) continue;
    const component = connected(content, neighbours, seen).flatMap((member) => byContent.get(member) ?? []);
    const heads = component.filter(({ item }) => places.get(item)?.action === 'keep');
    if (heads.length < 2) continue;
    const family = component.reduce(
      (least, { item }) => (item < least ? item : least),
      component[0]?.item ?? '',
    );
    for (const { item } of component) {
      const place = places.get(item);
      if (place !== undefined) places.set(item, { ...place, family });
    }
  }
  return places;
}

function connected(start: string, neighbours: Neighbours, seen: Set<string>): readonly string[] {
  const component = [start];
  seen.add(start);
  for (let at = 0; at < component.length; at++) {
    for (const { content } of neighbours.get(component[at] ?? '') ?? []) {
      if (seen.has(content)) continue;
      seen.add(content);
      component.push(content);
    }
  }
  return component;
}
