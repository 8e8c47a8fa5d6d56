// `troupe model add`: measures how a model behaves here, and copies it into the system under a name and a version.
import { stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import {
  canonicalJson,
  configuredModel,
  MeasuredSession,
  type ModelConfig,
  type ModelIdentity,
} from '#actors';
import { untilAborted } from '../calibrate/interruptible.ts';
import { CommandError } from '../command-error.ts';
import type { ModelRegistry } from '../node/model-registry.ts';
import { asModelFailure } from '../node/resolve-model.ts';
import { type Determinism, type ModelRecord, nextVersion, versionProblem } from './model-record.ts';

export interface AddWishes {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  readonly config: ModelConfig;
  /** Without one the next is taken. */
  readonly version: string | undefined;
  /** Digest that the file must have. */
  readonly sha256: string | undefined;
  /** Largest batch that is tried. */
  readonly maxBatch: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  /** The model on the provider that the system settled on. */
  readonly settle: (model: ModelIdentity) => Promise<ModelIdentity>;
}

export interface AddedModel {
  readonly record: ModelRecord;
  /** Whether the same file with the same settings was there already. */
  readonly present: boolean;
}

/** @throws CommandError `config_invalid`, `model_exists`; the signal's reason */
export async function addModel(registry: ModelRegistry, wishes: AddWishes): Promise<AddedModel> {
  const { name, file, signal } = wishes;
  // The path of whoever adds it means nothing to others.
  const settings = { ...wishes.config, file: `${name}.onnx` };
  const config = { ...settings, ...(wishes.sha256 !== undefined && { sha256: wishes.sha256 }) };
  const model = await opened(name, async () => wishes.settle(await configuredModel(name, { file, config })));
  const pinned = { ...settings, sha256: model.digest };
  const versions = await registry.list(name);
  const same = versions.find(
    (each) =>
      canonicalJson(each.settings) === canonicalJson(pinned) &&
      [undefined, each.version].includes(wishes.version),
  );
  if (same !== undefined) return { record: same, present: true };
  const version = wishes.version ?? nextVersion(versions, model.dimension);
  const problem = versionProblem(versions, version, model.dimension);
  if (problem !== undefined) throw new CommandError('model_exists', `${name}: ${problem}`);
  const determinism = await opened(name, () => measureDeterminism(model, wishes));
  const record: ModelRecord = {
    name,
    version,
    digest: model.digest,
    bytes: (await stat(file)).size,
    settings: pinned,
    determinism,
    added: new Date(wishes.nowMs).toISOString(),
  };
  wishes.onProgress('copying the file into the system');
  if (await untilAborted(registry.add(record, file), signal)) return { record, present: false };
  throw new CommandError('model_exists', `${name}: version ${version} was added by somebody else just now`);
}

/** Whether vectors depend on the run, the batch size or the position. */
export async function measureDeterminism(
  { session }: ModelIdentity,
  { maxBatch, signal, onProgress }: Pick<AddWishes, 'maxBatch' | 'signal' | 'onProgress'>,
): Promise<Determinism> {
  await using measured = await MeasuredSession.open(session, { batch: 1 }, signal);
  const { provider, repeats } = measured.facts;
  const batches: { readonly batch: number; readonly bits: boolean; readonly cosine: number }[] = [];
  for (let batch = 1; batch <= maxBatch; batch *= 2) {
    onProgress(`comparing batches of ${batch} with single pictures`);
    batches.push({ batch, ...(await measured.agreement(batch)) });
  }
  return { provider, repeats, batches, platform: `${platform()} ${arch()}` };
}

async function opened<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw asModelFailure(error, name);
  }
}
