// That a person wants a node to give its shards away and take none: a record of its own beside those of the nodes, since
// a node's record is written by that node alone. It stays until it is undone, also while the node is down.
import { z } from 'zod';
import { parseRecord } from './node-record.ts';

const PREFIX = 'drain.';

const drainRecordSchema = z.object({
  node: z.string(),
  /** False once it was undone: a deleted record would pass those unseen who only read what has changed. */
  drained: z.boolean(),
});

/** The order. */
export type DrainRecord = z.infer<typeof drainRecordSchema>;

/** Key of the order for a node. */
export function drainKey(node: string): string {
  return PREFIX + node;
}

/** The order under `key`; undefined for another key or for what this program does not understand. */
export function parseDrainRecord(key: string, value: Uint8Array): DrainRecord | undefined {
  if (!key.startsWith(PREFIX)) return undefined;
  const parsed = parseRecord(drainRecordSchema, value);
  return parsed !== undefined && drainKey(parsed.node) === key ? parsed : undefined;
}
