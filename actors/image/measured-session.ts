// A session on a worker thread of its own, as in the product, that is measured instead of used.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type {
  MeasureAnswer,
  MeasuredAgreement,
  MeasuredRate,
  MeasureRequest,
  MeasureThreadData,
} from './measure-thread.ts';
import { ModelUnusable } from './model-unusable.ts';
import { type ModelFacts, type SessionSpec, sessionSpecSchema } from './session-spec.ts';
import { measureThreadModule } from './thread-modules.ts';

/** A run failed: out of memory, say. */
export class MeasureFailed extends Error {
  override readonly name = 'MeasureFailed';
}

export class MeasuredSession implements AsyncDisposable {
  readonly facts: ModelFacts;
  readonly #worker: Worker;
  readonly #stopping: Int32Array;
  readonly #signal: AbortSignal;

  /** @throws ModelUnusable; an AbortError once the signal is aborted */
  static async open(
    session: unknown,
    change: Partial<SessionSpec>,
    signal: AbortSignal,
  ): Promise<MeasuredSession> {
    const stopping = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const spec = sessionSpecSchema.parse({ ...sessionSpecSchema.parse(session), ...change });
    const workerData: MeasureThreadData = { session: spec, stopping };
    const worker = new Worker(measureThreadModule(), { workerData });
    // Not given up while it opens: a thread that is ended within a run takes the process with it.
    const [answer] = (await once(worker, 'message')) as [MeasureAnswer];
    if ('ready' in answer) {
      const measured = new MeasuredSession({ worker, stopping, facts: answer.ready, signal });
      if (!signal.aborted) return measured;
      await measured[Symbol.asyncDispose]();
      signal.throwIfAborted();
    }
    await worker.terminate();
    if ('refused' in answer) throw new ModelUnusable(answer.refused.setting, answer.refused.message);
    throw new MeasureFailed('the session did not open');
  }

  private constructor(parts: {
    readonly worker: Worker;
    readonly stopping: Int32Array;
    readonly facts: ModelFacts;
    readonly signal: AbortSignal;
  }) {
    this.#worker = parts.worker;
    this.#stopping = parts.stopping;
    this.#signal = parts.signal;
    this.facts = parts.facts;
  }

  /** Runs batches of one size for about `ms`. @throws MeasureFailed; an AbortError */
  rate(batch: number, ms: number): Promise<MeasuredRate> {
    return this.#ask<MeasuredRate>({ type: 'rate', batch, ms });
  }

  /** @throws MeasureFailed; an AbortError */
  agreement(batch: number): Promise<MeasuredAgreement> {
    return this.#ask<MeasuredAgreement>({ type: 'agreement', batch });
  }

  /** Ends the thread after the run that it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#stopping, 0, 1);
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage({ type: 'close' } satisfies MeasureRequest);
    await ended;
  }

  async #ask<T extends MeasuredRate | MeasuredAgreement>(request: MeasureRequest): Promise<T> {
    this.#worker.postMessage(request);
    const [answer] = (await once(this.#worker, 'message', { signal: this.#signal })) as [MeasureAnswer];
    // The thread answers a request with what it asks for.
    if ('result' in answer) return answer.result as T;
    throw new MeasureFailed('failed' in answer ? answer.failed : 'the session answered nothing');
  }
}
