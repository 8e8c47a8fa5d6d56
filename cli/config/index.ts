// The door of the configuration: schema, loading, reference and example of `troupe.yaml`.
export { ConfigError, type ConfigProblem } from './config-error.ts';
export { EXAMPLE_KINDS, type ExampleKind, exampleConfig } from './example.ts';
export { CONFIG_FILE, type LoadedConfig, loadConfig, parseConfig, placeIn } from './load-config.ts';
export { type ModelReference, modelReference, plainModelName } from './model-reference.ts';
export { configReference } from './reference.ts';
export { type Config, configSchema, configSchemaJson, nodeSchema } from './schema.ts';
export { suggest } from './suggestion.ts';
