// Which models the groups of the shared cache belong to, by their names: the model of the package, those of the system, of
// running nodes, and of this configuration.
import { readFile } from 'node:fs/promises';
import { defaultModel, parseGroup, sha256Hex } from '#actors';
import { type LoadedConfig, plainModelName } from '../config/index.ts';
import type { ClientSystem } from '../node/client-system.ts';
import { ModelRegistry } from '../node/model-registry.ts';
import type { ModelStanding } from '../node/model-standing.ts';

/** Digits of a model's digest that the name of a group has. */
const DIGITS = 16;
/** Fewest digits by which a model may be named. */
const FEWEST = 8;

export class ModelNames {
  readonly #names: Map<string, Set<string>>;

  private constructor(names: Map<string, Set<string>>) {
    this.#names = names;
  }

  /** @param running What nodes tell of the models that they run */
  static async read(
    system: ClientSystem,
    { config, modelFiles }: Pick<LoadedConfig, 'config' | 'modelFiles'>,
    running: readonly ModelStanding[],
  ): Promise<ModelNames> {
    const names = new Map<string, Set<string>>();
    const add = (digest: string, name: string) => {
      const known = names.get(digest.slice(0, DIGITS)) ?? new Set();
      names.set(digest.slice(0, DIGITS), known.add(name));
    };
    const tiny = await defaultModel();
    add(tiny.digest, tiny.name);
    for (const { name, digest } of running) if (digest !== undefined) add(digest, name);
    for (const { name, version, digest } of await new ModelRegistry(system).list()) {
      add(digest, `${name}@${version}`);
    }
    for (const name of Object.keys(config.models)) {
      const bytes = await readFile(modelFiles[name] ?? '').catch(() => undefined);
      if (bytes !== undefined) add(sha256Hex(bytes), name);
    }
    return new ModelNames(names);
  }

  /** What the model of a group is called, the same by several names perhaps; its digest where nobody knows one. */
  of(group: string): readonly string[] {
    const { digest } = parseGroup(group);
    const names = [...(this.#names.get(digest) ?? [])].sort();
    return names.length > 0 ? names : [digest];
  }

  /** Whether any model that is there is called so. */
  knows(named: string): boolean {
    return [...this.#names.values()].some((names) =>
      [...names].some((name) => name === named || plainModelName(name) === named),
    );
  }

  /** Whether a group is of the model that is named: by a name with or without its version, or by digits of its digest. */
  isOf(group: string, named: string): boolean {
    if (named.length >= FEWEST && parseGroup(group).digest.startsWith(named.slice(0, DIGITS))) return true;
    return this.of(group).some((name) => name === named || plainModelName(name) === named);
  }
}
