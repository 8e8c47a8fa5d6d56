// Failures of one item, classed by what becomes of it: a permanent one is dead-lettered with its code, a
// passing one is tried again as its class says, and anything else is a bug that crashes the actor.
import { type FailureClass, failureClassOf } from '#supervision';

/** Every reason for which an item can become a dead letter. Stable: docs/errors.md explains each. */
export const DEAD_REASONS = [
  'access_denied',
  'address_not_allowed',
  'attempts_exhausted',
  'bad_envelope',
  'bad_header',
  'corrupt_image',
  'empty',
  'fetch_failed',
  'fetch_timeout',
  'model_failed',
  'not_found',
  'proxy_missing',
  'sha256_mismatch',
  'shard_unavailable',
  'source_not_allowed',
  'too_large',
  'too_many_pixels',
  'too_many_redirects',
  'unsupported_media_type',
  'worker_crashed',
  'worker_out_of_memory',
  'worker_timeout',
] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** Whether a code that came from elsewhere (a kind's analysis) is one of the reasons. */
export function isDeadReason(code: unknown): code is DeadReason {
  return (DEAD_REASONS as readonly unknown[]).includes(code);
}

/** The item itself is at fault: trying again cannot help. */
export class ItemFailure extends Error {
  override readonly name = 'ItemFailure';
  readonly code: DeadReason;
  /** Attempts that were made before it was sure; default 1. */
  readonly attempts: number;

  constructor(code: DeadReason, message: string, options?: ErrorOptions & { readonly attempts?: number }) {
    super(message, options);
    this.code = code;
    this.attempts = options?.attempts ?? 1;
  }
}

/** Classes of failures that may pass. */
export type PassingClass = Exclude<FailureClass, 'permanent' | 'bug'>;

/** A dependency failed for now: tried again as its class says; exhausted attempts dead-letter the item with `code`. */
export class PassingFailure extends Error {
  override readonly name = 'PassingFailure';
  readonly code: DeadReason;
  /** What the next try does differently. */
  readonly failureClass: PassingClass;
  /** How long the dependency asked to be left alone, in ms; the next attempt waits at least so long. */
  readonly retryAfterMs: number;
  /** Whether it tells something of the place that the content comes from, not of this item alone. */
  readonly ofSource: boolean;

  /** Without a class it has that of its cause, else `transient`. */
  constructor(
    code: DeadReason,
    message: string,
    options?: ErrorOptions & {
      readonly failureClass?: PassingClass;
      readonly retryAfterMs?: number;
      readonly ofSource?: boolean;
    },
  ) {
    super(message, options);
    this.code = code;
    this.failureClass = options?.failureClass ?? passingClassOf(options?.cause);
    this.retryAfterMs = options?.retryAfterMs ?? 0;
    this.ofSource = options?.ofSource ?? false;
  }
}

/** The class of what a dependency threw; a failure of no known class may pass. */
export function passingClassOf(cause: unknown): PassingClass {
  const named = failureClassOf(cause);
  return named === 'bug' || named === 'permanent' ? 'transient' : named;
}
