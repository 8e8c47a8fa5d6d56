// Analyses one content, whatever it does to the thread that looks at it. The first attempt runs on the shared pool;
// a content that ended its thread is tried again alone, on threads of its own, and becomes a dead letter when those
// end too. Its neighbours only wait for the pool's replacement thread.
import { type Clock, isolatedCall } from '#runtime';
import type { AnalyseRequest, Analysis, AnalysisPool, Kind } from '../kinds/kind.ts';
import { type DeadReason, ItemFailure, isDeadReason, PassingFailure } from './item-failure.ts';

/** Attempts on threads of its own after the first one on the pool. */
const ISOLATED_ATTEMPTS = 2;

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
 * @throws ItemFailure with the analysis's own code, `worker_crashed`, `worker_out_of_memory` or `worker_timeout`;
 * PassingFailure when no thread of the pool was free in time
 */
export async function analyseWithAttempts(
  options: AnalysisAttemptsOptions,
  request: AnalyseRequest,
  signal: AbortSignal,
): Promise<Analysis> {
  const { kind, pool, timeoutMs } = options;
  let failure: unknown;
  try {
    // Waiting for a thread does not count: the pool's own deadline runs from when a thread has the request.
    return await kind.analyse(pool, request, timeoutMs * 4, signal);
  } catch (error) {
    failure = error;
  }
  let attempts = 1;
  while (attempts <= ISOLATED_ATTEMPTS && endedItsThread(failure)) {
    attempts += 1;
    try {
      return await kind.analyse(isolatedPool(options), request, timeoutMs, signal);
    } catch (error) {
      failure = error;
    }
  }
  throw classify(failure, attempts);
}

/** A pool of threads that live for one request each. */
function isolatedPool({ kind, clock, timeoutMs, memoryMb }: AnalysisAttemptsOptions): AnalysisPool {
  return {
    ask: (request, { signal }) =>
      isolatedCall(
        {
          name: `an isolated ${kind.name} analysis`,
          clock,
          module: kind.analyserModule,
          deadlineMs: timeoutMs,
          maxOldGenerationMb: memoryMb,
          ...(signal && { signal }),
        },
        request,
      ),
  };
}

function endedItsThread(failure: unknown): boolean {
  const name = failure instanceof Error ? failure.name : '';
  return name === 'ThreadCrashed' || name === 'ThreadTimeout' || name === 'ActorEnded';
}

function classify(cause: unknown, attempts: number): unknown {
  if (!(cause instanceof Error)) return cause;
  const failed = (code: DeadReason, message: string) => new ItemFailure(code, message, { cause, attempts });
  switch (cause.name) {
    case 'ThreadTimeout':
      return failed('worker_timeout', `analysis took longer than its limit, also alone: ${cause.message}`);
    case 'ThreadCrashed':
      if (isOutOfMemory(cause.cause)) {
        return failed('worker_out_of_memory', 'analysis outgrew the memory of its thread, also alone');
      }
      return failed('worker_crashed', `analysis ended its thread, also alone: ${cause.message}`);
    case 'ActorEnded':
      return failed('worker_crashed', `analysis ended its thread, also alone: ${cause.message}`);
    case 'AskTimeout':
    case 'MailboxFull':
      return new PassingFailure('worker_timeout', 'no analysis thread was free in time', { cause });
  }
  const { code } = cause as { code?: unknown };
  return cause.name === 'AnalysisError' && isDeadReason(code) ? failed(code, cause.message) : cause;
}

/** How Node reports a thread that reached the limit of its heap. */
function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
}
