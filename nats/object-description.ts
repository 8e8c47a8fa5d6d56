// The description of an object as ADR-20 writes it: JSON, with the digest as `SHA-256=` and padded base64url.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CodecError } from './errors.ts';

const DIGEST_PREFIX = 'SHA-256=';

/** What is known of an object. */
export interface ObjectDescription {
  readonly name: string;
  readonly bucket: string;
  /** Names the chunks' subject. */
  readonly nuid: string;
  /** Bytes. */
  readonly size: number;
  readonly chunks: number;
  /** SHA-256 of the bytes, base64. */
  readonly digest: string;
  readonly deleted: boolean;
}

const schema = z.object({
  name: z.string(),
  bucket: z.string(),
  /** It becomes a token of a subject. */
  nuid: z.string().regex(/^[^\s.*>]+$/),
  size: z.number().int().nonnegative().default(0),
  chunks: z.number().int().nonnegative().default(0),
  digest: z.string().default(''),
  deleted: z.boolean().default(false),
});

/** SHA-256 of the bytes in the form of `ObjectDescription.digest`. */
export function objectDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/**
 * Parses a description, ours or another client's.
 * @throws CodecError
 */
export function readDescription(bytes: Uint8Array): ObjectDescription {
  try {
    const parsed = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    const digest = parsed.digest.slice(DIGEST_PREFIX.length).replaceAll('-', '+').replaceAll('_', '/');
    return { ...parsed, digest };
  } catch (cause) {
    throw new CodecError('not the description of an object', { cause });
  }
}

/** Writes a description; `chunkBytes` is the size of all chunks but the last. */
export function writeDescription(
  description: ObjectDescription,
  chunkBytes: number,
  modified: Date,
): Uint8Array {
  const { name, bucket, nuid, size, chunks } = description;
  const digest = DIGEST_PREFIX + description.digest.replaceAll('+', '-').replaceAll('/', '_');
  const mtime = modified.toISOString();
  const options = { max_chunk_size: chunkBytes };
  return new TextEncoder().encode(
    JSON.stringify({
      name,
      description: '',
      options,
      bucket,
      nuid,
      size,
      mtime,
      chunks,
      digest,
      deleted: false,
    }),
  );
}
