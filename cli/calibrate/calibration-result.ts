// What a calibration found, as data: thresholds with what is proposed and why not, curves, and what of edits is found.
import type { ThresholdName } from '#actors';
import { upperBound } from './clopper-pearson.ts';
import { type EditRecall, foundShare } from './edit-recall.ts';
import type { MeasureName, Threshold } from './measures.ts';
import type { PairSample } from './sample-pairs.ts';
import type { TailCurve, TailPoint } from './tail-curve.ts';

/** A point of a curve, and the share of edits that the threshold finds; null where none were made. */
export interface FoundPoint extends TailPoint {
  readonly found: number | null;
}

export interface CalibratedThreshold {
  readonly name: ThresholdName;
  readonly measure: MeasureName;
  /** Share of pairs of different contents that may pass. */
  readonly target: number;
  readonly outcome: 'proposed' | 'too_few' | 'none';
  readonly proposed: FoundPoint | null;
  /** Pairs that the target needs, where there are too few. */
  readonly needed: number | null;
  readonly pairs: number;
  /** The threshold in force. */
  readonly present: FoundPoint | null;
}

export interface CalibrationResult {
  readonly dataset: string;
  readonly manifest: number;
  readonly model: string;
  readonly modelDigest: string;
  readonly seed: number;
  readonly holdsFor: PairSample['holdsFor'];
  readonly sample: {
    /** Contents that pairs were drawn of. */
    readonly contents: number;
    readonly pairs: number;
    /** Rows of the manifest that could be drawn, that are proved copies of others, and that are rejected. */
    readonly population: number;
    readonly copies: number;
    readonly rejected: number;
  };
  /** The smallest share that pairs without a common content could show for contents to come. */
  readonly leastForNew: number;
  readonly thresholds: readonly CalibratedThreshold[];
  readonly curves: readonly { readonly measure: MeasureName; readonly points: readonly FoundPoint[] }[];
  readonly edits: {
    readonly originals: number;
    /** Share found by each threshold as proposed, or else as it is; null where it has no value. */
    readonly found: readonly {
      readonly edit: string;
      readonly by: Readonly<Record<string, number | null>>;
    }[];
  };
  readonly remarks: readonly string[];
}

export interface ResultParts
  extends Pick<
    CalibrationResult,
    'dataset' | 'manifest' | 'model' | 'modelDigest' | 'seed' | 'holdsFor' | 'sample' | 'remarks'
  > {
  readonly wanted: readonly (Threshold & { readonly target: number; readonly present: number | null })[];
  readonly curves: ReadonlyMap<MeasureName, TailCurve>;
  readonly recall: EditRecall;
}

export function calibrationResult({ wanted, curves, recall, ...parts }: ResultParts): CalibrationResult {
  const found = (measure: MeasureName, point: TailPoint): FoundPoint => {
    const values = recall.edits.flatMap((edit) => edit.values[measure]);
    return { ...point, found: foundShare(measure, values, point.threshold) };
  };
  const thresholds = wanted.flatMap(({ name, measure, target, present }): CalibratedThreshold[] => {
    const curve = curves.get(measure);
    if (curve === undefined) return [];
    const proposal = curve.propose(target);
    const { outcome } = proposal;
    return [
      {
        name,
        measure,
        target,
        outcome,
        proposed: outcome === 'proposed' ? found(measure, proposal.point) : null,
        needed: outcome === 'too_few' ? proposal.needed : null,
        pairs: curve.pairs,
        present: present === null ? null : found(measure, curve.at(present)),
      },
    ];
  });
  return {
    ...parts,
    leastForNew: upperBound(0, Math.floor(parts.sample.contents / 2)),
    thresholds,
    curves: [...curves].map(([measure, curve]) => ({
      measure,
      points: curvePoints(curve, marksOf(thresholds, measure)).map((point) => found(measure, point)),
    })),
    edits: {
      originals: recall.originals,
      found: recall.edits.map(({ edit, values }) => ({
        edit,
        by: Object.fromEntries(
          thresholds.map(({ name, measure, proposed, present }) => {
            const threshold = (proposed ?? present)?.threshold;
            return [name, threshold === undefined ? null : foundShare(measure, values[measure], threshold)];
          }),
        ),
      })),
    },
  };
}

function marksOf(thresholds: readonly CalibratedThreshold[], measure: MeasureName): readonly number[] {
  return thresholds
    .filter((threshold) => threshold.measure === measure)
    .flatMap(({ proposed, present }) => [proposed, present])
    .flatMap((point) => (point === null ? [] : [point.threshold]));
}

/** Beyond this share a threshold is of no use. */
const USELESS_SHARE = 0.3;
const COSINE_STEP = 0.05;
const PIXEL_STEP = 0.05;
const BIT_STEP = 2;

/** Points of the curve from the strictest threshold to where it is of no use, with the marked ones among them. */
function curvePoints(curve: TailCurve, marks: readonly number[]): readonly TailPoint[] {
  if (curve.pairs === 0) return [];
  const { passes, min, max, steps } = curve.scale;
  const step = steps === 1 ? BIT_STEP : passes === 'atLeast' ? COSINE_STEP : PIXEL_STEP;
  const grid = Array.from({ length: Math.round((max - min) / step) + 1 }, (_, at) =>
    Number((min + at * step).toFixed(4)),
  );
  const thresholds = [...new Set([...grid, ...marks])].sort((a, b) => (passes === 'atLeast' ? b - a : a - b));
  const points = thresholds.map((threshold) => curve.at(threshold));
  const useless = points.findIndex(({ share }) => share > USELESS_SHARE);
  const useful = useless === -1 ? points : points.slice(0, useless + 1);
  // Of the strict thresholds that no pair passes, those next to the first pair.
  const firstPair = useful.findIndex(({ exceeding }) => exceeding > 0);
  const from = Math.max(0, (firstPair === -1 ? useful.length : firstPair) - 3);
  return useful.filter(({ threshold }, at) => at >= from || marks.includes(threshold));
}
