// The pool of analysis threads as a kind asks it: the least loaded thread gets the request, and when all are
// full the asker waits, which throttles intake. What needs much memory on its thread is admitted before.
import { type ActorRef, type ByteBudget, leastLoaded, type ThreadCall } from '#runtime';
import type { AnalysisPool } from './kind.ts';

/** @param decodeBudget what all threads of the node may take for large contents at once */
export function analysisPool(
  threads: readonly ActorRef<ThreadCall<unknown, unknown>>[],
  decodeBudget: ByteBudget,
): AnalysisPool {
  const router = leastLoaded(threads);
  return {
    ask: (request, { timeoutMs, signal, transfer }) =>
      router.ask<unknown>((reply) => ({ request, reply, ...(transfer && { transfer }) }), {
        timeoutMs,
        ...(signal && { signal }),
      }),
    admit: async (bytes, signal) => {
      const hold = decodeBudget.open();
      await hold.raise(bytes, signal);
      return hold;
    },
  };
}
