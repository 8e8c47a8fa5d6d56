// The thresholds of a deciding configuration as lines for people, each with where it comes from.
import { originOf, THRESHOLD_NAMES, thresholdOf } from '#actors';
import { scientific } from './render-calibration.ts';

type Deciding = Parameters<typeof originOf>[0];

/** One line for each threshold in force. */
export function thresholdLines(deciding: Deciding): readonly string[] {
  return THRESHOLD_NAMES.flatMap((name) => {
    const value = thresholdOf(deciding.dedup, name);
    if (value === null) return [];
    const line = `threshold ${name} ${value}`;
    const origin = originOf(deciding, name);
    if (origin !== undefined) {
      const { at, model, modelDigest, manifest, holdsFor, seed, exceeding, pairs, bound, target } = origin;
      const whom = holdsFor === 'new' ? 'pairs of which none share a content' : 'pairs of its contents';
      return [
        `${line}: calibrated ${at} on manifest ${manifest} with ${model}@${modelDigest.slice(0, 12)}, target ${scientific(target)}: ${exceeding} of ${pairs} ${whom} passed, at most ${scientific(bound)} (95 %), seed ${seed}`,
      ];
    }
    const former = deciding.dedup.calibration?.find((each) => each.name === name);
    if (former === undefined) return [line];
    return [`${line}: not as calibrated (${former.value} with the model ${former.model})`];
  });
}
