// What changed from one manifest to another, item by item. Rows come in canonical order and chunks are named by
// their bytes, so chunks that both have are skipped unread and the rest is merged with two chunks in memory.
import { canonicalJson } from '../pipeline/canonical.ts';
import type { ManifestEnvelope, ManifestRow } from './manifest.ts';

/** Fields of a row that a diff compares; id and content are part of what the item is. */
export const COMPARED_FIELDS = [
  'outcome',
  'survivor',
  'relation',
  'score',
  'reasons',
  'evidence',
  'family',
] as const satisfies readonly (keyof ManifestRow)[];
export type ComparedField = (typeof COMPARED_FIELDS)[number];

/** One item that differs. */
export type RowChange =
  | { readonly change: 'added'; readonly item: string; readonly id: string; readonly after: ManifestRow }
  | { readonly change: 'removed'; readonly item: string; readonly id: string; readonly before: ManifestRow }
  | {
      readonly change: 'changed';
      readonly item: string;
      readonly id: string;
      /** Which fields differ. */
      readonly fields: readonly ComparedField[];
      /** Reasons (a rule's is `rule.` and its name) that are new, and that are gone. */
      readonly reasons: { readonly added: readonly string[]; readonly removed: readonly string[] };
      readonly before: ManifestRow;
      readonly after: ManifestRow;
    };

type Chunks = Pick<ManifestEnvelope, 'chunks'>;

/**
 * Items that differ, by rising item digest.
 * @param rows Reads the rows of the chunks that it is given, in order.
 */
export async function* diffRows(
  before: Chunks,
  after: Chunks,
  rows: (chunks: Chunks) => AsyncIterable<ManifestRow>,
): AsyncGenerator<RowChange, void> {
  const old = rows(unshared(before, after))[Symbol.asyncIterator]();
  const young = rows(unshared(after, before))[Symbol.asyncIterator]();
  let [left, right] = [await next(old), await next(young)];
  while (left !== undefined || right !== undefined) {
    if (right === undefined || (left !== undefined && left.item < right.item)) {
      if (left !== undefined) yield { change: 'removed', item: left.item, id: left.id, before: left };
      left = await next(old);
    } else if (left === undefined || right.item < left.item) {
      yield { change: 'added', item: right.item, id: right.id, after: right };
      right = await next(young);
    } else {
      const changed = compareRows(left, right);
      if (changed !== undefined) yield changed;
      [left, right] = [await next(old), await next(young)];
    }
  }
}

/** The chunks of one manifest that the other has not: equal bytes hold equal items, so none of them differs. */
function unshared({ chunks }: Chunks, other: Chunks): Chunks {
  const shared = new Set(other.chunks.map(({ digest }) => digest));
  return { chunks: chunks.filter(({ digest }) => !shared.has(digest)) };
}

async function next(rows: AsyncIterator<ManifestRow>): Promise<ManifestRow | undefined> {
  const { done, value } = await rows.next();
  return done === true ? undefined : value;
}

/** How two rows of one item differ; `undefined` when they do not. */
export function compareRows(before: ManifestRow, after: ManifestRow): RowChange | undefined {
  const fields = COMPARED_FIELDS.filter(
    (field) => canonicalJson(before[field]) !== canonicalJson(after[field]),
  );
  if (fields.length === 0) return undefined;
  return {
    change: 'changed',
    item: after.item,
    id: after.id,
    fields,
    reasons: {
      added: after.reasons.filter((reason) => !before.reasons.includes(reason)),
      removed: before.reasons.filter((reason) => !after.reasons.includes(reason)),
    },
    before,
    after,
  };
}

/** One setting of the deciding configuration that differs; a side that has it not is undefined. */
export interface SettingChange {
  /** Path with dots; a member of a list is named by its `name` or `id` where it has one, else by its place. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Settings that differ between two deciding configurations, by path. */
export function diffSettings(before: unknown, after: unknown): readonly SettingChange[] {
  const changes: SettingChange[] = [];
  compareSettings('', before, after, changes);
  return changes;
}

function compareSettings(path: string, before: unknown, after: unknown, changes: SettingChange[]): void {
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return;
  const [left, right] = [membersOf(before), membersOf(after)];
  if (left === undefined || right === undefined) {
    changes.push({
      path,
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    });
    return;
  }
  for (const name of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    compareSettings(path === '' ? name : `${path}.${name}`, left.get(name), right.get(name), changes);
  }
}

/** Members of an object, or of a list whose members have names; `undefined` for everything else. */
function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const names = value.map(nameOf);
  if (names.some((name) => name === undefined) || new Set(names).size !== names.length) return undefined;
  return new Map(value.map((member: unknown, at) => [names[at] ?? '', member]));
}

function nameOf(member: unknown): string | undefined {
  if (member === null || typeof member !== 'object') return undefined;
  const { name, id } = member as { readonly name?: unknown; readonly id?: unknown };
  const own = name ?? id;
  return typeof own === 'string' ? own : undefined;
}
