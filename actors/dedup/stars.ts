// Forms stars (DESIGN section 7, G4): sorted by keep-best, the best item survives, those with a direct verified
// edge to it are its duplicates, the rest go on as the next star. Of the survivors, those whose relation only groups are
// then named with the best of them. Items that only chain stay, tagged as family. Pure, and independent of the order of
// its input.
import type { Edge } from '../kinds/kind.ts';
import type { PairRelation } from './relation.ts';

export type Action = 'drop' | 'group' | 'review' | 'keep';
/** What a confirmed relation does; `keep` leaves both as they are. */
export type ConfirmedAction = Exclude<Action, 'review'>;

export interface StarItem {
  /** Item digest: the last tie-breaker. */
  readonly item: string;
  readonly content: string;
  /** Keep-best criteria, larger is better, lexicographic. */
  readonly rank: readonly number[];
}

/** Where an item stands; `R` are the relations that pairs have, `E` the pairs. */
export interface StarPlace<R extends string = PairRelation, E extends Edge = Edge> {
  readonly item: string;
  /** The star's survivor, when this item is its duplicate; or the item that it is grouped with, or waits beside. */
  readonly survivor: string | null;
  readonly relation: 'exact' | R | null;
  /** The verified edge to the survivor; null for exact duplicates, whose proof is the equal content. */
  readonly edge: E | null;
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

/** What each relation does, and which relation a measured pair has. `uncertain` is the one that proves nothing. */
export interface StarRules<R extends string = PairRelation, E extends Edge = Edge> {
  readonly actions: {
    readonly exact: ConfirmedAction;
    readonly uncertain: 'review' | 'keep';
  } & Readonly<Record<Exclude<R, 'uncertain'>, ConfirmedAction>>;
  relationOf(edge: E): R | undefined;
}

/** Places every item. */
export function formStars<R extends string = PairRelation, E extends Edge = Edge>(
  items: readonly StarItem[],
  edges: readonly E[],
  rules: StarRules<R, E>,
): ReadonlyMap<string, StarPlace<R, E>> {
  const sorted = [...items].sort(byKeepBest);
  const byContent = groupByContent(sorted);
  const neighbours = adjacency(edges, byContent, rules);
  const places = new Map<string, StarPlace<R, E>>();
  const graph = { sorted, byContent, neighbours, rules };
  dropDuplicates(places, graph);
  groupSurvivors(places, graph);
  if (rules.actions.uncertain === 'review') setAside(places, graph);
  return tagFamilies(places, graph);
}

interface Neighbour<R, E> {
  readonly content: string;
  readonly edge: E;
  readonly relation: R;
}

interface Graph<R extends string, E extends Edge> {
  /** Best first. */
  readonly sorted: readonly StarItem[];
  readonly byContent: ReadonlyMap<string, readonly StarItem[]>;
  readonly neighbours: ReadonlyMap<string, readonly Neighbour<R, E>[]>;
  readonly rules: StarRules<R, E>;
}

function dropDuplicates<R extends string, E extends Edge>(
  places: Map<string, StarPlace<R, E>>,
  graph: Graph<R, E>,
): void {
  for (const survivor of graph.sorted) {
    if (places.has(survivor.item)) continue;
    places.set(survivor.item, alone(survivor.item));
    for (const { item, edge, relation } of related(survivor, graph, 'drop')) {
      if (places.has(item.item)) continue;
      places.set(item.item, {
        item: item.item,
        survivor: survivor.item,
        relation,
        edge,
        action: 'drop',
        family: null,
      });
    }
  }
}

/** A survivor that is grouped with a better one stays the survivor of its own star: both are kept. */
function groupSurvivors<R extends string, E extends Edge>(
  places: Map<string, StarPlace<R, E>>,
  graph: Graph<R, E>,
): void {
  for (const better of graph.sorted) {
    if (places.get(better.item)?.action !== 'keep') continue;
    for (const { item, edge, relation } of related(better, graph, 'group')) {
      // One that is better than `better` would have taken it: relations are symmetric.
      if (places.get(item.item)?.action !== 'keep') continue;
      places.set(item.item, {
        item: item.item,
        survivor: better.item,
        relation,
        edge,
        action: 'group',
        family: null,
      });
    }
  }
}

/**
 * Of an uncertain pair of kept items the lesser one waits for a person. An item that is itself the survivor of others
 * stays: its duplicates need it.
 */
function setAside<R extends string, E extends Edge>(
  places: Map<string, StarPlace<R, E>>,
  { sorted, byContent, neighbours }: Graph<R, E>,
): void {
  const survivors = new Set([...places.values()].map(({ survivor }) => survivor));
  for (const better of sorted) {
    if (places.get(better.item)?.action !== 'keep') continue;
    for (const { content, edge, relation } of neighbours.get(better.content) ?? []) {
      if (relation !== 'uncertain') continue;
      for (const { item, rank } of byContent.get(content) ?? []) {
        const stands = places.get(item)?.action === 'keep' && !survivors.has(item);
        if (!stands || byKeepBest(better, { item, content, rank }) > 0) continue;
        places.set(item, {
          item,
          survivor: better.item,
          relation,
          edge,
          action: 'review',
          family: null,
        });
        survivors.add(better.item);
      }
    }
  }
}

function alone<R extends string, E extends Edge>(item: string): StarPlace<R, E> {
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

function adjacency<R extends string, E extends Edge>(
  edges: readonly E[],
  present: ReadonlyMap<string, unknown>,
  { relationOf }: StarRules<R, E>,
): ReadonlyMap<string, readonly Neighbour<R, E>[]> {
  const neighbours = new Map<string, Neighbour<R, E>[]>();
  const add = (from: string, neighbour: Neighbour<R, E>) => {
    const list = neighbours.get(from);
    if (list === undefined) neighbours.set(from, [neighbour]);
    else list.push(neighbour);
  };
  for (const edge of edges) {
    if (!present.has(edge.a) || !present.has(edge.b)) continue;
    const relation = relationOf(edge);
    if (relation === undefined) continue;
    add(edge.a, { content: edge.b, edge, relation });
    add(edge.b, { content: edge.a, edge, relation });
  }
  return neighbours;
}

/** Items with a direct verified relation to `item` which does `action`: equal content first, then edges. */
function* related<R extends string, E extends Edge>(
  { item: own, content: ownContent }: StarItem,
  { byContent, neighbours, rules }: Graph<R, E>,
  action: ConfirmedAction,
): Generator<{ readonly item: StarItem; readonly edge: E | null; readonly relation: 'exact' | R }> {
  const actions: Readonly<Record<string, Action>> = rules.actions;
  if (actions.exact === action) {
    for (const item of byContent.get(ownContent) ?? []) {
      if (item.item !== own) yield { item, edge: null, relation: 'exact' };
    }
  }
  for (const { content, edge, relation } of neighbours.get(ownContent) ?? []) {
    if (actions[relation] !== action) continue;
    for (const item of byContent.get(content) ?? []) yield { item, edge, relation };
  }
}

/** A family is a connected component which is more than one star: its members are named, none is removed for it. */
function tagFamilies<R extends string, E extends Edge>(
  places: Map<string, StarPlace<R, E>>,
  { sorted, byContent, neighbours }: Graph<R, E>,
): ReadonlyMap<string, StarPlace<R, E>> {
  const seen = new Set<string>();
  for (const { content } of sorted) {
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

/** Contents that confirmed relations connect with `start`. */
function connected(
  start: string,
  neighbours: Graph<string, Edge>['neighbours'],
  seen: Set<string>,
): readonly string[] {
  const component = [start];
  seen.add(start);
  for (let at = 0; at < component.length; at++) {
    for (const { content, relation } of neighbours.get(component[at] ?? '') ?? []) {
      if (relation === 'uncertain' || seen.has(content)) continue;
      seen.add(content);
      component.push(content);
    }
  }
  return component;
}
