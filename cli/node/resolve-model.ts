// From the model's name in a configuration to the model itself, on the provider that the system settled on, and from a
// session that did not open to what its configuration has wrong.
import { join } from 'node:path';
import type { DependencyContainer } from 'tsyringe';
import { configuredModel, defaultModel, type ModelIdentity, ModelUnusable, TROUPE_TINY } from '#actors';
import type { NatsLink, SystemNames } from '#nats';
import type { Logger } from '#runtime';
import { CommandError } from '../command-error.ts';
import { type LoadedConfig, type ModelReference, modelReference } from '../config/index.ts';
import { ModelRegistry } from './model-registry.ts';
import { settleProvider } from './settle-provider.ts';
import { TOKENS } from './tokens.ts';

/** What models are resolved with. */
export interface ModelContext {
  readonly loaded: LoadedConfig;
  readonly link: NatsLink;
  readonly names: SystemNames;
  readonly log: Logger;
}

/** Where a model is named. */
export interface ModelUse {
  /** The setting, for messages. */
  readonly path: string;
  /** It stays with the version that it took first. */
  readonly dataset?: string;
}

export function modelContext(node: DependencyContainer): ModelContext {
  return {
    loaded: node.resolve(TOKENS.config),
    link: node.resolve(TOKENS.link),
    names: node.resolve(TOKENS.names),
    log: node.resolve(TOKENS.log),
  };
}

/**
 * The model of this name; its file is read for the digest, and opened only where its provider is to be settled.
 * @throws CommandError `config_invalid` when there is no such model, not its file, or no provider for it
 */
export async function resolveModel(
  context: ModelContext,
  use: ModelUse,
  name: string,
): Promise<ModelIdentity> {
  if (name === TROUPE_TINY.name) return defaultModel();
  const reference = modelReference(name);
  if (reference !== undefined) return registeredModel(context, use, name, reference);
  const { config, modelFiles } = context.loaded;
  const settings = config.models[name];
  const file = modelFiles[name];
  if (settings === undefined || file === undefined) {
    const known = [TROUPE_TINY.name, ...Object.keys(config.models)].join(', ');
    throw new CommandError('config_invalid', `${use.path}: expected one of ${known}, got ${name}`);
  }
  try {
    return await settleProvider(context, await configuredModel(name, { file, config: settings }));
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

/** A model of the system; its file is fetched where this node lacks it. */
async function registeredModel(
  context: ModelContext,
  { dataset }: ModelUse,
  name: string,
  reference: ModelReference,
): Promise<ModelIdentity> {
  const registry = new ModelRegistry(context);
  const record = await (dataset === undefined
    ? registry.resolve(reference)
    : registry.pinned(dataset, reference));
  const file = await registry.fetch(record, modelFolder(context.loaded));
  try {
    const { settings: config, version } = record;
    return { ...(await settleProvider(context, await configuredModel(name, { file, config }))), version };
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

/** Where models of the system that were fetched lie. */
export function modelFolder({ dataDir }: Pick<LoadedConfig, 'dataDir'>): string {
  return join(dataDir, 'models');
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
