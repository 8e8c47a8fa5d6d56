// That a person has moved a shard to a node: a record of its own beside those of the nodes, which every plan reads, so
// that balancing does not undo it. It stays until it is undone, also while the node is down.
import { z } from 'zod';
import { parseRecord } from './node-record.ts';

const PREFIX = 'pin.';

const pinRecordSchema = z.object({
  /** Key of the shard's record. */
  shard: z.string(),
  /** None once it was undone: a deleted record would pass those unseen who only read what has changed. */
  node: z.string().nullable(),
});

/** The order. */
export type PinRecord = z.infer<typeof pinRecordSchema>;

/** Key of the order for a shard, by the key of that one's record. */
export function pinKey(shard: string): string {
  return PREFIX + shard;
}

/** The order under `key`; undefined for another key or for what this program does not understand. */
export function parsePinRecord(key: string, value: Uint8Array): PinRecord | undefined {
  if (!key.startsWith(PREFIX)) return undefined;
  const parsed = parseRecord(pinRecordSchema, value);
  return parsed !== undefined && pinKey(parsed.shard) === key ? parsed : undefined;
}
