// Where a dataset's thresholds come from, when `troupe calibrate --apply` set them. Part of the deciding configuration,
// so that every manifest says it; a threshold that was changed since has no origin any more.
import { z } from 'zod';

/** The thresholds that can be calibrated, by their paths under `dedup`. */
export const THRESHOLD_NAMES = [
  'vectors.semantic',
  'vectors.near',
  'phashRadius',
  'dhashRadius',
  'pixels.near',
] as const;
export type ThresholdName = (typeof THRESHOLD_NAMES)[number];

const originSchema = z.strictObject({
  name: z.enum(THRESHOLD_NAMES).describe('The threshold, by its path under `dedup`.'),
  value: z.number().describe('What was proposed.'),
  at: z.string().describe('When.'),
  model: z.string().describe('Name of the model.'),
  modelDigest: z.string().describe('sha256 of its file.'),
  manifest: z.int().nonnegative().describe('The manifest whose contents were looked at.'),
  holdsFor: z
    .enum(['new', 'present'])
    .describe(
      '`new`: no content was in two pairs, so the bound holds for contents to come like these; `present`: for pairs of the contents of that manifest.',
    ),
  seed: z.int().nonnegative().describe('Of the sample.'),
  target: z.number().describe('Share of pairs of different contents that may pass it.'),
  pairs: z.int().nonnegative().describe('Pairs of different contents that were looked at.'),
  exceeding: z.int().nonnegative().describe('How many of them pass it.'),
  bound: z.number().describe('95 % upper confidence bound of that share.'),
});

export const calibrationSchema = z.array(originSchema);

/** When, by which model and from which pairs a threshold was set. */
export type ThresholdOrigin = z.output<typeof originSchema>;

/** The part of a configuration under `dedup` that thresholds are read from. */
interface Thresholds {
  readonly phashRadius: number;
  readonly dhashRadius: number;
  readonly pixels: { readonly near: number };
  readonly vectors: { readonly near: number | null; readonly semantic: number | null };
  readonly calibration?: readonly ThresholdOrigin[] | undefined;
}

/** A threshold in force; null where the dataset does without. */
export function thresholdOf(dedup: Thresholds, name: ThresholdName): number | null {
  switch (name) {
    case 'vectors.semantic':
      return dedup.vectors.semantic;
    case 'vectors.near':
      return dedup.vectors.near;
    case 'phashRadius':
      return dedup.phashRadius;
    case 'dhashRadius':
      return dedup.dhashRadius;
    case 'pixels.near':
      return dedup.pixels.near;
  }
}

/** The origin of a threshold, or undefined when it was not calibrated, or was changed since, or the model was. */
export function originOf(
  { model, dedup }: { readonly model: string; readonly dedup: Thresholds },
  name: ThresholdName,
): ThresholdOrigin | undefined {
  const origin = dedup.calibration?.find((each) => each.name === name);
  if (origin === undefined || origin.value !== thresholdOf(dedup, name)) return undefined;
  return name.startsWith('vectors.') && origin.model !== model ? undefined : origin;
}

/** The configuration without the origins of thresholds that were changed since. */
export function withoutStaleOrigins<C extends { readonly model: string; readonly dedup: Thresholds }>(
  config: C,
): C {
  const { calibration, ...dedup } = config.dedup;
  if (calibration === undefined) return config;
  const origins = THRESHOLD_NAMES.flatMap((name) => originOf(config, name) ?? []);
  return { ...config, dedup: origins.length === 0 ? dedup : { ...dedup, calibration: origins } };
}
