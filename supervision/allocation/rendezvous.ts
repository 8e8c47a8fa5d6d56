// Rendezvous hashing (highest random weight; Thaler and Ravishankar, 1998): every node and every shard agree on
// which of the candidates a shard prefers, without asking each other, and a candidate that goes changes nothing for
// the shards that preferred another one.

/** FNV-1a, 32 bits, over UTF-16 code units: a name as a number. */
export function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) {
    hash ^= name.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** How much a shard prefers a node, from the hashes of both: 32 bits, mixed so that equal low bits do not matter. */
export function preference(shardHash: number, nodeHash: number): number {
  let mixed = Math.imul(shardHash ^ (nodeHash >>> 15), 0x85ebca6b) ^ nodeHash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
