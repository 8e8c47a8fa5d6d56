// The configuration of one dataset: what the pipeline actors are built from. `cli/config` embeds this schema in
// that of `troupe.yaml`; the fields that decide verdicts are singled out here because a manifest's digest names them.
import { z } from 'zod';
import { cutSchema } from './cut.ts';
import { dedupSchema, vectorsDrop } from './dedup.ts';
import { governanceSchema } from './governance.ts';
import { limitsSchema } from './limits.ts';
import { decidingRules, rulesSchema } from './rules.ts';

export { parseByteSize } from './byte-size.ts';
export { type ModelConfig, modelConfigSchema, PROVIDERS, type Provider } from './model.ts';
export { FIRST_GENERATION, type IndexGeneration, needsReplay, shardNumbers } from './replay.ts';
export { reasonTexts } from './rules.ts';
export { vectorsDrop };

/** The strict schema of one entry under `datasets:`; every field but `kind` has a default. */
export const datasetConfigSchema = z.strictObject({
  kind: z
    .enum(['image'])
    .default('image')
    .describe('What the items are. The kind brings its decoder, signals, hashes and verification.'),
  shards: z
    .int()
    .min(1)
    .max(1024)
    .default(4)
    .describe(
      'Index shards. More of them spread the index over more nodes; changing the number of a dataset that has items compares them anew (docs/replay.md).',
    ),
  model: z
    .string()
    .min(1)
    .max(64)
    .default('troupe-tiny')
    .describe(
      'Embedding model: `troupe-tiny`, which ships with the package, the name of an entry under `models`, or `NAME@RANGE` (such as `clip@^1`) for one that was added to the system; the dataset then stays with the version that it took first. Another model gives other vectors, so it decides.',
    ),
  limits: limitsSchema
    .prefault({})
    .describe('What an item may cost. Beyond a limit it is dead-lettered with the limit as its reason.'),
  dedup: dedupSchema.prefault({}).describe('How duplicates are found, confirmed and treated.'),
  rules: rulesSchema
    .prefault({})
    .describe('Which items are good enough, and which may be in the dataset. docs/rules.md explains them.'),
  governance: governanceSchema.prefault({}).describe('What may enter by source, whatever it looks like.'),
  cut: cutSchema
    .prefault({})
    .describe(
      'When manifests are cut without being asked for. Nothing by default; a cut that finds nothing changed makes nothing. It decides when there are manifests, never what is in them.',
    ),
});

/** The configuration of one dataset with every default filled in and sizes in bytes. */
export type DatasetConfig = z.output<typeof datasetConfigSchema>;

/** The part of a dataset's configuration that decides verdicts; see `decidingConfig`. */
export type DecidingConfig = Pick<
  DatasetConfig,
  'kind' | 'model' | 'limits' | 'dedup' | 'rules' | 'governance'
>;

/**
 * The fields that decide verdicts, which a manifest's digest covers. Shard count, paths and thread counts are
 * left out: the same input must give the same manifest for any number of shards and nodes.
 */
export function decidingConfig(dataset: DatasetConfig): DecidingConfig {
  const { kind, model, limits, dedup, rules, governance } = dataset;
  return { kind, model, limits, dedup, rules: decidingRules(rules), governance };
}
