// Chooses what a report shows of a manifest of any size, in two passes over its rows: the first measures groups and
// takes samples, the second collects the rows of the largest groups. Pure but for the reading of rows.
import type { ManifestRow } from '#actors';

/** How much is shown. */
export interface ReportLimits {
  /** Groups, largest first. */
  readonly maxGroups: number;
  /** Members of one star beside its survivor. */
  readonly maxMembers: number;
  /** Items in each sample. */
  readonly maxSample: number;
  /** Different sets of reasons, most frequent first. */
  readonly maxReasons: number;
}

/** Rows of a group by star: the survivor, then those related to it. */
export interface ChosenStar {
  readonly survivor: ManifestRow;
  readonly members: readonly ManifestRow[];
  readonly membersLeftOut: number;
}

export interface ChosenGroup {
  readonly items: number;
  readonly isFamily: boolean;
  readonly stars: readonly ChosenStar[];
}

export interface ChosenReason {
  readonly reasons: readonly string[];
  readonly count: number;
  readonly sample: readonly ManifestRow[];
}

export interface ChosenRows {
  readonly groups: readonly ChosenGroup[];
  readonly groupsTotal: number;
  readonly groupedItems: number;
  readonly keptSample: readonly ManifestRow[];
  readonly rejected: readonly ChosenReason[];
  readonly review: readonly ChosenReason[];
}

/** @param rows Reads all rows in canonical order; called twice. */
export async function chooseRows(
  rows: () => AsyncIterable<ManifestRow>,
  limits: ReportLimits,
): Promise<ChosenRows> {
  const survey = new Survey(limits);
  for await (const row of rows()) survey.add(row);
  const sizes = survey.groupSizes();
  const chosen = largest(sizes, limits.maxGroups);
  const collected = new Map([...chosen.keys()].map((group) => [group, [] as ManifestRow[]]));
  if (chosen.size > 0) {
    for await (const row of rows()) collected.get(survey.groupOf(row))?.push(row);
  }
  let groupedItems = 0;
  for (const size of sizes.values()) groupedItems += size;
  return {
    groups: [...collected].map(([group, members]) => starsOf(members, chosen.get(group) ?? 0, limits)),
    groupsTotal: sizes.size,
    groupedItems,
    keptSample: survey.keptSample,
    rejected: survey.reasons('rejected'),
    review: survey.reasons('review'),
  };
}

/** The first pass: sizes of groups, and samples. */
class Survey {
  readonly #limits: ReportLimits;
  /** More than are shown: some of them turn out to be survivors of others. */
  readonly #kept: ManifestRow[] = [];
  /** Members of each star beside its survivor. */
  readonly #membersOf = new Map<string, number>();
  /** Families of survivors and of items that stand alone. */
  readonly #familyOf = new Map<string, string>();
  readonly #reasons = {
    rejected: new Map<string, { count: number; sample: ManifestRow[] }>(),
    review: new Map<string, { count: number; sample: ManifestRow[] }>(),
  };

  constructor(limits: ReportLimits) {
    this.#limits = limits;
  }

  add(row: ManifestRow): void {
    const { item, survivor, family, outcome, reasons } = row;
    if (survivor !== null) this.#membersOf.set(survivor, (this.#membersOf.get(survivor) ?? 0) + 1);
    else if (family !== null) this.#familyOf.set(item, family);
    if (outcome === 'rejected' || outcome === 'review') this.#sample(outcome, reasons, row);
    const isAlone = outcome === 'kept' && survivor === null && family === null;
    if (isAlone && this.#kept.length < this.#limits.maxSample * 8) this.#kept.push(row);
  }

  /** Some of the kept items that are in no group. */
  get keptSample(): readonly ManifestRow[] {
    return this.#kept.filter(({ item }) => !this.#membersOf.has(item)).slice(0, this.#limits.maxSample);
  }

  /** The group of a row: its family, else its star. */
  groupOf({ item, survivor }: ManifestRow): string {
    const star = survivor ?? item;
    return this.#familyOf.get(star) ?? star;
  }

  /** Items of each group that has more than one. */
  groupSizes(): ReadonlyMap<string, number> {
    const sizes = new Map<string, number>();
    for (const star of new Set([...this.#membersOf.keys(), ...this.#familyOf.keys()])) {
      const group = this.#familyOf.get(star) ?? star;
      sizes.set(group, (sizes.get(group) ?? 0) + 1 + (this.#membersOf.get(star) ?? 0));
    }
    return sizes;
  }

  reasons(outcome: 'rejected' | 'review'): readonly ChosenReason[] {
    const all = [...this.#reasons[outcome]].map(([key, share]) => ({
      reasons: JSON.parse(key) as readonly string[],
      ...share,
    }));
    all.sort((a, b) => b.count - a.count || (a.reasons.join() < b.reasons.join() ? -1 : 1));
    const rest = all.slice(this.#limits.maxReasons);
    if (rest.length === 0) return all;
    const count = rest.reduce((sum, share) => sum + share.count, 0);
    const others = { reasons: [`${rest.length} other sets of reasons`], count, sample: [] };
    return [...all.slice(0, this.#limits.maxReasons), others];
  }

  #sample(outcome: 'rejected' | 'review', reasons: readonly string[], row: ManifestRow): void {
    const key = JSON.stringify(reasons);
    const share = this.#reasons[outcome].get(key) ?? { count: 0, sample: [] };
    this.#reasons[outcome].set(key, share);
    share.count += 1;
    if (share.sample.length < this.#limits.maxSample) share.sample.push(row);
  }
}

/** The largest groups with their sizes; among equals those with the smaller name. */
function largest(sizes: ReadonlyMap<string, number>, limit: number): ReadonlyMap<string, number> {
  const sorted = [...sizes].sort(([a, few], [b, many]) => many - few || (a < b ? -1 : 1));
  return new Map(sorted.slice(0, limit));
}

/** The stars of one group, largest first; members closest first. */
function starsOf(rows: readonly ManifestRow[], items: number, { maxMembers }: ReportLimits): ChosenGroup {
  const members = Map.groupBy(
    rows.filter(({ survivor }) => survivor !== null),
    ({ survivor }) => survivor ?? '',
  );
  const stars = rows
    .filter(({ survivor }) => survivor === null)
    .map((survivor) => {
      const all = [...(members.get(survivor.item) ?? [])].sort(byCloseness);
      return {
        survivor,
        members: all.slice(0, maxMembers),
        membersLeftOut: Math.max(0, all.length - maxMembers),
      };
    })
    .sort((a, b) => b.members.length - a.members.length || (a.survivor.item < b.survivor.item ? -1 : 1));
  // A family of many stars is cut as a star of many members is.
  return { items, isFamily: stars.length > 1, stars: stars.slice(0, maxMembers) };
}

function byCloseness(a: ManifestRow, b: ManifestRow): number {
  const [left, right] = [a.evidence?.distance ?? -1, b.evidence?.distance ?? -1];
  return left - right || (a.item < b.item ? -1 : 1);
}
