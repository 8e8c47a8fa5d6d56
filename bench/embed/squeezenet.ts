// The real model of a data folder, and pictures as it takes them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configuredModel, type ModelIdentity, sha256Hex } from '#actors';
import { modelConfigSchema } from '../../actors/config/model.ts';
import { analyseImage } from '../../actors/image/analyse.ts';
import type { ModelProxySpec } from '../../actors/image/model-proxy.ts';
import { photoInput } from '../photo-input.ts';
import { SQUEEZENET } from '../quality/picture-facts.ts';

const LIMITS = { maxPixels: 100_000_000, maxBytes: 64 * 1024 * 1024 };

/** A picture as a request brings it, and as the model gets it. */
export interface ModelPicture {
  /** sha256 of the bytes. */
  readonly content: string;
  readonly bytes: Uint8Array;
  readonly pixels: Uint8Array;
}

/** SqueezeNet with runs of up to `batch` pictures. */
export function squeezenet(data: string, batch: number): Promise<ModelIdentity> {
  return squeezenetFile(join(data, 'models', 'squeezenet-emb512.onnx'), batch);
}

/** The same from another file. */
export function squeezenetFile(file: string, batch: number): Promise<ModelIdentity> {
  return configuredModel('squeezenet', {
    file,
    config: modelConfigSchema.parse({ file, ...SQUEEZENET, batch }),
  });
}

/** `count` distinct pictures of the folder. */
export async function modelPictures(
  data: string,
  { proxy }: ModelIdentity,
  count: number,
): Promise<readonly ModelPicture[]> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  try {
    const pictures: ModelPicture[] = [];
    for (const bytes of await photoInput({ data, folder, count })) {
      const { modelPixels } = await analyseImage(bytes, LIMITS, proxy?.spec as ModelProxySpec);
      if (modelPixels === undefined) throw new Error('the model works on a copy of its own');
      pictures.push({ content: sha256Hex(bytes), bytes, pixels: modelPixels });
    }
    return pictures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
