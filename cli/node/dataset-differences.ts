// What one configuration says of datasets beside what is recorded of them, setting by setting, in words for whoever
// starts a node with it.
import { canonicalJson, type DatasetConfig } from '#actors';

/** Datasets by name. */
type Datasets = ReadonlyMap<string, DatasetConfig>;

/** One line for each setting that differs, for datasets that both know; in the order of the names. */
export function datasetDifferences(recorded: Datasets, stated: Datasets): readonly string[] {
  return [...stated].flatMap(([dataset, config]) => {
    const known = recorded.get(dataset);
    return known === undefined ? [] : [...differences(`datasets.${dataset}`, known, config)];
  });
}

function* differences(path: string, recorded: unknown, stated: unknown): Generator<string> {
  if (canonicalJson(recorded) === canonicalJson(stated)) return;
  if (!isSection(recorded) || !isSection(stated)) {
    yield `${path}: expected ${text(recorded)}, as recorded, got ${text(stated)}`;
    return;
  }
  for (const name of [...new Set([...Object.keys(recorded), ...Object.keys(stated)])].sort()) {
    yield* differences(`${path}.${name}`, recorded[name] ?? null, stated[name] ?? null);
  }
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return value === null ? 'nothing' : canonicalJson(value);
}
