// `troupe audit`: whether every published sequence is accounted for.
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { type AuditReport, audit } from '../node/audit.ts';
import { ClientSystem } from '../node/client-system.ts';
import type { Terminal } from '../terminal.ts';

export function registerAudit(program: Command, environment: CliEnvironment): void {
  program
    .command('audit')
    .description('check that every published item has a verdict or is still on its way; exit code 1 if not')
    .argument('<dataset>', 'name of the dataset')
    .addHelpText('after', examples([['troupe audit photos', 'compare the ledger with the intake stream']]))
    .action(async (dataset: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const report = await audit(system, dataset);
      context.terminal.show(report, () => printAudit(context.terminal, report));
      if (!report.balanced) environment.setExitCode(ExitCode.no);
    });
}

/** Prints the account line by line, then whether it balances. */
function printAudit(terminal: Terminal, report: AuditReport): void {
  const { verdicts, pending } = report;
  const onTheWay = Object.entries(pending).filter(([, count]) => count > 0);
  terminal.table(
    [{ title: 'Sequences' }, { title: 'Count', align: 'right' }],
    [
      ['published', report.published],
      ...Object.entries(verdicts),
      ...onTheWay.map(([stage, count]) => [`pending in ${stage}`, count] as const),
      ['missing', report.missing.length],
    ],
  );
  for (const problem of report.problems) terminal.print(`problem: ${problem}`);
  if (report.missing.length > 0) terminal.print(`missing: ${report.missing.slice(0, 20).join(', ')}`);
  terminal.print(report.balanced ? 'audit balanced' : 'audit NOT balanced');
}
