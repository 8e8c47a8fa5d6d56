// Finds, reads and validates the configuration: the file, then the environment over it, then the schema. All
// problems come out at once.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { applyOverrides, readOverrides } from './environment.ts';
import { problemsOfIssue } from './problem-message.ts';
import { type Config, configSchema, configSchemaJson } from './schema.ts';
import { parseYaml } from './yaml-source.ts';

/** The name under which the configuration is looked for in the working folder. */
export const CONFIG_FILE = 'troupe.yaml';

/** A validated configuration and where it came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the file; absent when the defaults are used. */
  readonly file?: string;
  /** Variables that overrode something, by name. */
  readonly overriddenBy: readonly string[];
  /** Whether it says anything about datasets; else they are the default. */
  readonly statesDatasets: boolean;
  /** `config.dataDir` as an absolute path. */
  readonly dataDir: string;
  /** `config.storage.encryptionKeyFile` as an absolute path. */
  readonly encryptionKeyFile?: string;
  /** `config.files.roots` as absolute paths. */
  readonly fileRoots: readonly string[];
  /** The files of `config.models` by name, as absolute paths. */
  readonly modelFiles: Readonly<Record<string, string>>;
}

/**
 * Loads `file`, else `troupe.yaml` in `cwd`, else the defaults. Relative paths in the file count from its folder.
 * @throws ConfigError with every problem; also when `file` was given and cannot be read.
 */
export function loadConfig(options: {
  readonly file?: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): LoadedConfig {
  const file = resolve(options.cwd, options.file ?? CONFIG_FILE);
  const isThere = options.file !== undefined || existsSync(file);
  const place = relative(options.cwd, file).startsWith('..') ? file : relative(options.cwd, file);
  const text = isThere ? readText(file, place) : undefined;
  const { config, overriddenBy, statesDatasets } = parseConfig({
    ...(text === undefined ? {} : { text }),
    place,
    env: options.env,
  });
  const base = isThere ? dirname(file) : options.cwd;
  const { encryptionKeyFile } = config.storage;
  return {
    config,
    ...(isThere ? { file } : {}),
    overriddenBy,
    statesDatasets,
    dataDir: resolve(base, config.dataDir),
    ...(encryptionKeyFile !== undefined && { encryptionKeyFile: resolve(base, encryptionKeyFile) }),
    fileRoots: config.files.roots.map((root) => resolve(base, root)),
    modelFiles: Object.fromEntries(
      Object.entries(config.models).map(([name, { file }]) => [name, resolve(base, file)]),
    ),
  };
}

/**
 * Validates a configuration text under the overrides of an environment; no I/O.
 * @throws ConfigError with every problem, in the order of the text, then those of the environment.
 */
export function parseConfig(options: {
  readonly text?: string;
  /** How problems name the text. */
  readonly place: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Pick<LoadedConfig, 'config' | 'overriddenBy' | 'statesDatasets'> {
  const source = parseYaml(options.text ?? '');
  if (source.syntaxErrors.length > 0) {
    throw new ConfigError(
      source.syntaxErrors.map(({ position, message }) => ({
        place: `${options.place}:${position.line}:${position.column}`,
        path: '',
        message: `expected valid YAML: ${message}`,
      })),
    );
  }

  const schema = configSchemaJson();
  const fromFile = source.value ?? {};
  const { overrides, problems: lost } = readOverrides(options.env, schema, fromFile);
  const raw = applyOverrides(fromFile, overrides);
  const result = configSchema.safeParse(raw);
  const inEnvironment: ConfigProblem[] = lost.map(({ variable, message }) => ({
    place: variable,
    path: '',
    message,
  }));
  const inFile: { readonly problem: ConfigProblem; readonly line: number; readonly column: number }[] = [];
  for (const found of (result.error?.issues ?? []).flatMap((issue) => problemsOfIssue(issue, raw, schema))) {
    const path = found.path.map(String);
    const problem = { path: path.join('.'), message: found.message };
    const override = overrides.find((candidate) =>
      candidate.path.every((part, depth) => part === path[depth]),
    );
    if (override !== undefined) {
      inEnvironment.push({ ...problem, place: override.variable });
      continue;
    }
    const { line, column } = source.positionOf(found.path, found.aboutKey, found.within);
    inFile.push({ problem: { ...problem, place: `${options.place}:${line}:${column}` }, line, column });
  }
  if (!result.success || inEnvironment.length > 0) {
    inFile.sort((a, b) => a.line - b.line || a.column - b.column);
    throw new ConfigError([...inFile.map(({ problem }) => problem), ...inEnvironment]);
  }
  const statesDatasets = typeof raw === 'object' && raw !== null && 'datasets' in raw;
  return {
    config: result.data,
    overriddenBy: overrides.map((override) => override.variable),
    statesDatasets,
  };
}

/** The place of a field in a configuration text, for a problem that is found after loading. */
export function placeIn(text: string, place: string, path: readonly string[]): string {
  const { line, column } = parseYaml(text).positionOf(path, false);
  return `${place}:${line}:${column}`;
}

function readText(file: string, place: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      [
        {
          place,
          path: '',
          message: `expected a readable file, got ${error instanceof Error ? error.message : String(error)}`,
        },
      ],
      { cause: error },
    );
  }
}
