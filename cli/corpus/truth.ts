// What was planted in a generated corpus: for each item what it is and which item it was made from.

/** What an item is; all but the last four of these relate to another item. */
export const TRUTHS = [
  'exact',
  'reencode',
  'resize',
  'crop2',
  'crop5',
  'scene',
  'flat',
  'corrupt',
  'refused',
] as const;

/** What an item is: a copy of one of five sorts, or an original of one of four. */
export type Truth = (typeof TRUTHS)[number];

/** The sorts of copies. */
export const PLANTED_RELATIONS = ['exact', 'reencode', 'resize', 'crop2', 'crop5'] as const;

/** A sort of copy. */
export type PlantedRelation = (typeof PLANTED_RELATIONS)[number];

/** One item of a generated corpus. */
export interface CorpusItem {
  /** The path below the corpus folder with `/` between its parts, as `troupe publish` names items. */
  readonly id: string;
  /** Absolute path of the file. */
  readonly path: string;
  /** What a publisher gives as `Troupe-Source`. */
  readonly source: string;
  readonly truth: Truth;
  /** The scene that a copy was made from. */
  readonly of?: string;
}

/** A generated corpus. */
export interface CorpusTruth {
  readonly seed: number;
  /** In the order in which they should be published: shuffled, so that copies may come before originals. */
  readonly items: readonly CorpusItem[];
}

/** The source whose items governance must refuse. */
export const REFUSED_SOURCE = 'banned-feed';

/** Whether an item is a copy of a scene. */
export function isPlantedRelation(truth: Truth): truth is PlantedRelation {
  return (PLANTED_RELATIONS as readonly Truth[]).includes(truth);
}
