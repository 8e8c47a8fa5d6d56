// Waiting on a clock, which may be a test's.
import type { Clock } from '#runtime';

/** Resolves after `delayMs`, or as soon as one of the signals aborts; never rejects. */
export function sleep(
  clock: Clock,
  delayMs: number,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal?.aborted === true)) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      for (const signal of signals) signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(delayMs, end);
    for (const signal of signals) signal?.addEventListener('abort', end, { once: true });
  });
}
