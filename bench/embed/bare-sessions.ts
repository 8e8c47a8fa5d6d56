// Starts the bench's reference: one session in a thread of its own, with nothing around it.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ModelIdentity } from '#actors';
import type { SessionSpec } from '../../actors/image/session-spec.ts';
import type { BareRun, BareSessionData } from './bare-session.ts';
import { timeOf } from './service-pool.ts';
import type { ModelPicture } from './squeezenet.ts';

/** All pictures, once. */
export interface BareRound {
  readonly vectors: readonly Float32Array[];
  readonly itemsPerS: number;
  /** Of the session's thread. */
  readonly cpuMs: number;
}

export interface BareSession {
  readonly thread: Worker;
  run(batch: number): Promise<BareRound>;
}

/** Resolves when the model is open. */
export async function bareSession(
  { session, dimension }: ModelIdentity,
  pictures: readonly ModelPicture[],
): Promise<BareSession> {
  const data: BareSessionData = {
    session: session as SessionSpec,
    pictures: pictures.map(({ pixels }) => pixels),
  };
  const thread = new Worker(new URL('./bare-session.ts', import.meta.url), { workerData: data });
  await once(thread, 'message');
  return {
    thread,
    run: async (batch) => {
      const time = await timeOf(thread);
      thread.postMessage(batch);
      const [{ vectors, ms }] = (await once(thread, 'message')) as [BareRun];
      const { cpuMs } = await time();
      const good = vectors.filter(({ length }) => length === dimension).length;
      if (good !== pictures.length) throw new Error(`the bare loop made ${good} of ${pictures.length}`);
      return { vectors, itemsPerS: (vectors.length / ms) * 1_000, cpuMs };
    },
  };
}
