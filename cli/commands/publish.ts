// `troupe publish`: files, folders, globs, lists, URIs, standard input or a stream to a dataset's intake.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { MAX_INLINE_BODY_BYTES } from '#nats';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { UsageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { waitUntilSettled } from '../node/settle.ts';
import { parseWholeNumber } from '../option-values.ts';
import { expandSources, type GivenSources } from '../publish/expand-sources.ts';
import { megabytes } from '../publish/publish-progress.ts';
import { bytesOf, nameOf } from '../publish/publish-source.ts';
import {
  type PublishPlan,
  type PublishReport,
  type PublishStream,
  runPublish,
} from '../publish/run-publish.ts';

/** Items and failures that are shown; `--json` has all failures. */
const SHOWN = 10;

interface Options {
  readonly list?: readonly string[];
  readonly source?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly rate?: number;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  /** False by `--no-resume`. */
  readonly resume: boolean;
  readonly restart?: boolean;
  readonly fromStream?: string;
  readonly filter?: string;
  readonly fromSequence?: number;
  readonly idHeader: string;
}

export function registerPublish(program: Command, environment: CliEnvironment): void {
  program
    .command('publish')
    .description('publish files, folders, globs, URIs, lists, standard input or a stream to a dataset')
    .argument('<dataset>', 'name of the dataset')
    .argument('[path...]', 'files, folders, globs, URIs, or - for a list on standard input')
    .option(
      '--list <file>',
      'a path, URI or JSON object a line; may be repeated; - is standard input',
      gather,
    )
    .option('--source <name>', 'source of the items that name none, which governance rules see')
    .option('--metadata <key=value>', 'metadata of every item; may be repeated', keyValue)
    .option('--rate <n>', 'publish at most so many items in a second', perSecond)
    .option('--wait', 'wait until everything published has a verdict')
    .option('--dry-run', 'only show what would be published')
    .option('--no-resume', 'neither go on from an interrupted run nor keep how far this one came')
    .option('--restart', 'publish everything, also what an interrupted run published already')
    .option('--from-stream <stream>', 'publish the messages of a JetStream stream, each as one item')
    .option('--filter <subject>', 'with --from-stream: only messages of this subject; * and > as in NATS')
    .option('--from-sequence <n>', 'with --from-stream: begin at this sequence', parseWholeNumber(1))
    .option('--id-header <name>', 'with --from-stream: header with the id of a message', 'Troupe-Id')
    .addHelpText(
      'after',
      examples([
        ['troupe publish photos ~/Pictures --wait', 'a folder; ids are the paths below it'],
        ["troupe publish photos 'shots/**/*.jpg' --source camera", 'a glob, with a source'],
        ['troupe publish photos ~/Pictures', 'the same again after Ctrl-C goes on where it stopped'],
        ['find . -name "*.png" | troupe publish photos -', 'a list from standard input'],
        ['troupe publish photos --list urls.jsonl', '{"uri":"https://…","id":"a"} a line'],
        [
          "troupe publish photos --from-stream CAMERA --filter 'camera.*.jpg'",
          'messages that you have already',
        ],
      ]),
    )
    .action(async (dataset: string, paths: readonly string[], options: Options, command: Command) => {
      const context = contextOf(command, environment);
      const from = sourcesOf(paths, options, environment);
      if (options.dryRun === true) await showSources(context, dataset, from);
      else await publish(context, environment, dataset, from, options);
    });
}

