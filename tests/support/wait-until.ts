// Polling with a deadline: the only way in which the harness waits.
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '#runtime';

const POLL_MS = 20;

/** Polls until the predicate holds; fails after `deadlineMs` with what was waited for. */
export async function waitUntil(
  predicate: () => boolean | Promise<boolean>,
  { deadlineMs, what }: { readonly deadlineMs: number; readonly what: string | (() => string) },
): Promise<void> {
  const endMs = systemClock.monotonicMs() + deadlineMs;
  while (!(await predicate())) {
    if (systemClock.monotonicMs() > endMs) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await pause(POLL_MS);
  }
}
