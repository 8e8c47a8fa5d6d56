import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { shardOf } from '../../../actors/dedup/partition.ts';

describe('partition', () => {
  it('is FNV-1a-32 of the token, mod n', () => {
    // Reference values of the FNV-1a 32-bit test vectors.
    expect(shardOf('', 2 ** 32)).toBe(0x811c9dc5);
    expect(shardOf('a', 2 ** 32)).toBe(0xe40c292c);
    expect(shardOf('foobar', 2 ** 32)).toBe(0xbf9cf968);
  });

  it('spreads content digests evenly over the shards', () => {
    const counts = new Array<number>(8).fill(0);
    for (let at = 0; at < 8000; at++) {
      const shard = shardOf(createHash('sha256').update(String(at)).digest('hex'), 8);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.max(...counts) / 1000).toBeLessThan(1.15);
  });
});
