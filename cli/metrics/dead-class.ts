// What was at fault when an item became a dead letter: few classes, so that an alert can name whom to ask.
import type { DeadReason } from '#actors';

/**
 * `envelope`: the publisher's message. `content`: the bytes themselves. `source`: where the content should be. `work`:
 * our own threads, models and shards.
 */
export const DEAD_CLASSES = ['envelope', 'content', 'source', 'work'] as const;
export type DeadClass = (typeof DEAD_CLASSES)[number];

export const CLASS_OF_REASON: Readonly<Record<DeadReason, DeadClass>> = {
  bad_envelope: 'envelope',
  bad_header: 'envelope',
  corrupt_image: 'content',
  empty: 'content',
  sha256_mismatch: 'content',
  too_large: 'content',
  too_many_pixels: 'content',
  unsupported_media_type: 'content',
  access_denied: 'source',
  address_not_allowed: 'source',
  fetch_failed: 'source',
  fetch_timeout: 'source',
  not_found: 'source',
  source_not_allowed: 'source',
  too_many_redirects: 'source',
  attempts_exhausted: 'work',
  model_failed: 'work',
  proxy_missing: 'work',
  shard_unavailable: 'work',
  worker_crashed: 'work',
  worker_out_of_memory: 'work',
  worker_timeout: 'work',
};
