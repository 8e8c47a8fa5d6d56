// The record of a shard as it is stored, under `<dataset>.<shard>`: JSON, so that people read it with any NATS client.
import { z } from 'zod';
import type { ShardRecord } from '#supervision';
import { parseRecord } from './node-record.ts';

const epoch = z.int().positive();
const node = z.string().min(1);

const shardRecordSchema: z.ZodType<ShardRecord> = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('active'), owner: node, epoch }),
  z.object({ phase: z.literal('moving'), owner: node, epoch, target: node, prepared: z.boolean() }),
  z.object({ phase: z.literal('released'), epoch, target: node }),
]);

/** A shard of a dataset: an index shard by its number, or the keeper. */
export interface ShardName {
  readonly dataset: string;
  readonly shard: number | 'keeper';
}

/** Key of a shard's record. */
export function shardKey({ dataset, shard }: ShardName): string {
  return `${dataset}.${shard}`;
}

/** @throws RangeError for what is no key of a shard. */
export function parseShardKey(key: string): ShardName {
  const match = /^([a-z0-9-]+)\.(keeper|\d+)$/.exec(key);
  if (match === null) throw new RangeError(`expected <dataset>.<number> or <dataset>.keeper, got ${key}`);
  const [, dataset = '', shard = ''] = match;
  return { dataset, shard: shard === 'keeper' ? 'keeper' : Number(shard) };
}

/** Keys of a dataset's shards: its keeper, and index shards by their numbers. */
export function shardKeysOf(dataset: string, shards: readonly number[]): readonly string[] {
  const numbered = shards.map((shard) => shardKey({ dataset, shard }));
  return [shardKey({ dataset, shard: 'keeper' }), ...numbered];
}

/** The record in these bytes; undefined when this program does not understand it. */
export function parseShardRecord(value: Uint8Array): ShardRecord | undefined {
  return parseRecord(shardRecordSchema, value);
}
