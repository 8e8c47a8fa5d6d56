// The model that a command names: the one that ships with the package, an entry under `models:`, or a file, whose settings
// are guessed.
import { existsSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import {
  configuredModel,
  type DescribedModel,
  defaultModel,
  describeModel,
  type ModelConfig,
  type ModelIdentity,
  type ModelProposal,
  modelConfigSchema,
  TROUPE_TINY,
} from '#actors';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';
import { asModelFailure } from '../node/resolve-model.ts';

/** A model as a command names it. */
export interface NamedModel {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** Where its settings come from. */
  readonly from: 'package' | 'configuration' | 'file';
  /** Absent for the model of the package. */
  readonly config?: ModelConfig;
}

/** What a file has, and what it was taken for. */
export type Description = DescribedModel & { readonly proposal?: ModelProposal };

/**
 * @throws CommandError `usage` for neither a name nor a file, `config_invalid` for a file that is no model of pictures
 */
export async function findModel(named: string, loaded: LoadedConfig, cwd: string): Promise<NamedModel> {
  if (named === TROUPE_TINY.name) return { name: named, file: TROUPE_TINY.path(), from: 'package' };
  const [configured, configuredFile] = [loaded.config.models[named], loaded.modelFiles[named]];
  if (configured !== undefined && configuredFile !== undefined) {
    return { name: named, file: configuredFile, from: 'configuration', config: configured };
  }
  const file = resolve(cwd, named);
  if (!existsSync(file) || !statSync(file).isFile()) {
    const known = [TROUPE_TINY.name, ...Object.keys(loaded.config.models)].join(', ');
    throw new CommandError('usage', `expected a model (${known}) or a file, got ${named}, which is neither`);
  }
  const name = nameOfFile(file);
  const { proposal, problem } = await describe(name, file);
  if (proposal === undefined) {
    throw new CommandError('config_invalid', `${named}: ${problem ?? 'the model takes no picture'}`);
  }
  return {
    name,
    file,
    from: 'file',
    config: modelConfigSchema.parse({ file, ...proposal.settings, batch: MOST_TRIED }),
  };
}

/** Most pictures in a run that are tried for a file without an entry. */
const MOST_TRIED = 64;

/** @throws CommandError `config_invalid` */
export async function describe(name: string, file: string): Promise<Description> {
  try {
    return await describeModel(file);
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

/** @throws CommandError `config_invalid` */
export async function identityOfModel({ name, file, config }: NamedModel): Promise<ModelIdentity> {
  if (config === undefined) return defaultModel();
  try {
    return await configuredModel(name, { file, config });
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

/** A name that an entry may have, from that of the file. */
export function nameOfFile(file: string): string {
  const stem = basename(file, extname(file)).toLowerCase();
  const name = stem.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return name.slice(0, 32) || 'model';
}
