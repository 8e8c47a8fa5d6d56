// `troupe shards resize`: another number of index shards for a dataset that has items. Its contents are compared anew in
// shards beside the present ones, which answer until the new ones hold everything.
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { UsageError } from '../command-error.ts';
import { examples } from '../help.ts';
import { changeDataset, showChange } from '../node/change-dataset.ts';
import { ClientSystem } from '../node/client-system.ts';

const MAX_SHARDS = 1_024;

export function registerResize(shards: Command, environment: CliEnvironment): void {
  shards
    .command('resize')
    .description('give a dataset another number of index shards, while it goes on')
    .argument('<dataset>', 'name of a dataset made by `dataset create`')
    .argument('<count>', `index shards from now on, 1 to ${MAX_SHARDS}`)
    .option('--wait', 'until the new shards are in force')
    .addHelpText(
      'after',
      examples([
        ['troupe shards resize cats 8', 'begins; troupe status shows how far it is'],
        ['troupe shards resize cats 8 --wait', 'returns when the eight are in force'],
      ]),
    )
    .action(
      async (dataset: string, count: string, options: { readonly wait?: boolean }, command: Command) => {
        const context = contextOf(command, environment);
        const wanted = Number(count);
        if (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_SHARDS) {
          throw new UsageError(`expected a number of shards from 1 to ${MAX_SHARDS}, got ${count}`);
        }
        await using system = await ClientSystem.connect(context);
        const change = await changeDataset(system, dataset, (config) => ({ ...config, shards: wanted }));
        await showChange(system, change, { context, environment, wait: options.wait === true });
      },
    );
}
