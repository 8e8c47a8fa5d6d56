// `troupe calibrate`: thresholds that keep pairs of different pictures apart, for the dataset's pictures and model.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DatasetConfig, ThresholdName } from '#actors';
import { settingsOf, withCalibration } from '../calibrate/apply-calibration.ts';
import { type CalibrateOptions, calibrate } from '../calibrate/calibrate.ts';
import { THRESHOLDS, type Threshold } from '../calibrate/measures.ts';
import { renderCalibration } from '../calibrate/render-calibration.ts';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { changeDataset, requireChangeable, requireRecord, showChange } from '../node/change-dataset.ts';
import { ClientSystem } from '../node/client-system.ts';
import type { DatasetRecord } from '../node/dataset-registry.ts';
import { listOf, parseWholeNumber } from '../option-values.ts';

/** Pairs whose pixels are compared unless they are asked for: some seconds of work. */
const PIXEL_PAIRS = 5_000;

interface CalibrateFlags {
  readonly target: number;
  readonly nearTarget?: number;
  readonly pairs?: number;
  readonly seed: number;
  readonly edits: number;
  readonly thresholds?: readonly Threshold[];
  readonly independent?: boolean;
  readonly apply?: boolean;
  readonly wait?: boolean;
}

export function registerCalibrate(program: Command, environment: CliEnvironment): void {
  program
    .command('calibrate')
    .description(
      'propose thresholds that let so few pairs of different contents pass, from pairs of the newest manifest',
    )
    .argument('<dataset>', 'name of the dataset')
    .addOption(
      new Option('--target <share>', 'share of pairs of different contents that may pass')
        .argParser(parseShare)
        .default(1e-4, '1e-4'),
    )
    .option('--near-target <share>', 'the same for thresholds that drop (default: a tenth of it)', parseShare)
    .option(
      '--pairs <n>',
      'most pairs to look at (default: as many as the target deserves)',
      parseWholeNumber(1),
    )
    .option('--seed <n>', 'of the sample: the same seed, the same result', parseWholeNumber(0), 1)
    .option('--edits <n>', 'originals that are edited to see what is found', parseWholeNumber(0), 25)
    .option(
      '--thresholds <names>',
      `which: ${THRESHOLDS.map(({ name }) => name).join(', ')} (default: all)`,
      parseThresholds,
    )
    .option('--independent', 'no content in two pairs: bounds that hold for contents to come, too')
    .option('--apply', 'set them: those named, or else vectors.semantic, and vectors.near where it is in use')
    .option('--wait', 'with --apply: until they are in force, where contents are compared anew')
    .addHelpText(
      'after',
      examples([
        ['troupe calibrate photos', 'the curve of 1e-4 false pairs; changes nothing'],
        ['troupe calibrate photos --target 1e-3 --apply --wait', 'set what it proposes, with its origin'],
        ['troupe calibrate photos --thresholds vectors.semantic --edits 0', 'only this one, and no edits'],
        ['troupe calibrate photos --json --seed 7', 'everything as data'],
      ]),
    )
    .action(async (dataset: string, flags: CalibrateFlags, command: Command) => {
      const context = contextOf(command, environment);
      const signal = environment.interruption();
      await using system = await ClientSystem.connect(context);
      const record = await (flags.apply === true ? requireChangeable : requireRecord)(system, dataset);
      const result = await calibrate(dataset, optionsOf(flags), {
        system,
        settings: record.config,
        config: context.config(),
        terminal: context.terminal,
        signal,
      });
      const names = flags.thresholds?.map(({ name }) => name) ?? defaultNames(record.config);
      const settings = settingsOf(result, names);
      const { terminal } = context;
      const render = () => {
        const curves = flags.thresholds?.map(({ measure }) => measure) ?? ['cosine'];
        renderCalibration(terminal, result, { curves });
        terminal.print();
      };
      if (settings.length === 0) environment.setExitCode(ExitCode.no);
      if (flags.apply !== true || settings.length === 0) {
        terminal.show({ ...result, settings }, () => {
          render();
          for (const line of adviceOf(dataset, record.origin, settings)) terminal.print(line);
        });
        return;
      }
      if (!terminal.json) {
        render();
        terminal.print(`set ${settings.join(' ')}`);
      }
      const at = new Date(environment.clock.wallMs()).toISOString();
      const change = await changeDataset(system, dataset, (config) =>
        withCalibration(config, result, { names, at }),
      );
      const beside = { ...result, settings };
      await showChange(system, change, { context, environment, wait: flags.wait === true, beside });
    });
}

function optionsOf(flags: CalibrateFlags): CalibrateOptions {
  return {
    thresholds: flags.thresholds ?? THRESHOLDS,
    target: flags.target,
    nearTarget: flags.nearTarget ?? flags.target / 10,
    pairs: flags.pairs,
    independent: flags.independent === true,
    seed: flags.seed,
    edits: flags.edits,
    pixelPairs: flags.thresholds === undefined ? PIXEL_PAIRS : Number.POSITIVE_INFINITY,
  };
}

/** What depends on the model: what only groups, and what drops where the dataset lets vectors drop already. */
function defaultNames({ dedup }: Pick<DatasetConfig, 'dedup'>): readonly ThresholdName[] {
  return dedup.vectors.near === null ? ['vectors.semantic'] : ['vectors.semantic', 'vectors.near'];
}

/** How to bring the proposals into force. */
function adviceOf(
  dataset: string,
  origin: DatasetRecord['origin'],
  settings: readonly string[],
): readonly string[] {
  if (settings.length === 0) return ['nothing to set: see --target and --pairs'];
  if (origin === 'file') {
    return settings.map(
      (setting) => `to set in troupe.yaml: datasets.${dataset}.${setting.replace('=', ': ')}`,
    );
  }
  return [
    `to set: troupe dataset set ${dataset} ${settings.join(' ')}`,
    'or the same command with --apply, which records the origin, too',
  ];
}

/** A share between 0 and 1, such as 1e-4 or 0.001. */
function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share > 0 && share < 1) return share;
  throw new InvalidArgumentError(`Expected a share above 0 and below 1 such as 1e-4, got "${text}".`);
}

function parseThresholds(text: string): readonly Threshold[] {
  const names = listOf(text);
  const unknown = names.filter((name) => !THRESHOLDS.some((each) => each.name === name));
  if (names.length === 0 || unknown.length > 0) {
    const known = THRESHOLDS.map(({ name }) => name).join(', ');
    throw new InvalidArgumentError(`Expected some of ${known} with commas between, got "${text}".`);
  }
  return THRESHOLDS.filter(({ name }) => names.includes(name));
}
