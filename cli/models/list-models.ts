// `troupe model list`: the models that a configuration and a running system know, and who uses them.
import { type ModelConfig, TROUPE_TINY } from '#actors';
import { type LoadedConfig, modelReference } from '../config/index.ts';
import type { ClientSystem } from '../node/client-system.ts';
import { ModelRegistry } from '../node/model-registry.ts';
import { type Determinism, lengthOfVectors, type ModelRecord } from './model-record.ts';

export interface ListedModel {
  /** With the version, for one that was added to the system. */
  readonly name: string;
  readonly from: 'package' | 'configuration' | 'system';
  /** Path, or the sha256 of the file of one that was added. */
  readonly file: string;
  readonly dimension: number;
  readonly store: ModelConfig['store'];
  readonly providers: readonly string[];
  /** Datasets whose vectors it makes. */
  readonly datasets: readonly string[];
  /** Whether the configuration has this node answer for it on `troupe.embed.<model>`. */
  readonly served: boolean;
  /** How it behaved where it was added. */
  readonly determinism?: Determinism;
}

/** What a running system says of its models. */
export interface SystemModels {
  readonly records: readonly ModelRecord[];
  /** The model of each dataset: its name, and for one that was added `name@version`. */
  readonly used: ReadonlyMap<string, string>;
}

export async function readSystemModels(system: ClientSystem): Promise<SystemModels> {
  const registry = new ModelRegistry(system);
  const used = new Map<string, string>();
  for (const [dataset, { config }] of await system.registry.list()) {
    const reference = modelReference(config.model);
    const pinned = reference && (await registry.pinned(dataset, reference));
    used.set(dataset, pinned === undefined ? config.model : `${pinned.name}@${pinned.version}`);
  }
  return { records: await registry.list(), used };
}

/** @param system Absent where none runs: then the datasets are those of the configuration. */
export function listModels(
  { config, modelFiles }: LoadedConfig,
  system: SystemModels | undefined,
): readonly ListedModel[] {
  const stated = Object.entries(config.datasets).map(([dataset, { model }]) => [dataset, model] as const);
  const used = [...(system?.used ?? stated)];
  const usage = (name: string) => ({
    datasets: used.flatMap(([dataset, model]) => (model === name ? [dataset] : [])),
    served: config.node.embedding.serve.includes(name),
  });
  const own = Object.entries(config.models).map(([name, model]) => ({
    name,
    from: 'configuration' as const,
    file: modelFiles[name] ?? model.file,
    dimension: lengthOfVectors(model),
    store: model.store,
    providers: model.providers,
    ...usage(name),
  }));
  const added = (system?.records ?? []).map(({ name, version, digest, settings, determinism }) => ({
    name: `${name}@${version}`,
    from: 'system' as const,
    file: digest,
    dimension: lengthOfVectors(settings),
    store: settings.store,
    providers: settings.providers,
    ...usage(`${name}@${version}`),
    determinism,
  }));
  const tiny = {
    name: TROUPE_TINY.name,
    from: 'package' as const,
    file: TROUPE_TINY.path(),
    dimension: TROUPE_TINY.dimension,
    store: 'f32' as const,
    providers: ['cpu'],
    ...usage(TROUPE_TINY.name),
  };
  return [tiny, ...own, ...added];
}
