// What a configuration says of datasets beside what is recorded.
import { describe, expect, it } from 'vitest';
import type { DatasetConfig } from '#actors';
import { parseConfig } from '../../../cli/config/index.ts';
import { datasetDifferences } from '../../../cli/node/dataset-differences.ts';

function datasets(text: string): ReadonlyMap<string, DatasetConfig> {
  return new Map(Object.entries(parseConfig({ text, place: 'troupe.yaml', env: {} }).config.datasets));
}

describe('a configuration beside what is recorded', () => {
  it('differs in nothing when it says the same, in whatever words', () => {
    const recorded = datasets('datasets: { photos: { limits: { maxBytes: 1MiB } } }');
    expect(
      datasetDifferences(recorded, datasets('datasets: { photos: { limits: { maxBytes: 1048576 } } }')),
    ).toEqual([]);
  });

  it('names each setting that differs with both values', () => {
    const recorded = datasets('datasets: { photos: {}, cats: {} }');
    const stated = datasets('datasets: { photos: { shards: 8, rules: { keepAt: 0.7 } } }');
    expect(datasetDifferences(recorded, stated)).toEqual([
      'datasets.photos.rules.keepAt: expected 0.5, as recorded, got 0.7',
      'datasets.photos.shards: expected 4, as recorded, got 8',
    ]);
  });

  it('says nothing of a dataset that only one of them knows', () => {
    expect(datasetDifferences(datasets('datasets: { cats: {} }'), datasets(''))).toEqual([]);
  });
});
