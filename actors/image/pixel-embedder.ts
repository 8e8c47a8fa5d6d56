// Runs an embedding model on proxies. A session's `run()` blocks its thread although it returns a promise, so this
// is used in a worker thread of its own (embed-thread.ts).
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { proxySide } from './analyse.ts';
import { EmbeddingError } from './embedding-error.ts';

const planePixels = proxySide * proxySide;
const proxyBytes = planePixels * 3;

/** An open session of a model that takes `pixels` uint8 N×3×64×64 and gives `embedding` float32 N×D. */
export class PixelEmbedder {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /**
   * Opens a session on one CPU thread.
   * @throws EmbeddingError when the file is absent, is no model, or has other inputs or outputs.
   */
  static async open(modelPath: string): Promise<PixelEmbedder> {
    try {
      const session = await InferenceSession.create(modelPath, {
        executionProviders: ['cpu'],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: 'sequential',
      });
      if (session.inputNames.join() === 'pixels' && session.outputNames.includes('embedding')) {
        return new PixelEmbedder(session);
      }
      throw new Error(
        `expected input pixels and output embedding, got ${session.inputNames} and ${session.outputNames}`,
      );
    } catch (error) {
      throw modelFailed(`the model ${modelPath} cannot be opened`, error);
    }
  }

  /**
   * One vector for each proxy (12,288 bytes, 64 × 64 RGB, samples interleaved), in order, each with a buffer of its
   * own. Vectors are equal bit for bit whatever else is in the batch.
   * @throws EmbeddingError when a proxy has another length or the model fails.
   */
  async embed(proxies: readonly Uint8Array[]): Promise<Float32Array<ArrayBuffer>[]> {
    if (proxies.length === 0) return [];
    try {
      const pixels = new Tensor('uint8', planar(proxies), [proxies.length, 3, proxySide, proxySide]);
      const { embedding } = await this.#session.run({ pixels });
      const data = embedding?.data;
      if (!(data instanceof Float32Array))
        throw new Error(`the output is ${embedding?.type}, expected float32`);
      const dimension = data.length / proxies.length;
      return proxies.map(
        (_, index) => new Float32Array(data.subarray(index * dimension, (index + 1) * dimension)),
      );
    } catch (error) {
      throw modelFailed(`the model failed on a batch of ${proxies.length}`, error);
    }
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#session.release();
  }
}

/** Samples by picture, then colour, then pixel, as convolutions want them. */
function planar(proxies: readonly Uint8Array[]): Uint8Array {
  const planes = new Uint8Array(proxies.length * proxyBytes);
  proxies.forEach((proxy, index) => {
    if (proxy.length !== proxyBytes)
      throw new RangeError(`a proxy has ${proxyBytes} bytes, got ${proxy.length}`);
    const base = index * proxyBytes;
    for (let pixel = 0; pixel < planePixels; pixel += 1) {
      planes[base + pixel] = proxy[3 * pixel] as number;
      planes[base + planePixels + pixel] = proxy[3 * pixel + 1] as number;
      planes[base + 2 * planePixels + pixel] = proxy[3 * pixel + 2] as number;
    }
  });
  return planes;
}

function modelFailed(what: string, cause: unknown): EmbeddingError {
  return new EmbeddingError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
