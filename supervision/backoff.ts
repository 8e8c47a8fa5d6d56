// How long a supervisor waits before it starts a failed child again. The delays grow exponentially, so that a
// dependency which is down is not hammered, and are spread by jitter, so that siblings do not return in step.
import { InvalidSupervisionOptions } from './options-error.ts';

/** Shape of the delays between the restarts of one child. */
export interface BackoffOptions {
  /** Delay before the second restart in a row (the first is at once), in milliseconds. */
  readonly minMs: number;
  /** No delay is longer, in milliseconds. */
  readonly maxMs: number;
  /** Share by which a delay is spread up and down, 0 to 1. */
  readonly jitter: number;
  /** After this many milliseconds of healthy work the count of restarts in a row begins anew. */
  readonly resetAfterMs: number;
}

/** Healthy work after which backoff begins anew, where nothing else is asked: max(10 s, (min + max) / 2). */
export function defaultResetAfterMs(minMs: number, maxMs: number): number {
  return Math.max(10_000, (minMs + maxMs) / 2);
}

/** 200 ms to 30 s, jitter 0.2, reset after 15.1 s: five restarts in a row take about 3 s. */
export const defaultBackoff: BackoffOptions = {
  minMs: 200,
  maxMs: 30_000,
  jitter: 0.2,
  resetAfterMs: defaultResetAfterMs(200, 30_000),
};

/** @throws InvalidSupervisionOptions when the figures contradict each other. */
export function checkBackoff(options: BackoffOptions): BackoffOptions {
  const { minMs, maxMs, jitter, resetAfterMs } = options;
  if (!(minMs >= 0)) throw new InvalidSupervisionOptions(`minMs must be at least 0, but was ${minMs}`);
  if (!(maxMs >= minMs)) {
    throw new InvalidSupervisionOptions(`maxMs must be at least minMs (${minMs}), but was ${maxMs}`);
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new InvalidSupervisionOptions(`jitter must be between 0 and 1, but was ${jitter}`);
  }
  if (!(resetAfterMs >= 0)) {
    throw new InvalidSupervisionOptions(`resetAfterMs must be at least 0, but was ${resetAfterMs}`);
  }
  return options;
}

/**
 * Milliseconds to wait before a restart that `former` restarts in a row went before: 0 for the first, then
 * min(max, min · 2^n) for n = 0, 1, …, spread by the jitter and clamped to [min, max] again.
 * @param draw a uniform random number in [0, 1)
 */
export function backoffDelay(options: BackoffOptions, former: number, draw: number): number {
  if (former === 0) return 0;
  const { minMs, maxMs, jitter } = options;
  const grown = Math.min(maxMs, minMs * 2 ** (former - 1));
  const spread = grown * (1 + jitter * (2 * draw - 1));
  return Math.min(maxMs, Math.max(minMs, spread));
}
