// Polling with a deadline: the only way in which the harness waits.
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '#runtime';

const POLL_MS = 20;

/** Polls until the predicate holds; fails after `deadlineMs` with what was waited for, also when the predicate never answers. */
export async function waitUntil(
  predicate: () => boolean | Promise<boolean>,
  { deadlineMs, what }: { readonly deadlineMs: number; readonly what: string | (() => string) },
): Promise<void> {
  const endMs = systemClock.monotonicMs() + deadlineMs;
  const late = (how: string) =>
    new Error(`not within ${deadlineMs} ms${how}: ${typeof what === 'string' ? what : what()}`);
  for (;;) {
    const asked = new AbortController();
    const leftMs = Math.max(POLL_MS, endMs - systemClock.monotonicMs());
    const deadline = pause(leftMs, 'late' as const, { signal: asked.signal });
    deadline.catch(() => {}); // aborted, as the predicate has answered
    const holds = await Promise.race([predicate(), deadline]).finally(() => asked.abort());
    if (holds === true) return;
    if (holds === 'late') throw late(' (a question is still open)');
    if (systemClock.monotonicMs() > endMs) throw late('');
    await pause(POLL_MS);
  }
}
