// Tells keys of encrypted stores apart without holding one: a server that is given a wrong key would go on without what it
// cannot read, so that the key is compared with what the data folder knows of it before anything is started.
import { scryptSync } from 'node:crypto';
import { StoreKeyRefused } from './server-errors.ts';
import type { ServerRecord } from './server-record.ts';

/** Slow on purpose: whoever has the id should not find the key by trying. */
export function storeKeyId(key: string | undefined): string | undefined {
  return key === undefined ? undefined : scryptSync(key, 'troupe store key', 16).toString('hex');
}

/** @throws StoreKeyRefused for a store that is encrypted under another key, or where none is given */
export function requireStoreKey(
  record: ServerRecord | undefined,
  asked: string | undefined,
  folder: string,
): void {
  const known = record?.storeKeyId;
  if (known === undefined || known === asked) return;
  throw new StoreKeyRefused(folder, asked === undefined ? 'none was given' : 'another one was given');
}