async function publish(
  context: CommandContext,
  environment: CliEnvironment,
  dataset: string,
  from: PublishPlan['from'],
  options: Options,
): Promise<void> {
  const { terminal } = context;
  const signal = environment.interruption();
  await using system = await ClientSystem.connect(context);
  await system.requireDataset(dataset);
  const report = await runPublish(system, {
    dataset,
    from,
    ...(options.source !== undefined && { source: options.source }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
    ...(options.rate !== undefined && { perSecond: options.rate }),
    resume: options.resume ? (options.restart === true ? 'restart' : 'continue') : 'off',
    dataDir: context.config().dataDir,
    clock: environment.clock,
    terminal,
    signal,
  });
  if (signal.aborted || report.failed > 0) environment.setExitCode(ExitCode.no);
  const verdicts =
    options.wait === true && !signal.aborted
      ? await waitUntilSettled(system, dataset, { terminal, ...through(report), signal })
      : null;
  terminal.show({ dataset, ...report, interrupted: signal.aborted, verdicts }, () => {
    if (report.duplicates > 0) terminal.print(`${report.duplicates} of them were published shortly before`);
    showFailures(context, report);
    if (signal.aborted && options.resume) terminal.print('interrupted: the same command goes on from here');
    if (verdicts === null) {
      const subject = system.names.subjects.intake(dataset);
      if (report.published > 0) terminal.print(`published to ${subject}`);
    } else {
      const { review, ...others } = verdicts;
      const counts = Object.entries(others).map(([verdict, count]) => `${count} ${verdict}`);
      terminal.print(`${dataset} now has ${counts.join(', ')}, ${review} in review`);
    }
  });
}

/** What this run published last; when that is nothing, everything there is. */
function through({ lastSequence }: PublishReport): { readonly through?: number } {
  return lastSequence === 0 ? {} : { through: lastSequence };
}

function showFailures({ terminal }: CommandContext, { failed, failures }: PublishReport): void {
  if (failed === 0) return;
  terminal.print(`${failed} could not be published; the same command tries them again:`);
  for (const { item, problem } of failures.slice(0, SHOWN)) terminal.print(`  ${item}: ${problem}`);
  if (failed > SHOWN) terminal.print(`  and ${failed - SHOWN} more (--json lists them)`);
}

/** What would be published, without asking any server. */
async function showSources(
  { terminal }: CommandContext,
  dataset: string,
  from: PublishPlan['from'],
): Promise<void> {
  if ('stream' in from) throw new UsageError('--dry-run: expected paths or lists, got --from-stream');
  let [items, bytes, uploads, invalid] = [0, 0, 0, 0];
  const first: string[] = [];
  for await (const item of expandSources(from)) {
    if (item.type === 'invalid') invalid += 1;
    else items += 1;
    bytes += bytesOf(item);
    if (bytesOf(item) > MAX_INLINE_BODY_BYTES) uploads += 1;
    if (first.length < SHOWN) {
      first.push(
        item.type === 'file'
          ? item.id
          : item.type === 'invalid'
            ? `${item.name}: ${item.problem}`
            : nameOf(item),
      );
    }
  }
  terminal.show({ dataset, dryRun: true, items, bytes, uploads, invalid, first }, () => {
    terminal.print(`would publish ${items} items, ${megabytes(bytes)}, to ${dataset}`);
    if (uploads > 0) terminal.print(`${uploads} of them through the uploads bucket`);
    if (invalid > 0) terminal.print(`${invalid} cannot be published`);
    for (const name of first) terminal.print(`  ${name}`);
    if (items + invalid > first.length) terminal.print(`  and ${items + invalid - first.length} more`);
  });
}

function sourcesOf(
  paths: readonly string[],
  options: Options,
  environment: CliEnvironment,
): GivenSources | PublishStream {
  const { list: lists = [], fromStream, filter, fromSequence, idHeader } = options;
  const isGiven = paths.length > 0 || lists.length > 0;
  if (fromStream !== undefined) {
    if (isGiven) throw new UsageError('--from-stream: expected no paths and no --list beside it');
    if (options.metadata !== undefined)
      throw new UsageError('--metadata: expected paths or lists, got --from-stream');
    return {
      stream: fromStream,
      ...(filter !== undefined && { filter }),
      ...(fromSequence !== undefined && { fromSequence }),
      idHeader,
    };
  }
  if (filter !== undefined || fromSequence !== undefined) {
    throw new UsageError('--filter and --from-sequence: expected --from-stream beside them');
  }
  if (!isGiven) throw new UsageError('expected paths, --list or --from-stream, got none');
  return { paths, lists, cwd: environment.cwd, stdin: environment.stdin };
}

function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`Expected key=value, got "${text}".`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function perSecond(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError(`Expected a number of items in a second above 0, got "${text}".`);
}
