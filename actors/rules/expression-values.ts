// What an expression sees of an item: its signals with their types, the publisher's metadata, source and declared
// time. Nothing here depends on the machine or the moment.
import type { Signal } from '../kinds/kind.ts';
import type { SignalCatalogue } from '../kinds/signal-catalogue.ts';

/** What is known of an item before anything is fetched. */
export interface ItemOrigin {
  readonly source: string;
  /** Declared time, RFC 3339 in UTC, or null. */
  readonly time: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Most members that a list or mapping may have where a rule reads metadata: going through more takes long. */
export const MAX_MEMBERS = 1000;

/** Values of `source`, `time` and `metadata`; metadata with a wider part is withheld, so that what reads it fails. */
export function originValues(origin: ItemOrigin): Record<string, unknown> {
  const { source, time, metadata } = origin;
  return {
    source,
    time: time === null ? null : new Date(time),
    ...(!isTooWide(metadata) && { metadata: withMaps(metadata) }),
  };
}

/** The signals of the catalogue, as their types say. */
export function signalValues(
  signals: Readonly<Record<string, Signal>>,
  catalogue: SignalCatalogue,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { type }] of Object.entries(catalogue)) {
    const value = signals[name];
    if (value !== undefined) values[name] = type === 'time' ? new Date(Number(value) * 1000) : value;
  }
  return values;
}

function isTooWide(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  const members = Object.values(value);
  return members.length > MAX_MEMBERS || members.some(isTooWide);
}

/** Mappings become maps, so that a member named `constructor` is a member like any other. */
function withMaps(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withMaps);
  return new Map(Object.entries(value).map(([name, member]) => [name, withMaps(member)]));
}
