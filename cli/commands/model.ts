// `troupe model`: what a model file has, which models there are, how fast one runs here; `add` is in a file of its own.
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { TROUPE_TINY } from '#actors';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { codeOf, ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { benchModel, LEAST_COSINE } from '../models/bench-model.ts';
import { findModel, identityOfModel } from '../models/find-model.ts';
import { inspectFile, inspectNamed, renderInspection } from '../models/inspect-file.ts';
import { listModels, readSystemModels } from '../models/list-models.ts';
import { renderBench } from '../models/render-bench.ts';
import { ClientSystem } from '../node/client-system.ts';
import { parseDurationMs, parseWholeNumber } from '../option-values.ts';
import { registerModelAdd } from './model-add.ts';

export function registerModel(program: Command, environment: CliEnvironment): void {
  const model = program
    .command('model')
    .description('embedding models: look at them, list, measure and add them');
  registerInspect(model, environment);
  registerList(model, environment);
  registerBench(model, environment);
  registerModelAdd(model, environment);
}

function registerInspect(model: Command, environment: CliEnvironment): void {
  model
    .command('inspect')
    .description('show what a model file has, and the entry under models: that it most likely wants')
    .argument('<model>', 'an ONNX file, or a name under models:')
    .addHelpText(
      'after',
      examples([
        ['troupe model inspect clip.onnx', 'inputs, outputs, and an entry to paste into troupe.yaml'],
        ['troupe model inspect clip.onnx --json', 'the same as data'],
        ['troupe model inspect troupe-tiny', 'the model that ships with the package'],
      ]),
    )
    .action(async (named: string, _options: unknown, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      const loaded = context.config();
      const isName = named === TROUPE_TINY.name || Object.hasOwn(loaded.config.models, named);
      const file = resolve(environment.cwd, named);
      const inspection =
        !isName && statSync(file, { throwIfNoEntry: false })?.isFile() === true
          ? await inspectFile(file, environment.cwd)
          : await inspectNamed(await findModel(named, loaded, environment.cwd));
      if (inspection.runs === null) environment.setExitCode(ExitCode.no);
      terminal.show(inspection, () => renderInspection(terminal, inspection));
    });
}

function registerList(model: Command, environment: CliEnvironment): void {
  model
    .command('list')
    .description(
      'list the models that the configuration and the running system know, and the datasets that use them',
    )
    .addHelpText(
      'after',
      examples([
        ['troupe model list', 'models, their files, and who uses them'],
        ['troupe model list --json', 'the same as data'],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      await using system = await connectIfRunning({ terminal, ...context });
      const models = listModels(context.config(), system && (await readSystemModels(system)));
      terminal.show(models, () => {
        terminal.table(
          [
            { title: 'Model' },
            { title: 'From' },
            { title: 'Numbers', align: 'right' },
            { title: 'Stored as' },
            { title: 'Providers' },
            { title: 'Used by' },
            { title: 'File' },
          ],
          models.map(({ name, from, dimension, store, providers, datasets, served, file }) => [
            name,
            from,
            dimension,
            store,
            providers.join(', '),
            [...datasets, ...(served ? ['embed'] : [])].join(', '),
            file,
          ]),
        );
      });
    });
}

/** The running system; undefined where none is named and none runs here. */
async function connectIfRunning(context: CommandContext): Promise<ClientSystem | undefined> {
  try {
    return await ClientSystem.connect(context);
  } catch (error) {
    if (codeOf(error) === 'no_running_system') return undefined;
    throw error;
  }
}

function registerBench(model: Command, environment: CliEnvironment): void {
  const cores = availableParallelism();
  model
    .command('bench')
    .description(
      'measure items a second by batch size, threads and sessions on this machine, and propose settings; exit code 1 where a batch changes vectors',
    )
    .argument('<model>', 'a name under models:, troupe-tiny, or an ONNX file')
    .option('--max-batch <n>', 'largest batch', parseWholeNumber(1), 32)
    .option('--max-threads <n>', 'most threads in one run', parseWholeNumber(1), cores)
    .option('--max-sessions <n>', 'most sessions at once', parseWholeNumber(1), cores)
    .addOption(
      new Option('--cell <duration>', 'time for each figure').argParser(parseDurationMs).default(1_000, '1s'),
    )
    .addHelpText(
      'after',
      examples([
        ['troupe model bench squeezenet', 'the whole table, a second for each figure'],
        ['troupe model bench clip.onnx --max-batch 8 --cell 300ms', 'a quick look at a file'],
        ['troupe model bench squeezenet --json', 'every figure as data'],
      ]),
    )
    .action(
      async (
        named: string,
        flags: {
          readonly maxBatch: number;
          readonly maxThreads: number;
          readonly maxSessions: number;
          readonly cell: number;
        },
        command: Command,
      ) => {
        const { terminal, ...context } = contextOf(command, environment);
        const signal = environment.interruption();
        const identity = await identityOfModel(await findModel(named, context.config(), environment.cwd));
        const progress = terminal.progress();
        const bench = await benchModel(identity, {
          maxBatch: flags.maxBatch,
          threads: doublings(flags.maxThreads),
          maxSessions: flags.maxSessions,
          cellMs: flags.cell,
          signal,
          onProgress: (text) => progress.update(`measuring ${text}`),
        });
        progress.done(`measured ${bench.cells.length + bench.sessions.length} figures`);
        if (bench.cosine < LEAST_COSINE) environment.setExitCode(ExitCode.no);
        terminal.show(bench, () => renderBench(terminal, bench));
      },
    );
}

/** 1, 2, 4, … and the largest. */
function doublings(largest: number): readonly number[] {
  const counts: number[] = [];
  for (let count = 1; count < largest; count *= 2) counts.push(count);
  return [...counts, largest];
}
