// Opens every configured model, so that `config check` finds what only the model itself can tell: names, shapes,
// dimension. All problems come out at once, each with its place.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { configuredModel, inspectModel, type ModelFacts, ModelUnusable } from '#actors';
import { ConfigError, type ConfigProblem, type LoadedConfig, placeIn } from '../config/index.ts';

/** A model that can be used. */
export interface CheckedModel extends ModelFacts {
  readonly name: string;
  readonly dimension: number;
}

/** @throws ConfigError with one problem for each model that cannot be used */
export async function checkModels(loaded: LoadedConfig, cwd: string): Promise<readonly CheckedModel[]> {
  const checked: CheckedModel[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, config] of Object.entries(loaded.config.models)) {
    try {
      const model = await configuredModel(name, { file: loaded.modelFiles[name] ?? config.file, config });
      checked.push({ name, dimension: model.dimension, ...(await inspectModel(model)) });
    } catch (error) {
      if (!(error instanceof ModelUnusable)) throw error;
      const path = ['models', name, error.setting];
      problems.push({ place: placeOf(loaded, cwd, path), path: path.join('.'), message: error.message });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return checked;
}

function placeOf({ file }: LoadedConfig, cwd: string, path: readonly string[]): string {
  if (file === undefined) return 'the environment';
  const from = relative(cwd, file);
  return placeIn(readFileSync(file, 'utf8'), from.startsWith('..') ? file : from, path);
}
