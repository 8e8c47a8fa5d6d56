// `troupe demo`: the main job on a generated corpus with known truth; prints what was found against the truth.
import type { Command } from 'commander';
import { STAGES } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { type DemoResult, runDemo } from '../demo/run-demo.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { nodeLog } from '../node/node-log.ts';
import { parseWholeNumber } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

export function registerDemo(program: Command, environment: CliEnvironment): void {
  program
    .command('demo')
    .description(
      'curate a generated corpus with known truth on an embedded server; exit code 1 if anything is missed',
    )
    .option('--items <n>', 'how many images to generate, 100 or more', parseWholeNumber(100), 600)
    .option('--seed <n>', 'seed of the generator', parseWholeNumber(0), 1)
    .addHelpText(
      'after',
      examples([
        ['troupe demo', '600 images'],
        ['troupe demo --items 2000 --seed 7', 'more of them, others'],
      ]),
    )
    .action(async (options: { readonly items: number; readonly seed: number }, command: Command) => {
      const { terminal } = contextOf(command, environment);
      const result = await runDemo({
        ...options,
        terminal,
        clock: environment.clock,
        log: nodeLog(environment.env, 'warn'),
        env: environment.env,
        version: environment.version,
        signal: environment.interruption(),
      });
      terminal.show(summary(result), () => printDemo(terminal, result));
      if (!result.passed) environment.setExitCode(ExitCode.no);
    });
}

function summary({
  score,
  cut,
  audit,
  phases,
  stages,
  natsServer,
  passed,
  refusedPastIngestor,
}: DemoResult): object {
  return {
    passed,
    digest: cut.manifest.digest,
    score,
    audit,
    refusedPastIngestor,
    phases,
    stages,
    natsServer,
  };
}

function printDemo(terminal: Terminal, result: DemoResult): void {
  const { counts } = result.cut.manifest;
  const { dead } = result.audit.verdicts;
  terminal.print('');
  terminal.print(
    `${result.audit.published} published: ${counts.kept} kept, ${counts.duplicate} duplicates, ` +
      `${counts.rejected} rejected, ${counts.review} in review, ${dead} dead`,
  );
  terminal.print('');
  terminal.table(
    [
      { title: 'Planted' },
      { title: 'Count', align: 'right' },
      { title: 'Found', align: 'right' },
      { title: 'Recall', align: 'right' },
      { title: 'Precision', align: 'right' },
    ],
    Object.entries(result.score.relations).map(([relation, { planted, found, recall, precision }]) => [
      relation,
      planted,
      found,
      recall.toFixed(3),
      precision.toFixed(3),
    ]),
  );
  terminal.print('');
  printChecks(terminal, result);
  printTimes(terminal, result);
  terminal.print('');
  terminal.print('Next, with your own pictures:');
  terminal.print('  npx troupe init && npx troupe up');
  terminal.print('  npx troupe publish photos ~/Pictures --wait   (in another shell)');
  terminal.print('  npx troupe manifest cut photos && npx troupe status');
  terminal.print('');
  terminal.print(`digest ${result.cut.manifest.digest}`);
}

function printChecks(terminal: Terminal, { score, audit, refusedPastIngestor }: DemoResult): void {
  const mark = (passed: boolean) =>
    passed ? terminal.style('green', 'ok  ') : terminal.style('red', 'FAIL');
  for (const { name, value, required, passed } of score.criteria) {
    terminal.print(
      `${mark(passed)} ${name}: ${Number.isInteger(value) ? value : value.toFixed(3)} (${required})`,
    );
  }
  terminal.print(
    `${mark(refusedPastIngestor === 0)} refused items read beyond their source: ${refusedPastIngestor} (= 0)`,
  );
  terminal.print(`${mark(audit.balanced)} audit ${audit.balanced ? 'balanced' : audit.problems.join('; ')}`);
}

function printTimes(terminal: Terminal, { phases, stages, audit }: DemoResult): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const rate = audit.published / (phases.settleMs / 1000);
  terminal.print('');
  terminal.print(
    `time: corpus ${seconds(phases.generateMs)}, server and node ${seconds(phases.startMs)}, ` +
      `publish to settled ${seconds(phases.settleMs)} (${rate.toFixed(0)} items/s), cut ${seconds(phases.cutMs)}`,
  );
  const busy = (['intake', ...STAGES] as const).flatMap((stage) => {
    const total = stages[stage];
    return total === undefined || total.items === 0
      ? []
      : [`${stage} ${(total.busyMs / total.items).toFixed(1)}`];
  });
  terminal.print(`busy ms an item by stage: ${busy.join(', ')}`);
}
