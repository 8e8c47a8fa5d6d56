// What the kind and one model make of a picture's bytes, in the process that asks: for tools that look at a few
// pictures, where no pipeline stands ready.
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import { analyseImage } from './analyse.ts';
import { imageHashes } from './image-dedup.ts';
import type { ModelProxySpec } from './model-proxy.ts';
import type { ModelSession } from './model-session.ts';
import { sessionSpecSchema } from './session-spec.ts';

export interface ReadPicture {
  /** sha256 of the bytes, 64 hex. */
  readonly content: string;
  /** By family and variant, 16 hex each. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Its hashes mean nothing: the pipeline compares it with nobody. */
  readonly lowInformation: boolean;
  /** 64 × 64 RGB. */
  readonly proxy: Uint8Array;
  /** Of unit length; null without a model. */
  readonly vector: Float32Array | null;
}

const LIMITS = { maxPixels: 100_000_000, maxBytes: 64 * 1024 * 1024 };

export class PictureReader implements AsyncDisposable {
  readonly #session: ModelSession | undefined;
  readonly #proxy: ModelProxySpec | undefined;

  private constructor(session: ModelSession | undefined, proxy: ModelProxySpec | undefined) {
    this.#session = session;
    this.#proxy = proxy;
  }

  /** @throws ModelUnusable when the model's file or settings are wrong */
  static async open(model: ModelIdentity | undefined): Promise<PictureReader> {
    if (model === undefined) return new PictureReader(undefined, undefined);
    // Loaded here only: the runtime is large, and most processes never open a model.
    const { ModelSession } = await import('./model-session.ts');
    const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
    return new PictureReader(session, model.proxy?.spec as ModelProxySpec | undefined);
  }

  /** @throws AnalysisError when the bytes are no picture that can be read */
  async read(bytes: Uint8Array): Promise<ReadPicture> {
    const found = await analyseImage(bytes, LIMITS, this.#proxy);
    const [vector = null] = (await this.#session?.embed([found.modelPixels ?? found.pixels])) ?? [];
    return {
      content: found.sha256,
      hashes: imageHashes(found),
      lowInformation: found.lowInformation,
      proxy: found.pixels,
      vector,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close();
  }
}
