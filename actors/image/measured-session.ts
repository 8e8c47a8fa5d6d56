// A session on a worker thread of its own, as in the product, that is measured instead of used.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { MeasureAnswer, MeasuredAgreement, MeasuredRate, MeasureRequest } from './measure-thread.ts';
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

  /** @throws ModelUnusable */
  static async open(session: unknown, change: Partial<SessionSpec> = {}): Promise<MeasuredSession> {
    const workerData = sessionSpecSchema.parse({ ...sessionSpecSchema.parse(session), ...change });
    const worker = new Worker(measureThreadModule(), { workerData });
    const [answer] = (await once(worker, 'message')) as [MeasureAnswer];
    if ('ready' in answer) return new MeasuredSession(worker, answer.ready);
    await worker.terminate();
    if ('refused' in answer) throw new ModelUnusable(answer.refused.setting, answer.refused.message);
    throw new MeasureFailed('the session did not open');
  }

  private constructor(worker: Worker, facts: ModelFacts) {
    this.#worker = worker;
    this.facts = facts;
  }

  /** Runs batches of one size for about `ms`. @throws MeasureFailed */
  rate(batch: number, ms: number): Promise<MeasuredRate> {
    return this.#ask<MeasuredRate>({ type: 'rate', batch, ms });
  }

  /** @throws MeasureFailed */
  agreement(batch: number): Promise<MeasuredAgreement> {
    return this.#ask<MeasuredAgreement>({ type: 'agreement', batch });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask<T extends MeasuredRate | MeasuredAgreement>(request: MeasureRequest): Promise<T> {
    this.#worker.postMessage(request);
    const [answer] = (await once(this.#worker, 'message')) as [MeasureAnswer];
    // The thread answers a request with what it asks for.
    if ('result' in answer) return answer.result as T;
    throw new MeasureFailed('failed' in answer ? answer.failed : 'the session answered nothing');
  }
}
