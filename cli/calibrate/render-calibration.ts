// A calibration as text: what was looked at, the thresholds, the curve, and what is found of edits.
import type { Terminal } from '../terminal.ts';
import type { CalibratedThreshold, CalibrationResult, FoundPoint } from './calibration-result.ts';
import { MEASURES, type MeasureName } from './measures.ts';

const BAR = 32;

/** Prints a result; `curves` are those that are drawn. */
export function renderCalibration(
  terminal: Terminal,
  result: CalibrationResult,
  { curves }: { readonly curves: readonly MeasureName[] },
): void {
  const { sample } = result;
  terminal.print(
    `${result.dataset}, manifest ${result.manifest}, model ${result.model}@${result.modelDigest.slice(0, 12)}, seed ${result.seed}`,
  );
  terminal.print(
    `${whole(sample.pairs)} pairs of ${whole(sample.contents)} contents that are not proved copies of each other (${whole(sample.copies)} copies left out)`,
  );
  terminal.print(
    result.holdsFor === 'new'
      ? 'no content is in two pairs: the bounds hold for contents to come like these'
      : `the bounds hold for pairs of these contents; for contents to come so few can show ${scientific(result.leastForNew)} at best`,
  );
  terminal.print();
  thresholdTable(terminal, result.thresholds);
  for (const { measure, points } of result.curves) {
    if (!curves.includes(measure) || points.length === 0) continue;
    terminal.print();
    curveTable(terminal, measure, points, result.thresholds);
  }
  if (result.edits.originals > 0) {
    terminal.print();
    editTable(terminal, result);
  }
  for (const remark of result.remarks) terminal.print(`note: ${remark}`);
}

function thresholdTable(terminal: Terminal, thresholds: readonly CalibratedThreshold[]): void {
  terminal.table(
    [
      { title: 'Threshold' },
      { title: 'Now', align: 'right' },
      { title: 'At most', align: 'right' },
      { title: 'Target', align: 'right' },
      { title: 'Proposed', align: 'right' },
      { title: 'Passed', align: 'right' },
      { title: 'Of pairs', align: 'right' },
      { title: 'At most', align: 'right' },
      { title: 'Edits', align: 'right' },
    ],
    thresholds.map((each) => [
      each.name,
      each.present?.threshold ?? '-',
      each.present === null ? '' : scientific(each.present.bound),
      scientific(each.target),
      each.proposed?.threshold ?? '-',
      each.proposed === null ? '' : whole(each.proposed.exceeding),
      whole(each.pairs),
      each.proposed === null ? '' : scientific(each.proposed.bound),
      each.proposed === null ? '' : percent(each.proposed.found),
    ]),
  );
  for (const each of thresholds) {
    if (each.outcome === 'proposed') continue;
    terminal.print(`${each.name}: ${whyNot(each)}`);
  }
}

/** Why nothing is proposed. */
export function whyNot({ outcome, needed, pairs, target }: CalibratedThreshold): string {
  return outcome === 'too_few'
    ? `nothing proposed: a share of ${scientific(target)} needs ${whole(needed ?? 0)} pairs, these are ${whole(pairs)}`
    : `nothing proposed: even the strictest threshold lets more than ${scientific(target)} of the pairs pass`;
}

function curveTable(
  terminal: Terminal,
  measure: MeasureName,
  points: readonly FoundPoint[],
  thresholds: readonly CalibratedThreshold[],
): void {
  const floor = Math.log10(Math.min(...points.map(({ bound }) => bound)));
  const marks = (threshold: number) =>
    thresholds
      .filter((each) => each.measure === measure)
      .flatMap(({ name, proposed, present }) => [
        ...(proposed?.threshold === threshold ? [`< ${name} proposed`] : []),
        ...(present?.threshold === threshold ? [`< ${name} now`] : []),
      ])
      .join(' ');
  terminal.print(
    `${MEASURES[measure].title}: share of pairs that pass, # its bound on a logarithmic scale from ${scientific(10 ** floor)} to 1`,
  );
  terminal.table(
    [
      { title: 'Threshold', align: 'right' },
      { title: ''.padEnd(BAR) },
      { title: 'Passed', align: 'right' },
      { title: 'Share', align: 'right' },
      { title: 'At most', align: 'right' },
      { title: 'Edits', align: 'right' },
      { title: '' },
    ],
    points.map((point) => [
      point.threshold,
      '#'.repeat(Math.max(1, Math.round(BAR * (1 - Math.log10(point.bound) / floor)))),
      whole(point.exceeding),
      scientific(point.share),
      scientific(point.bound),
      percent(point.found),
      marks(point.threshold),
    ]),
  );
}

function editTable(terminal: Terminal, { edits, thresholds }: CalibrationResult): void {
  terminal.print(
    `of ${edits.originals} originals and an edit of each, found by the threshold proposed, or else as it is`,
  );
  const shown = thresholds.filter(({ proposed, present }) => (proposed ?? present) !== null);
  terminal.table(
    [
      { title: 'Edit' },
      ...shown.map(({ name, proposed, present }) => ({
        title: `${name} ${(proposed ?? present)?.threshold}`,
        align: 'right' as const,
      })),
    ],
    edits.found.map(({ edit, by }) => [edit, ...shown.map(({ name }) => percent(by[name] ?? null))]),
  );
}

function percent(share: number | null): string {
  return share === null ? '' : `${Math.round(100 * share)} %`;
}

/** 0, or two digits with an exponent. */
export function scientific(share: number): string {
  return share === 0 ? '0' : share >= 0.1 ? share.toFixed(2) : share.toExponential(1).replace('.0e', 'e');
}

function whole(count: number): string {
  return count.toLocaleString('en-US');
}
