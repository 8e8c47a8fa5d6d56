// Merkle tree hash of RFC 6962 section 2.1: leaves and nodes hashed in different domains, so that no list of
// rows can be passed off as another.
import { createHash } from 'node:crypto';

/** Root over the leaves in order, 64 hex. The empty tree is the hash of nothing. */
export function merkleRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) return createHash('sha256').digest('hex');
  let level = leaves.map((leaf) => hash(0x00, Buffer.from(leaf)));
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const left = level[at];
      const right = level[at + 1];
      if (left === undefined) continue;
      next.push(right === undefined ? left : hash(0x01, left, right));
    }
    level = next;
  }
  return level[0]?.toString('hex') ?? '';
}

function hash(domain: number, ...parts: readonly Uint8Array[]): Buffer {
  const digest = createHash('sha256').update(Uint8Array.of(domain));
  for (const part of parts) digest.update(part);
  return digest.digest();
}
