// Resolves the model that a dataset names: the default one, or an ONNX file as `models:` describes it. The result
// names everything that determines a vector, so that vectors of two descriptions never meet.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import type { ModelConfig, Provider } from '../config/model.ts';
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import type { VectorPrecision } from '../pipeline/vector-codec.ts';
import type { InspectAnswer } from './inspect-thread.ts';
import { type ModelProxySpec, modelProxyDigest, type PixelSize } from './model-proxy.ts';
import { ModelUnusable } from './model-unusable.ts';
import { type ModelFacts, type SessionSpec, sessionSpecSchema } from './session-spec.ts';
import { inspectThreadModule } from './thread-modules.ts';
import { TROUPE_TINY } from './troupe-tiny.ts';

/** Version of the arithmetic before and after the model; it changes whenever the same picture could give other bits. */
const EMBEDDING_VERSION = 'embedding@1';

/** The default model. */
export async function defaultModel(): Promise<ModelIdentity> {
  const session = await TROUPE_TINY.session();
  return identityOf({ name: TROUPE_TINY.name, session, proxy: undefined, precision: 'f32' });
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
  const { input, output, layout, channels, size, scale, mean, std, pooling, normalise } = config;
  const { dimension, matryoshka, batch, providers, threads } = config;
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
    ...(matryoshka !== undefined && { matryoshka }),
    batch,
    providers,
    threads,
  };
  return identityOf({ name, session, proxy: proxySpecOf(config), precision: config.store });
}

/** The same model where it runs on one provider only, which is part of its identity. */
export function onProvider(model: ModelIdentity, provider: Provider): ModelIdentity {
  const session = { ...sessionSpecSchema.parse(model.session), providers: [provider] };
  return { ...model, provider, recipe: recipeOf(session, model.proxy?.digest), session };
}

/** The same model, refused when it is opened if its vectors differ from run to run: for vectors that drop items. */
export function mustRepeat(model: ModelIdentity): ModelIdentity {
  return { ...model, session: { ...sessionSpecSchema.parse(model.session), mustRepeat: true } };
}

/**
 * Opens a model on a thread of its own and closes it again.
 * @throws ModelUnusable with what the model has, where the settings ask for something else
 */
export async function inspectModel(model: ModelIdentity): Promise<ModelFacts> {
  const worker = new Worker(inspectThreadModule(), { workerData: sessionSpecSchema.parse(model.session) });
  const [answer] = (await once(worker, 'message')) as [InspectAnswer];
  await worker.terminate();
  if ('facts' in answer) return answer.facts;
  throw new ModelUnusable(answer.setting, answer.message);
}

/** The copy of a picture that a configured model works on. */
export function proxySpecOf({ size, resize }: Pick<ModelConfig, 'size' | 'resize'>): ModelProxySpec {
  const side = Math.max(...size);
  const whole: PixelSize = resize.mode === 'shortest' ? [side, side] : size;
  return { resize: resize.mode, to: resize.to ?? whole, filter: resize.filter, size, pad: resize.pad };
}

/** The provider is the first of the session's until one is settled (`onProvider`). */
function identityOf({
  name,
  session,
  proxy,
  precision,
}: {
  readonly name: string;
  readonly session: SessionSpec;
  readonly proxy: ModelProxySpec | undefined;
  readonly precision: VectorPrecision;
}): ModelIdentity {
  const proxyDigest = proxy && modelProxyDigest(proxy);
  return {
    name,
    digest: session.sha256,
    recipe: recipeOf(session, proxyDigest),
    precision,
    provider: session.providers[0] ?? 'cpu',
    dimension: session.matryoshka?.dimension ?? session.dimension,
    batch: session.batch,
    session,
    ...(proxy !== undefined && { proxy: { digest: modelProxyDigest(proxy), spec: proxy } }),
  };
}

/** Neither path, batch size nor threads are in it: a session uses only those that change no bit of a vector. */
function recipeOf(session: SessionSpec, proxy: string | undefined): string {
  const { input, output, layout, channels, size, scale, mean, std, pooling, normalise, matryoshka } = session;
  const around = { input, output, layout, channels, size, scale, mean, std, pooling, normalise, matryoshka };
  const [provider = 'cpu'] = session.providers;
  const elsewhere = provider === 'cpu' ? {} : { provider };
  return sha256Hex(canonicalJson({ version: EMBEDDING_VERSION, ...around, ...elsewhere, proxy }));
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
