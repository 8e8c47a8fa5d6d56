// From the model's name in a dataset's configuration to the model itself, and from a session that did not open to
// what its configuration has wrong.
import { configuredModel, defaultModel, type ModelIdentity, ModelUnusable, TROUPE_TINY } from '#actors';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';

/**
 * The model that a dataset names; its file is read for the digest, not opened.
 * @throws CommandError `config_invalid` when there is no such model, or not its file
 */
export async function resolveModel(
  { config, modelFiles }: LoadedConfig,
  dataset: string,
  name: string,
): Promise<ModelIdentity> {
  if (name === TROUPE_TINY.name) return defaultModel();
  const settings = config.models[name];
  const file = modelFiles[name];
  if (settings === undefined || file === undefined) {
    const known = [TROUPE_TINY.name, ...Object.keys(config.models)].join(', ');
    const message = `datasets.${dataset}.model: expected one of ${known}, got ${name}`;
    throw new CommandError('config_invalid', message);
  }
  try {
    return await configuredModel(name, { file, config: settings });
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

/** What a model's settings have wrong, where that is the last cause of `error`; else `error` itself. */
export function asModelFailure(error: unknown, name: string): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name !== ModelUnusable.name) continue;
    const path = cause instanceof ModelUnusable ? `models.${name}.${cause.setting}` : `models.${name}`;
    return new CommandError('config_invalid', `${path}: ${cause.message}`, { cause: error });
  }
  return error;
}
