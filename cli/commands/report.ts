// `troupe report`: a manifest as one HTML file for people, with groups as pictures and counts that add up.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { findManifest } from '../node/find-manifest.ts';
import { parseWholeNumber } from '../option-values.ts';
import { gatherReport, renderReport } from '../report/index.ts';

const MAX_MEMBERS = 11;
const MAX_SAMPLE = 12;
const MAX_REASONS = 20;

interface ReportOptions {
  readonly out: string;
  readonly number?: number;
  readonly maxGroups: number;
}

export function registerReport(program: Command, environment: CliEnvironment): void {
  program
    .command('report')
    .description('write one HTML file: duplicate groups as pictures, and what became of everything else')
    .argument('<dataset>', 'name of the dataset')
    .option('-o, --out <file>', 'file to write', 'report.html')
    .option('--number <n>', 'which manifest (default: HEAD)', parseWholeNumber(1))
    .option('--max-groups <n>', 'groups to show, largest first', parseWholeNumber(0), 60)
    .addHelpText(
      'after',
      examples([
        ['troupe report photos', 'report.html of the newest manifest'],
        ['troupe report photos --number 3 -o three.html --max-groups 500', 'more of an older one'],
      ]),
    )
    .action(async (dataset: string, options: ReportOptions, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const name = options.number === undefined ? { behindHead: 0 } : { number: options.number };
      const manifest = await findManifest(system, dataset, name);
      const progress = context.terminal.progress();
      const model = await gatherReport({
        system,
        dataset,
        manifest,
        limits: {
          maxGroups: options.maxGroups,
          maxMembers: MAX_MEMBERS,
          maxSample: MAX_SAMPLE,
          maxReasons: MAX_REASONS,
        },
        version: environment.version,
        generatedAt: new Date(environment.clock.wallMs()).toISOString(),
        onProgress: (done, total) => progress.update(`drawing ${done} of ${total} pictures`),
      });
      const page = Buffer.from(renderReport(model));
      await writeFile(resolve(environment.cwd, options.out), page);
      const { shown, total, leftOut } = model.groups;
      const file = { file: options.out, bytes: page.byteLength, manifest: manifest.record.number };
      const account = Object.fromEntries(model.account.lines.map(({ name: line, count }) => [line, count]));
      context.terminal.show(
        {
          ...file,
          published: model.account.published,
          account,
          balanced: model.account.isBalanced,
          groups: { total, shown: shown.length, leftOut },
        },
        () => {
          const groups = leftOut > 0 ? `${shown.length} of ${total} groups` : `${total} groups`;
          context.terminal.print(
            `${options.out}: manifest ${file.manifest} of ${dataset}, ${groups}, ${(file.bytes / 1e6).toFixed(1)} MB`,
          );
        },
      );
    });
}
