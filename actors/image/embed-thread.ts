// The worker thread that holds one embedding session: its `run()` blocks the thread for as long as the model works.
import { serveThread } from '#runtime';
import { EmbeddingError } from './embedding-error.ts';
import { PixelEmbedder } from './pixel-embedder.ts';

/** Data the thread is started with. */
export interface EmbedThreadData {
  /** Absolute path of the ONNX file. */
  readonly modelPath: string;
}

/** Proxies of 64 × 64 RGB, 12,288 bytes each. */
export interface EmbedThreadRequest {
  readonly pixels: readonly Uint8Array[];
}

/** One vector for each proxy, in order. */
export interface EmbedThreadResult {
  readonly vectors: readonly Float32Array<ArrayBuffer>[];
}

let embedder: PixelEmbedder | undefined;

serveThread<EmbedThreadRequest, EmbedThreadResult>({
  async start(data) {
    embedder = await PixelEmbedder.open(modelPathOf(data));
  },
  async handle({ pixels }) {
    if (embedder === undefined) throw new EmbeddingError('the model is not open');
    const vectors = await embedder.embed(pixels);
    return { result: { vectors }, transfer: vectors.map((vector) => vector.buffer) };
  },
});

function modelPathOf(data: unknown): string {
  if (
    typeof data === 'object' &&
    data !== null &&
    'modelPath' in data &&
    typeof data.modelPath === 'string'
  ) {
    return data.modelPath;
  }
  throw new EmbeddingError('the thread is started with { modelPath: string }');
}
