// What the engine and both models make of a picture, computed once and used by every part of the quality bench.
import { join } from 'node:path';
import { configuredModel, modelConfigSchema, TROUPE_TINY } from '#actors';
import { imageHashes } from '../../actors/image/image-dedup.ts';
import { analyseImage } from '../../actors/image/index.ts';
import type { ModelProxySpec } from '../../actors/image/model-proxy.ts';
import { ModelSession } from '../../actors/image/model-session.ts';
import type { SessionSpec } from '../../actors/image/session-spec.ts';

export type ModelName = 'tiny' | 'squeezenet';

export interface PictureFacts {
  /** sha256, 64 hex digits. */
  readonly content: string;
  readonly hashes: Readonly<Record<string, string>>;
  readonly proxy: Uint8Array;
  readonly vectors: Readonly<Partial<Record<ModelName, Float32Array>>>;
}

/** SqueezeNet as docs/models.md configures it. */
export const SQUEEZENET = {
  input: 'data_0',
  channels: 'BGR',
  size: 224,
  resize: { mode: 'shortest', to: 256 },
  scale: 1,
  mean: [104, 117, 123],
  output: 'emb512',
  pooling: 'spatial',
  dimension: 512,
};

const LIMITS = { maxPixels: 100_000_000, maxBytes: 64 * 1024 * 1024 };

/** Both models' sessions on this thread: nothing else is waiting for it. */
export class PictureReader implements AsyncDisposable {
  readonly #tiny: ModelSession;
  readonly #squeezenet: ModelSession;
  readonly #proxy: ModelProxySpec;

  private constructor(tiny: ModelSession, squeezenet: ModelSession, proxy: ModelProxySpec) {
    this.#tiny = tiny;
    this.#squeezenet = squeezenet;
    this.#proxy = proxy;
  }

  /** @param data A folder laid out as `shared/data`, which has SqueezeNet under `models/`. */
  static async open(data: string): Promise<PictureReader> {
    const file = join(data, 'models', 'squeezenet-emb512.onnx');
    const config = modelConfigSchema.parse({ file, ...SQUEEZENET });
    const { session, proxy } = await configuredModel('squeezenet', { file, config });
    return new PictureReader(
      await ModelSession.open(await TROUPE_TINY.session()),
      await ModelSession.open(session as SessionSpec),
      proxy?.spec as ModelProxySpec,
    );
  }

  async read(bytes: Uint8Array): Promise<PictureFacts> {
    const found = await analyseImage(bytes, LIMITS, this.#proxy);
    const [tiny] = await this.#tiny.embed([found.pixels]);
    const [squeezenet] = await this.#squeezenet.embed([found.modelPixels as Uint8Array]);
    return {
      content: found.sha256,
      hashes: found.lowInformation ? {} : imageHashes(found),
      proxy: found.pixels,
      vectors: { tiny: tiny as Float32Array, squeezenet: squeezenet as Float32Array },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tiny.close();
    await this.#squeezenet.close();
  }
}
