// The pool of analysis threads as a kind asks it: the least loaded thread gets the request, and when all are
// full the asker waits, which throttles intake.
import { type ActorRef, leastLoaded, type ThreadCall } from '#runtime';
import type { AnalysisPool } from './kind.ts';

export function analysisPool(threads: readonly ActorRef<ThreadCall<unknown, unknown>>[]): AnalysisPool {
  const router = leastLoaded(threads);
  return {
    ask: (request, { timeoutMs, signal, transfer }) =>
      router.ask<unknown>((reply) => ({ request, reply, ...(transfer && { transfer }) }), {
        timeoutMs,
        ...(signal && { signal }),
      }),
  };
}
