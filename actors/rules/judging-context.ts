// Names the configuration and the versions under which items are judged, so that each verdict can say what
// decided it and a cut can tell which entries were judged under another configuration.
import { type DatasetConfig, decidingConfig } from '../config/index.ts';
import type { Kind } from '../kinds/kind.ts';
import { canonicalJson, sha256Hex } from '../pipeline/canonical.ts';
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import { type CompiledRules, compileRules } from './compiled-rules.ts';

/** Version of scoring, rules, stars and keep-best. */
export const RULES_VERSION = 'rules@2';

export interface JudgingContext {
  readonly config: DatasetConfig;
  readonly kind: Kind;
  readonly rules: CompiledRules;
  readonly configDigest: string;
  /** The deciding configuration itself: what the manifest records. */
  readonly deciding: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** Gathers the deciding configuration: settings, model and algorithm versions. */
export function judgingContext(config: DatasetConfig, kind: Kind, model: ModelIdentity): JudgingContext {
  const versions = {
    kind: kind.version,
    rules: RULES_VERSION,
    model: `${model.name}@${model.digest.slice(0, 16)}`,
    provider: model.provider,
    embedding: `${model.recipe.slice(0, 16)}/${model.precision}/${model.dimension}`,
  };
  const deciding = {
    ...decidingConfig(config),
    versions: { ...versions, model: `${model.name}@${model.digest}` },
  };
  const rules = compileRules(config.rules, kind.signals);
  return { config, kind, rules, versions, deciding, configDigest: sha256Hex(canonicalJson(deciding)) };
}
