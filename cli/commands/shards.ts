// `troupe shards`: whose each shard is, what the plan would do next, and what people order about it. All of it reads and
// writes records only, so that it works without any node to ask.
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { clusterStatus, dryRun, readCluster } from '../node/cluster-status.ts';
import { registerDrain } from './shards-drain.ts';
import { registerMove } from './shards-move.ts';
import { registerResize } from './shards-resize.ts';

export function registerShards(program: Command, environment: CliEnvironment): void {
  const shards = program.command('shards').description('show and decide who owns the shards of datasets');
  registerList(shards, environment);
  registerPlan(shards, environment);
  registerMove(shards, environment);
  registerDrain(shards, environment);
  registerResize(shards, environment);
}

function registerList(shards: Command, environment: CliEnvironment): void {
  shards
    .command('list')
    .description('list every index shard and keeper with its owner, epoch and phase')
    .argument('[dataset]', 'only the shards of this dataset')
    .addHelpText(
      'after',
      examples([
        ['troupe shards list', 'of all datasets, also while no node runs'],
        ['troupe shards list photos --json', 'for scripts'],
      ]),
    )
    .action(async (dataset: string | undefined, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      if (dataset !== undefined) await system.requireDataset(dataset);
      const { shards: all, drained } = clusterStatus(await readCluster(system));
      const listed = all.filter(({ shard }) => dataset === undefined || shard.startsWith(`${dataset}.`));
      context.terminal.show(listed, () => {
        context.terminal.table(
          [
            { title: 'Shard' },
            { title: 'Owner' },
            { title: 'Epoch', align: 'right' },
            { title: 'Phase' },
            { title: 'Moving to' },
            { title: 'Pinned to' },
          ],
          listed.map(({ shard, owner, epoch, phase, target, pinned }) => [
            shard,
            owner ?? '',
            epoch,
            phase,
            target ?? '',
            pinned ?? '',
          ]),
        );
        for (const node of drained) {
          context.terminal.print(`node ${node} is drained: troupe shards drain ${node} --undo`);
        }
      });
    });
}

function registerPlan(shards: Command, environment: CliEnvironment): void {
  shards
    .command('plan')
    .description('show which shards would change their owner next, and why; changes nothing')
    .addHelpText(
      'after',
      examples([
        ['troupe shards plan', 'nothing, while every node has what its weight says'],
        [
          'troupe shards plan --json',
          'moves, how many wait for a later round, and which nodes hold them back',
        ],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const plan = dryRun(await readCluster(system));
      const { terminal } = context;
      terminal.show(plan, () => {
        if (plan.moves.length === 0) terminal.print('no shard would move');
        else {
          terminal.table(
            [{ title: 'Shard' }, { title: 'From' }, { title: 'To' }, { title: 'Reason' }],
            plan.moves.map(({ shard, from, to, reason }) => [shard, from ?? '', to, reason]),
          );
        }
        if (plan.deferred > 0) terminal.print(`${plan.deferred} more moves wait for a later round`);
        if (plan.heldBackBy.length > 0) {
          terminal.print(
            `moves for balance wait for ${plan.heldBackBy.join(', ')}: joining or not seen to renew`,
          );
        }
      });
    });
}
