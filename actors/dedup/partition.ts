// Partition of one token over n shards, the same function as the server's `partition()` (ADR-30): FNV-1a-32 of
// the UTF-8 bytes, mod n. Only ever of one token: keys that repeat themselves leave partitions empty.

/** Shard of a token, 0 to `shards` - 1. */
export function shardOf(token: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(token)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash % shards;
}
