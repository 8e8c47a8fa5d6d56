// Canonical bytes and digests. Everything whose digest is compared between runs and nodes goes through here.
import { createHash } from 'node:crypto';

/**
 * JSON with sorted keys, no white space and no undefined members (RFC 8785's member order for the ASCII keys used here).
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
    const record = member as Record<string, unknown>;
    return Object.fromEntries(
      Object.keys(record)
        .sort()
        .map((key) => [key, record[key]]),
    );
  });
}

/** sha256 as 64 lower-case hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The five properties that make two intake messages one item (DESIGN section 1). */
export interface ItemIdentity {
  readonly id: string;
  /** sha256 of the content, or null when governance refused it before it was read. */
  readonly content: string | null;
  readonly source: string;
  /** Declared time, RFC 3339, or null. */
  readonly time: string | null;
  readonly metadataDigest: string;
}

/** Digest of an item: equal exactly when all five properties are equal. */
export function itemDigest(item: ItemIdentity): string {
  return sha256Hex(canonicalJson([item.id, item.content, item.source, item.time, item.metadataDigest]));
}
