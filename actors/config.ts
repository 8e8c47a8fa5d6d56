// The configuration of one dataset: what the pipeline actors are built from. `cli/config` embeds this schema in
// that of `troupe.yaml`; the fields that decide verdicts are singled out here because a manifest's digest names them.
import { z } from 'zod';
import { DEFAULT_PIXEL_THRESHOLD } from './image/pixel-comparison.ts';

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$/i;

/** Bytes in a size such as `64MiB`, `8MB`, `"65536"` or 65536; `undefined` when it is none, is not whole or is negative. */
export function parseByteSize(size: number | string): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const match = SIZE_PATTERN.exec(size.trim());
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? 'B').toUpperCase()] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size in bytes between `min` and `max`, written as a number or with a unit (KB = 1000, KiB = 1024). */
function byteSize(range: { readonly min: number; readonly max: number }) {
  const message = `a size from ${range.min} to ${range.max} bytes, such as 64MiB, 8MB or 65536`;
  return z.union([z.number(), z.string()], { error: message }).transform((size, context) => {
    const bytes = parseByteSize(size);
    if (bytes !== undefined && bytes >= range.min && bytes <= range.max) return bytes;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

const fraction = () => z.number().min(0).max(1);
const weight = () => z.number().min(0).max(1000);
const radius = () => z.int().min(0).max(32);
const sourceGlobs = () => z.array(z.string().min(1)).default([]);

const limitsSchema = z.strictObject({
  maxBytes: byteSize({ min: 1, max: 2 ** 32 })
    .prefault('64MiB')
    .describe(
      'Largest content that is read. Larger items are dead with `too_large`: an unbounded read would let one item use up the memory of a node.',
    ),
  maxPixels: z
    .int()
    .min(1)
    .max(2_000_000_000)
    .default(100_000_000)
    .describe(
      'Largest image that is decoded, width times height. A small file can declare a huge picture, so this is checked before any pixel is decoded.',
    ),
  maxMetadataBytes: byteSize({ min: 0, max: 2 ** 23 })
    .prefault(65536)
    .describe("Largest metadata of one item as JSON. Metadata is kept in the ledger's payload for ever."),
  maxJsonDepth: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Deepest nesting of a JSON intake message. Deeper ones are dead with `bad_envelope`.'),
});

const actionsSchema = z.strictObject({
  exact: z
    .enum(['drop', 'group', 'keep'])
    .default('drop')
    .describe(
      'What becomes of an item whose bytes equal those of a survivor: `drop` it as a duplicate, keep it tagged as one `group`, or `keep` it untouched.',
    ),
  near: z
    .enum(['drop', 'group', 'keep'])
    .default('drop')
    .describe('The same for perceptual candidates that the pixel comparison confirmed.'),
});

const dedupSchema = z.strictObject({
  phashRadius: radius()
    .default(10)
    .describe(
      'Hamming distance of the 64-bit pHash up to which two images are candidates. Re-encodes and resizes lie within 4, a 5 % crop within 10; candidates are only proposed, never dropped, by it.',
    ),
  dhashRadius: radius()
    .default(10)
    .describe('The same for dHash, which finds what pHash misses (a watermark, say).'),
  pixelDistance: fraction()
    .default(DEFAULT_PIXEL_THRESHOLD)
    .describe(
      'Largest distance of the 64 by 64 pixel comparison (0 equal, 1 opposite) that confirms a candidate as `near`. Smaller drops less.',
    ),
  actions: actionsSchema.prefault({}).describe('What becomes of verified duplicates, by relation.'),
});

const weightsSchema = z
  .strictObject({
    resolution: weight().default(0.3).describe('Weight of the effective resolution.'),
    sharpness: weight().default(0.4).describe('Weight of the sharpness.'),
    entropy: weight()
      .default(0.3)
      .describe('Weight of the entropy of the grey values, which is near 0 for flat images.'),
  })
  .refine((weights) => weights.resolution + weights.sharpness + weights.entropy > 0, {
    message: 'weights of which at least one is above 0',
  });

const scoreSchema = z
  .strictObject({
    keepAt: fraction()
      .default(0.5)
      .describe('Score from which an item is eligible. Between `rejectBelow` and this it goes to review.'),
    rejectBelow: fraction()
      .default(0.35)
      .describe(
        'Score below which an item is rejected. At most `keepAt`; equal to it leaves no review band.',
      ),
    weights: weightsSchema
      .prefault({})
      .describe(
        'Weights of the signals; the score is their weighted mean, from 0 to 1. At least one is above 0.',
      ),
  })
  .refine((score) => score.rejectBelow <= score.keepAt, {
    message: 'at most keepAt',
    path: ['rejectBelow'],
  });

const governanceSchema = z.strictObject({
  refuseSources: sourceGlobs().describe(
    'Sources (globs, `*` matches any run of characters) whose items are rejected before anything is fetched or decoded.',
  ),
  flagSources: sourceGlobs().describe(
    'Sources whose items carry a compliance flag: they are kept, but lose to an unflagged duplicate.',
  ),
  sourceRank: sourceGlobs().describe(
    'Sources, best first. Of duplicates the one from the best source survives; sources that are not named come last.',
  ),
});

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
      'Index shards. More of them spread the index over more nodes; changing the number of a dataset that has items is a replay.',
    ),
  model: z
    .string()
    .min(1)
    .max(64)
    .default('troupe-tiny')
    .describe('Embedding model. `troupe-tiny` ships with the package.'),
  limits: limitsSchema
    .prefault({})
    .describe('What an item may cost. Beyond a limit it is dead-lettered with the limit as its reason.'),
  dedup: dedupSchema.prefault({}).describe('How duplicates are found, confirmed and treated.'),
  score: scoreSchema.prefault({}).describe('Which items are good enough.'),
  governance: governanceSchema.prefault({}).describe('What may enter by source, whatever it looks like.'),
});

/** The configuration of one dataset with every default filled in and sizes in bytes. */
export type DatasetConfig = z.output<typeof datasetConfigSchema>;

/** The part of a dataset's configuration that decides verdicts; see `decidingConfig`. */
export type DecidingConfig = Pick<
  DatasetConfig,
  'kind' | 'model' | 'limits' | 'dedup' | 'score' | 'governance'
>;

/**
 * The fields that decide verdicts, which a manifest's digest covers. Shard count, paths and thread counts are
 * left out: the same input must give the same manifest for any number of shards and nodes.
 */
export function decidingConfig(dataset: DatasetConfig): DecidingConfig {
  const { kind, model, limits, dedup, score, governance } = dataset;
  return { kind, model, limits, dedup, score, governance };
}
