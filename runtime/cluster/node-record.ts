// What a node says of itself in its record, as JSON so that people read it with any NATS client.
import { z } from 'zod';
import type { RecordedState } from '#supervision';

const nodeRecordSchema = z.object({
  name: z.string(),
  /** Tells processes apart that ran under one name. */
  incarnation: z.string(),
  /** Of the program. */
  version: z.string(),
  /** Versions of the message codec that the node reads and can write, lowest and highest. */
  codec: z.object({ lowest: z.int(), highest: z.int() }),
  /** Parts of the system that it runs; absent: all of them. */
  roles: z.array(z.string()).exactOptional(),
  /** Its part of the shards, relative to others'. */
  weight: z.number().positive(),
  /** Without a renewal for so long it is gone. */
  leaseMs: z.number().positive(),
  state: z.enum(['joining', 'active', 'draining', 'left']) satisfies z.ZodType<RecordedState>,
  /** RFC 3339. */
  started: z.string(),
});

/** A node as it describes itself. */
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** The role of nodes that own shards; the others own none. */
export const SHARDS_ROLE = 'shards';

/** Whether a node owns shards at all. */
export function ownsShards({ roles }: Pick<NodeRecord, 'roles'>): boolean {
  return roles?.includes(SHARDS_ROLE) ?? true;
}

/** The versions of a codec that a program reads and can write. */
export type CodecRange = NodeRecord['codec'];

/** Key of a node's record. */
export function nodeKey(name: string): string {
  return `node.${name}`;
}

/** Encodes a record that several programs read: JSON. */
export function encodeRecord(record: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** The record of a node under `key`; undefined for another key or for what this program does not understand. */
export function parseNodeRecord(key: string, value: Uint8Array): NodeRecord | undefined {
  const parsed = parseRecord(nodeRecordSchema, value);
  return parsed !== undefined && nodeKey(parsed.name) === key ? parsed : undefined;
}

/** What JSON bytes hold, if it has the shape of `schema`. */
export function parseRecord<T>(schema: z.ZodType<T>, value: Uint8Array): T | undefined {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(value)));
  } catch {
    return undefined;
  }
}
