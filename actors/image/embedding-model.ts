// Resolves the model that a dataset names: the default one, or an ONNX file as `models:` describes it. The result
// names everything that determines a vector, so that vectors of two descriptions never meet.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ModelConfig } from '../config/model.ts';
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import { type ModelProxySpec, modelProxyDigest, type PixelSize } from './model-proxy.ts';
import { ModelUnusable } from './model-unusable.ts';
import { type ModelFacts, type SessionSpec, sessionSpecSchema } from './session-spec.ts';
import { TROUPE_TINY } from './troupe-tiny.ts';

/** Version of the arithmetic before and after the model; it changes whenever the same picture could give other bits. */
const EMBEDDING_VERSION = 'embedding@1';

/** The default model. */
export async function defaultModel(): Promise<ModelIdentity> {
  const session = await TROUPE_TINY.session();
  return identityOf(TROUPE_TINY.name, session, undefined);
}

/**
 * A configured model; `file` is absolute.
 * @throws ModelUnusable when the file is absent or its digest is another one
 */
export async function configuredModel(
  name: string,
  { file, config }: { readonly file: string; readonly config: ModelConfig },
): Promise<ModelIdentity> {
  const sha256 = await digestOf(file);
  if (config.sha256 !== undefined && config.sha256 !== sha256) {
    throw new ModelUnusable('sha256', `expected ${file} to have sha256 ${config.sha256}, got ${sha256}`);
  }
  const { input, output, layout, channels, size, scale, mean, std, pooling, normalise, dimension, batch } =
    config;
  const session: SessionSpec = {
    path: file,
    sha256,
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    layout,
    channels,
    size,
    scale,
    mean,
    std,
    pooling,
    normalise,
    dimension,
    batch,
  };
  return identityOf(name, session, proxySpecOf(config));
}

/**
 * Opens a model and closes it again.
 * @throws ModelUnusable with what the model has, where the settings ask for something else
 */
export async function inspectModel(model: ModelIdentity): Promise<ModelFacts> {
  // Loaded here only: the runtime is large, and most of the processes that resolve a model never open one.
  const { ModelSession } = await import('./model-session.ts');
  const session = await ModelSession.open(sessionSpecSchema.parse(model.session));
  await session.close();
  return session.facts;
}

/** The copy of a picture that a configured model works on. */
export function proxySpecOf({ size, resize }: Pick<ModelConfig, 'size' | 'resize'>): ModelProxySpec {
  const side = Math.max(...size);
  const whole: PixelSize = resize.mode === 'shortest' ? [side, side] : size;
  return { resize: resize.mode, to: resize.to ?? whole, filter: resize.filter, size, pad: resize.pad };
}

function identityOf(name: string, session: SessionSpec, proxy: ModelProxySpec | undefined): ModelIdentity {
  // Neither the path nor the batch size changes a bit of a vector.
  const { path: _, batch, sha256, dimension, ...deciding } = session;
  const recipe = { version: EMBEDDING_VERSION, ...deciding, proxy: proxy && modelProxyDigest(proxy) };
  return {
    name,
    digest: sha256,
    recipe: sha256Hex(canonicalJson(recipe)),
    precision: 'f32',
    dimension,
    batch,
    session,
    ...(proxy !== undefined && { proxy: { digest: modelProxyDigest(proxy), spec: proxy } }),
  };
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ModelUnusable(
      'file',
      missing ? `the model file ${file} does not exist` : `the model file ${file} cannot be read: ${why}`,
      { cause },
    );
  }
  return hash.digest('hex');
}
