// The intake message of a dead letter, to be published again. What died at intake is in its letter as it was
// published; what died later is made again from what the ingestor stored, with the same five properties.
import { z } from 'zod';
import { blobKeys, payloadSchema } from '#actors';
import type { StoredMessage } from '#nats';
import type { BlobStore } from '#runtime';
import { messageCodec } from './message-codec.ts';

/** Body and headers of an intake message. */
export interface IntakeMessage {
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that the dead letter itself added. */
const LETTER_HEADERS: ReadonlySet<string> = new Set([
  'Nats-Msg-Id',
  'Troupe-Sequence',
  'Troupe-Reason',
  'Troupe-Error',
  'Troupe-Attempts',
  'Troupe-Stage',
]);
const queuedSchema = z.object({ item: z.string().regex(/^[0-9a-f]{64}$/) });

/** The message, or why it cannot be had. */
export async function intakeMessageOf(
  letter: StoredMessage,
  blobs: BlobStore,
): Promise<IntakeMessage | { readonly why: string }> {
  if (letter.header('Troupe-Stage') !== 'intake') return storedMessageOf(letter, blobs);
  const shortened = letter.header('Troupe-Shortened');
  if (shortened !== undefined) return { why: `its header ${shortened} was too long to be kept` };
  const own = Object.entries(letter.headers()).filter(([name]) => !LETTER_HEADERS.has(name));
  return { data: letter.data, headers: Object.fromEntries(own) };
}

/** The item as the ingestor stored it: its bytes, or a reference to where they are. */
async function storedMessageOf(
  letter: StoredMessage,
  blobs: BlobStore,
): Promise<IntakeMessage | { readonly why: string }> {
  const { item } = queuedSchema.parse(messageCodec.decode(letter.data));
  const stored = await blobs.get(blobKeys.payload(item));
  if (stored === undefined) return { why: 'what its publisher gave is no longer stored' };
  const { id, source, time, metadata, content, location } = payloadSchema.parse(messageCodec.decode(stored));
  if (!location.startsWith('blob:')) {
    const reference = {
      uri: location,
      id,
      source,
      metadata,
      ...(time && { time }),
      ...(content && { sha256: content }),
    };
    return { data: Buffer.from(JSON.stringify(reference)), headers: { 'Content-Type': 'application/json' } };
  }
  const data = content === null ? undefined : await blobs.get(blobKeys.content(content));
  if (data === undefined) return { why: 'its content is no longer stored' };
  const headers = { 'Content-Type': 'application/octet-stream', 'Troupe-Id': id, 'Troupe-Source': source };
  return { data, headers: { ...headers, ...(time !== null && { 'Troupe-Time': time }) } };
}
