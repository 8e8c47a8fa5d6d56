// `troupe publish`: files, folders, globs, URIs or standard input to a dataset's intake.
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { waitUntilSettled } from '../node/settle.ts';
import { expandSources } from '../publish/expand-sources.ts';
import { IntakePublisher } from '../publish/intake-publisher.ts';
import { publishAll } from '../publish/publish-all.ts';

export function registerPublish(program: Command, environment: CliEnvironment): void {
  program
    .command('publish')
    .description('publish files, folders, globs, URIs or standard input to a dataset')
    .argument('<dataset>', 'name of the dataset')
    .argument('<path...>', 'files, folders, globs, URIs, or - for one of these a line on standard input')
    .option('--source <name>', 'source of the items, which governance rules see')
    .option('--wait', 'wait until everything published has a verdict')
    .addHelpText(
      'after',
      examples([
        ['troupe publish photos ~/Pictures --wait', 'a folder; ids are the paths below it'],
        ["troupe publish photos 'shots/**/*.jpg' --source camera", 'a glob, with a source'],
        ['find . -name "*.png" | troupe publish photos -', 'a list from standard input'],
      ]),
    )
    .action(
      async (
        dataset: string,
        paths: readonly string[],
        options: { readonly source?: string; readonly wait?: boolean },
        command: Command,
      ) => {
        const context = contextOf(command, environment);
        const { terminal } = context;
        const signal = environment.interruption();
        await using system = await ClientSystem.connect(context);
        await system.requireDataset(dataset);
        const { link, names } = system;
        const source = options.source === undefined ? {} : { source: options.source };
        const publisher = new IntakePublisher({ link, names, dataset, ...source });
        const line = terminal.progress();
        const startedMs = environment.clock.monotonicMs();
        const progress = await publishAll(
          publisher,
          expandSources(paths, { cwd: environment.cwd, stdin: environment.stdin }),
          {
            signal,
            onProgress: ({ published, bytes }) => {
              const seconds = Math.max(0.001, (environment.clock.monotonicMs() - startedMs) / 1000);
              line.update(
                `published ${published} items, ${(bytes / 1e6).toFixed(1)} MB, ${(published / seconds).toFixed(0)} items/s`,
              );
            },
          },
        );
        line.done(`published ${progress.published} items, ${(progress.bytes / 1e6).toFixed(1)} MB`);
        if (signal.aborted) environment.setExitCode(ExitCode.no);
        const verdicts =
          options.wait === true && !signal.aborted
            ? await waitUntilSettled(system, dataset, { terminal, through: progress.lastSequence, signal })
            : null;
        terminal.show({ dataset, ...progress, verdicts }, () => {
          if (progress.duplicates > 0)
            terminal.print(`${progress.duplicates} of them were published shortly before`);
          if (verdicts === null) terminal.print(`published to ${names.subjects.intake(dataset)}`);
          else {
            const { eligible, rejected, review, dead, repeats } = verdicts;
            terminal.print(
              `${dataset} now has ${eligible} eligible, ${rejected} rejected, ${review} in review, ${dead} dead, ${repeats} repeats`,
            );
          }
        });
      },
    );
}
