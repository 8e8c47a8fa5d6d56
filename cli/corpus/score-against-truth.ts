// Compares what the pipeline decided with what was planted: recall and precision for each sort of copy, what was
// dropped wrongly, and whether that is good enough for the demo.
import {
  type CorpusItem,
  type CorpusTruth,
  isPlantedRelation,
  PLANTED_RELATIONS,
  type PlantedRelation,
} from './truth.ts';

/** What became of an item. */
export interface ItemOutcome {
  readonly outcome: 'kept' | 'duplicate' | 'rejected' | 'review' | 'dead';
  /** The id of the survivor, for duplicates. */
  readonly survivor?: string;
  /** The relation on record, for duplicates. */
  readonly relation?: string;
}

/** How well one sort of copy was found. */
export interface RelationScore {
  readonly planted: number;
  /** Copies that are in one star with their original, with one survivor that is kept. */
  readonly found: number;
  /** found / planted; 1 when nothing was planted. */
  readonly recall: number;
  /** Of the drops that involve this sort, the share within one family; 1 when there are none. */
  readonly precision: number;
}

/** One condition for passing. */
export interface Criterion {
  readonly name: string;
  readonly value: number;
  /** What passes, e.g. `>= 0.99`. */
  readonly required: string;
  readonly passed: boolean;
}

/** The whole comparison. */
export interface TruthScore {
  readonly relations: Readonly<Record<PlantedRelation, RelationScore>>;
  /** Items dropped for another scene, and scenes of whose family nothing is kept or in review. */
  readonly wronglyDropped: readonly string[];
  /** Items of the refused source that were not rejected. */
  readonly refusedPassed: readonly string[];
  /** Items of the corpus without any outcome. */
  readonly missing: readonly string[];
  readonly criteria: readonly Criterion[];
  readonly passed: boolean;
}

/** Scores outcomes by item id against the planted truth. */
export function scoreAgainstTruth(
  truth: CorpusTruth,
  outcomes: ReadonlyMap<string, ItemOutcome>,
): TruthScore {
  const family = familyOf(truth);
  const relations = Object.fromEntries(
    PLANTED_RELATIONS.map((relation) => [relation, scoreRelation(relation, truth, outcomes, family)]),
  ) as Record<PlantedRelation, RelationScore>;
  const wronglyDropped = findWronglyDropped(truth, outcomes, family);
  const refusedPassed = truth.items
    .filter((item) => item.truth === 'refused' && outcomes.get(item.id)?.outcome !== 'rejected')
    .map((item) => item.id);
  const missing = truth.items.filter((item) => !outcomes.has(item.id)).map((item) => item.id);
  const criteria = [
    atLeast('exact recall', relations.exact.recall, 1),
    atLeast('re-encode recall', relations.reencode.recall, 0.99),
    atLeast('resize recall', relations.resize.recall, 0.99),
    atLeast('crop 2 % recall', relations.crop2.recall, 0.95),
    none('wrongly dropped', wronglyDropped.length),
    none('refused items past the ingestor', refusedPassed.length),
    none('items without an outcome', missing.length),
  ];
  const passed = criteria.every((criterion) => criterion.passed);
  return { relations, wronglyDropped, refusedPassed, missing, criteria, passed };
}

/** For each item id the id of the scene at the root of its family. */
function familyOf(truth: CorpusTruth): ReadonlyMap<string, string> {
  return new Map(truth.items.map((item) => [item.id, item.of ?? item.id]));
}

function scoreRelation(
  relation: PlantedRelation,
  truth: CorpusTruth,
  outcomes: ReadonlyMap<string, ItemOutcome>,
  family: ReadonlyMap<string, string>,
): RelationScore {
  const copies = truth.items.filter((item) => item.truth === relation);
  const found = copies.filter((copy) => isInStarOfOriginal(copy, outcomes)).length;
  const truthOf = new Map(truth.items.map((item) => [item.id, item.truth]));
  const drops = [...outcomes].filter(([id, { outcome, survivor }]) => {
    if (outcome !== 'duplicate') return false;
    const dropped = truthOf.get(id);
    // A scene that lost to its own copy is found by that copy's sort.
    const sort = dropped !== undefined && isPlantedRelation(dropped) ? dropped : truthOf.get(survivor ?? '');
    return sort === relation;
  });
  const right = drops.filter(([id, { survivor }]) => family.get(id) === family.get(survivor ?? '')).length;
  return {
    planted: copies.length,
    found,
    recall: copies.length === 0 ? 1 : found / copies.length,
    precision: drops.length === 0 ? 1 : right / drops.length,
  };
}

/** Whether the copy and its original are in one star: both lead to the same survivor, and that one is kept. */
function isInStarOfOriginal(copy: CorpusItem, outcomes: ReadonlyMap<string, ItemOutcome>): boolean {
  const star = survivorOf(copy.id, outcomes);
  return star !== undefined && star === survivorOf(copy.of ?? '', outcomes);
}

/** The survivor of an item's star if it is kept; an item that is kept is its own. */
function survivorOf(id: string, outcomes: ReadonlyMap<string, ItemOutcome>): string | undefined {
  const outcome = outcomes.get(id);
  if (outcome?.outcome === 'kept') return id;
  if (outcome?.outcome !== 'duplicate' || outcome.survivor === undefined) return undefined;
  return outcomes.get(outcome.survivor)?.outcome === 'kept' ? outcome.survivor : undefined;
}

function findWronglyDropped(
  truth: CorpusTruth,
  outcomes: ReadonlyMap<string, ItemOutcome>,
  family: ReadonlyMap<string, string>,
): readonly string[] {
  const living = new Set<string>();
  for (const [id, { outcome }] of outcomes) {
    if (outcome === 'kept' || outcome === 'review') living.add(family.get(id) ?? id);
  }
  return truth.items
    .filter((item) => {
      const outcome = outcomes.get(item.id);
      if (outcome?.outcome === 'duplicate') {
        const survivor = survivorOf(item.id, outcomes);
        if (survivor === undefined || family.get(survivor) !== family.get(item.id)) return true;
      }
      return item.truth === 'scene' && outcome !== undefined && !living.has(item.id);
    })
    .map((item) => item.id);
}

function atLeast(name: string, value: number, minimum: number): Criterion {
  return { name, value, required: minimum === 1 ? '1' : `>= ${minimum}`, passed: value >= minimum };
}

function none(name: string, value: number): Criterion {
  return { name, value, required: '0', passed: value === 0 };
}
