// `troupe init`: writes a complete commented troupe.yaml to start from.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { CONFIG_FILE, type ExampleKind, exampleConfig } from '../config/index.ts';
import { examples } from '../help.ts';
import { kindOption } from './config.ts';

/** Registers `init`. */
export function registerInit(program: Command, environment: CliEnvironment): void {
  program
    .command('init')
    .description('write a commented troupe.yaml for your kind of data')
    .addOption(kindOption())
    .option('--force', 'replace a file that is there already')
    .addHelpText(
      'after',
      examples([
        ['troupe init', 'write troupe.yaml here'],
        ['troupe --config data/troupe.yaml init', 'write it elsewhere'],
      ]),
    )
    .action((options: { readonly kind: ExampleKind; readonly force?: boolean }, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      const file = resolve(environment.cwd, context.options.config ?? CONFIG_FILE);
      writeNew(file, exampleConfig(options.kind), options.force === true);
      terminal.show({ file }, () => {
        terminal.print(`wrote ${file}`);
        terminal.print('Every field has its default; keep what you change. Next: troupe up');
      });
    });
}

function writeNew(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new CommandError('file_exists', `${file} is there already`, { cause: error });
    throw error;
  }
}
