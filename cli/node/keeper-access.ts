// Which requests of a keeper are for whom: the server's permissions know subjects and no contents, so that what reads, what
// reviews and what changes a dataset is asked on three subjects.
import type { KeeperRequest } from '#actors';

/** What a request does. Who may order may ask everything. */
export type KeeperAccess = 'read' | 'review' | 'order';

/** The last token of the subject on which a keeper answers such requests. */
export const KEEPER_ACTORS: Readonly<Record<KeeperAccess, string>> = {
  read: 'keeper-read',
  review: 'keeper-review',
  order: 'keeper',
};

/** What each request does. */
export const KEEPER_ACCESS: Readonly<Record<KeeperRequest['op'], KeeperAccess>> = {
  settled: 'read',
  explain: 'read',
  derive: 'read',
  fates: 'read',
  outside: 'read',
  items: 'read',
  erasing: 'read',
  resolve: 'review',
  cut: 'order',
  erase: 'order',
};

/** @throws RangeError for a request that is not asked there */
export function requireAccess({ op }: KeeperRequest, access: KeeperAccess): void {
  if (access === 'order' || KEEPER_ACCESS[op] === access) return;
  throw new RangeError(
    `expected ${op} on the subject of ${KEEPER_ACTORS[KEEPER_ACCESS[op]]}, got it on that of ${KEEPER_ACTORS[access]}`,
  );
}
