// The reference of the embed bench, run in a worker thread: one session that embeds batch after batch, with nothing around
// it. The pictures are sent once, before the clock starts.
import { parentPort, workerData } from 'node:worker_threads';
import { ModelSession } from '../../actors/image/model-session.ts';
import type { SessionSpec } from '../../actors/image/session-spec.ts';

export interface BareSessionData {
  readonly session: SessionSpec;
  readonly pictures: readonly Uint8Array[];
}

/** What the thread answers for a batch size. */
export interface BareRun {
  readonly vectors: readonly Float32Array[];
  readonly ms: number;
}

const { session: spec, pictures } = workerData as BareSessionData;
const session = await ModelSession.open(spec);

parentPort?.on('message', async (batch: number) => {
  const startedMs = performance.now();
  const vectors: Float32Array[] = [];
  for (let from = 0; from < pictures.length; from += batch) {
    vectors.push(...(await session.embed(pictures.slice(from, from + batch))));
  }
  parentPort?.postMessage({ vectors, ms: performance.now() - startedMs } satisfies BareRun);
});
parentPort?.postMessage('ready');
