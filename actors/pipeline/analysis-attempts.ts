// Analyses one content, whatever it does to the thread that looks at it: by the runtime's quarantine, first on the
// shared pool, then on threads of its own. What it failed of becomes the reason of its dead letter. Its neighbours
// only wait for the pool's replacement thread.
import {
  type Clock,
  isolatedCall,
  Quarantined,
  ThreadCrashed,
  ThreadTimeout,
  withQuarantine,
} from '#runtime';
import { failureClassOf } from '#supervision';
import type { AnalyseRequest, Analysis, AnalysisPool, Kind } from '../kinds/kind.ts';
import { type DeadReason, ItemFailure, isDeadReason, PassingFailure } from './item-failure.ts';

export interface AnalysisAttemptsOptions {
  readonly kind: Kind;
  readonly pool: AnalysisPool;
  readonly clock: Clock;
  /** Time for one attempt, in ms. */
  readonly timeoutMs: number;
  /** Heap of an isolated thread, in MiB. */
  readonly memoryMb: number;
}

/**
 * `request` is called for each attempt, as a thread that ended took the bytes of the one before with it.
 * @throws ItemFailure with the analysis's own code, `worker_crashed`, `worker_out_of_memory` or `worker_timeout`;
 * PassingFailure when no thread of the pool was free in time
 */
export async function analyseWithAttempts(
  options: AnalysisAttemptsOptions,
  request: () => Promise<AnalyseRequest>,
  signal: AbortSignal,
): Promise<Analysis> {
  const { kind, pool, timeoutMs } = options;
  let attempts = 0;
  let limitMs = timeoutMs;
  try {
    return await withQuarantine(async (where) => {
      attempts += 1;
      const asked = await request();
      try {
        // Waiting for a thread does not count: the pool's own deadline runs from when a thread has the request.
        return where === 'shared'
          ? await kind.analyse(pool, asked, timeoutMs * 4, signal)
          : await kind.analyse(isolatedPool(options, limitMs), asked, limitMs, signal);
      } catch (error) {
        // One that took too long is given more time; what ended its thread at once is not.
        if (failureClassOf(error) === 'timeout') limitMs = timeoutMs * 2;
        throw error;
      }
    });
  } catch (error) {
    throw classify(error, attempts);
  }
}

/** A pool of threads that live for one request each. */
function isolatedPool(
  { kind, pool, clock, memoryMb }: AnalysisAttemptsOptions,
  deadlineMs: number,
): AnalysisPool {
  return {
    admit: (bytes, signal) => pool.admit(bytes, signal),
    ask: (request, { signal }) =>
      isolatedCall(
        {
          name: `an isolated ${kind.name} analysis`,
          clock,
          module: kind.analyserModule,
          deadlineMs,
          maxOldGenerationMb: memoryMb,
          ...(signal && { signal }),
        },
        request,
      ),
  };
}

function classify(cause: unknown, attempts: number): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause instanceof Quarantined) return quarantined(cause.cause, attempts);
  if (cause.name === 'AskTimeout' || cause.name === 'MailboxFull') {
    return new PassingFailure('worker_timeout', 'no analysis thread was free in time', { cause });
  }
  const { code } = cause as { code?: unknown };
  if (cause.name !== 'AnalysisError' || !isDeadReason(code)) return cause;
  return new ItemFailure(code, cause.message, { cause, attempts });
}

/** By how the last of its threads ended. */
function quarantined(cause: Error, attempts: number): ItemFailure {
  const failed = (code: DeadReason, message: string) => new ItemFailure(code, message, { cause, attempts });
  if (cause instanceof ThreadTimeout || (cause instanceof ThreadCrashed && cause.how === 'hang')) {
    return failed('worker_timeout', `analysis took longer than its limit, also alone: ${cause.message}`);
  }
  if (cause instanceof ThreadCrashed && cause.how === 'memory') {
    return failed('worker_out_of_memory', 'analysis outgrew the memory of its thread, also alone');
  }
  return failed('worker_crashed', `analysis ended its thread, also alone: ${cause.message}`);
}
