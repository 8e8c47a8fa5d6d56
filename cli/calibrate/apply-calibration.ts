// A dataset's configuration with calibrated thresholds in it, and where they come from.
import type { DatasetConfig, ThresholdName, ThresholdOrigin } from '#actors';
import { CommandError } from '../command-error.ts';
import type { CalibrationResult } from './calibration-result.ts';

/** The settings that would bring the proposals of these thresholds into force by hand, as `path=value`. */
export function settingsOf(result: CalibrationResult, names: readonly ThresholdName[]): readonly string[] {
  return result.thresholds.flatMap(({ name, proposed }) =>
    proposed === null || !names.includes(name) ? [] : [`dedup.${name}=${proposed.threshold}`],
  );
}

/**
 * The configuration with the proposals of these thresholds; others stay as they are, with their origins.
 * @param at When, RFC 3339.
 * @throws CommandError `usage` when the dataset has another model meanwhile, or is about to
 */
export function withCalibration(
  config: DatasetConfig,
  result: CalibrationResult,
  { names, at }: { readonly names: readonly ThresholdName[]; readonly at: string },
): DatasetConfig {
  if (config.model !== result.model) {
    throw new CommandError(
      'usage',
      `expected the model ${result.model}, which was calibrated, got ${config.model}: calibrate again once it is in force and a manifest is cut`,
    );
  }
  const origins = originsOf(result, names, at);
  const { dedup } = config;
  const set = new Map(origins.map(({ name, value }) => [name, value]));
  const near = set.get('pixels.near') ?? dedup.pixels.near;
  const confirms = set.get('vectors.near') ?? dedup.vectors.near;
  const others = (dedup.calibration ?? []).filter(({ name }) => !set.has(name));
  return {
    ...config,
    dedup: {
      ...dedup,
      phashRadius: set.get('phashRadius') ?? dedup.phashRadius,
      dhashRadius: set.get('dhashRadius') ?? dedup.dhashRadius,
      // A middle band that the new threshold leaves no room for is empty.
      pixels: { near, review: dedup.pixels.review && Math.max(dedup.pixels.review, near) },
      vectors: {
        near: confirms,
        review: dedup.vectors.review && Math.min(dedup.vectors.review, confirms ?? 1),
        semantic: set.get('vectors.semantic') ?? dedup.vectors.semantic,
      },
      calibration: [...others, ...origins],
    },
  };
}

function originsOf(
  { thresholds, model, modelDigest, manifest, holdsFor, seed }: CalibrationResult,
  names: readonly ThresholdName[],
  at: string,
): readonly ThresholdOrigin[] {
  return thresholds.flatMap(({ name, target, proposed }) => {
    if (proposed === null || !names.includes(name)) return [];
    const { threshold: value, pairs, exceeding } = proposed;
    const bound = Number(proposed.bound.toPrecision(4));
    return [
      { name, value, at, model, modelDigest, manifest, holdsFor, seed, target, pairs, exceeding, bound },
    ];
  });
}
