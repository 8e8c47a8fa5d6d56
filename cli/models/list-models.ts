// `troupe model list`: the models that a configuration knows, and who uses them.
import { type ModelConfig, TROUPE_TINY } from '#actors';
import type { LoadedConfig } from '../config/index.ts';

export interface ListedModel {
  readonly name: string;
  readonly from: 'package' | 'configuration';
  readonly file: string;
  readonly dimension: number;
  readonly store: ModelConfig['store'];
  readonly providers: readonly string[];
  /** Datasets whose vectors it makes. */
  readonly datasets: readonly string[];
  /** Whether this node answers for it on `troupe.embed.<model>`. */
  readonly served: boolean;
}

/** @param recorded Models of the datasets of a running system, by dataset; absent where none was asked. */
export function listModels(
  { config, modelFiles }: LoadedConfig,
  recorded: ReadonlyMap<string, string> | undefined,
): readonly ListedModel[] {
  const used =
    recorded ?? new Map(Object.entries(config.datasets).map(([dataset, { model }]) => [dataset, model]));
  const usersOf = (name: string) =>
    [...used].flatMap(([dataset, model]) => (model === name ? [dataset] : []));
  const served = (name: string) => config.node.embedding.serve.includes(name);
  const own = Object.entries(config.models).map(([name, model]) => ({
    name,
    from: 'configuration' as const,
    file: modelFiles[name] ?? model.file,
    dimension: model.matryoshka?.dimension ?? model.dimension,
    store: model.store,
    providers: model.providers,
    datasets: usersOf(name),
    served: served(name),
  }));
  const { name, dimension } = TROUPE_TINY;
  const tiny = {
    name,
    from: 'package' as const,
    file: TROUPE_TINY.path(),
    dimension,
    store: 'f32' as const,
    providers: ['cpu'],
    datasets: usersOf(name),
    served: served(name),
  };
  return [tiny, ...own];
}
