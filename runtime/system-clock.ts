// The machine's own clock and timers. The composition root passes it on; tests pass a manual one instead.
import type { Clock } from './ports.ts';

/** setTimeout fires at once beyond this many milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

/** Real time: `performance.now()`, `Date.now()` and `setTimeout`. A pending timer keeps the process alive. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, action) {
    const timer = setTimeout(action, Math.min(Math.max(0, delayMs), longestTimerMs));
    return () => clearTimeout(timer);
  },
};
