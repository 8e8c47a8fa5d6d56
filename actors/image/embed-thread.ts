// The worker thread that holds one embedding session: its `run()` blocks the thread for as long as the model works.
import { serveThread } from '#runtime';
import { EmbeddingError } from './embedding-error.ts';
import { ModelSession } from './model-session.ts';
import { type SessionSpec, sessionSpecSchema } from './session-spec.ts';

/** Data the thread is started with. */
export type EmbedThreadData = SessionSpec;

/** Pictures as the model gets them: 8-bit RGB at its input size, samples interleaved. */
export interface EmbedThreadRequest {
  readonly pixels: readonly Uint8Array[];
}

/** One vector for each picture, in order. */
export interface EmbedThreadResult {
  readonly vectors: readonly Float32Array<ArrayBuffer>[];
}

let session: ModelSession | undefined;

serveThread<EmbedThreadRequest, EmbedThreadResult>({
  async start(data) {
    session = await ModelSession.open(sessionSpecSchema.parse(data));
  },
  async handle({ pixels }) {
    if (session === undefined) throw new EmbeddingError('the model is not open');
    const vectors = await session.embed(pixels);
    return { result: { vectors }, transfer: vectors.map((vector) => vector.buffer) };
  },
});
