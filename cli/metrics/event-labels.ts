// Label values of what events tell: paths and names become members of closed sets, so that no label grows with the data.
import type { BreakerSnapshot, HandOffPhase } from '#runtime';

/** Sorts of actors and supervisors; whatever is new or passing is `other`. */
export const ACTOR_LABELS = [
  'keeper',
  'shard',
  'scorer',
  'desk',
  'replayer',
  'session',
  'embedder',
  'decoder',
  'ingestor',
  'held',
  'supervisor',
  'other',
] as const;
export type ActorLabel = (typeof ACTOR_LABELS)[number];

const SUPERVISORS: ReadonlySet<string> = new Set([
  'ledger',
  'index',
  'desks',
  'embedding',
  'replay',
  'intake',
  'decoders',
  'ingestors',
]);

export const HAND_OFF_PHASES = [
  'offered',
  'withdrawn',
  'prepared',
  'stopped',
  'released',
  'taken',
  'answering',
  'failed',
] as const satisfies readonly HandOffPhase[];

/** `photos/intake/ingestors/ingestor-3` is an `ingestor`. */
export function actorLabel(path: string): ActorLabel {
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (!path.includes('/') || SUPERVISORS.has(last)) return 'supervisor';
  const sort = last.replace(/-\d+$/, '');
  return ACTOR_LABELS.find((label) => label === sort) ?? 'other';
}

/** The model whose sessions answer requests of others and wait for a breaker at this path; undefined for a breaker of a dataset. */
export function servedModelOf({ path }: Pick<BreakerSnapshot, 'path'>): string | undefined {
  return /^embed-(.+)\/sessions$/.exec(path)?.[1];
}

/** What a breaker guards: each has a place of its own in the tree that waits for it. */
export function dependencyOf({ path }: Pick<BreakerSnapshot, 'path'>): 'model' | 'source' | 'node' {
  if (path.endsWith('/embedding')) return 'model';
  return path.endsWith('/intake') ? 'source' : 'node';
}
