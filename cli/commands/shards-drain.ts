// `troupe shards drain`: a node gives its shards away and takes none, but lives on; and the way back. The order is
// durable: it holds over a restart of the node.
import type { Command } from 'commander';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { awaitShards, type WaitEnd } from '../node/await-shards.ts';
import { ClientSystem } from '../node/client-system.ts';
import { clusterStatus, readCluster } from '../node/cluster-status.ts';
import { ShardOrders } from '../node/shard-orders.ts';
import { requireTaker, unknownNode, waitMsOf } from './shards-waiting.ts';

export function registerDrain(shards: Command, environment: CliEnvironment): void {
  shards
    .command('drain')
    .description('have a node give all its shards to others and take none; waits up to 60s, or --timeout')
    .argument('<node>', 'name of the node, as `troupe status` shows it')
    .option('--undo', 'let it have its share of the shards again')
    .addHelpText(
      'after',
      examples([
        [
          'troupe shards drain node-b',
          'it lives on and runs stages, without shards, also when started again',
        ],
        ['troupe shards drain node-b --undo', 'balance gives it shards again'],
      ]),
    )
    .action(async (node: string, options: { readonly undo?: boolean }, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      if (options.undo === true) return await undo(system, context, node);
      const records = await readCluster(system);
      const { members } = clusterStatus(records);
      const known = members.map((member) => (member.name === node ? { ...member, drained: false } : member));
      requireTaker(known, node, system.names.system);
      const takers = members.filter(
        ({ name, state, drained }) =>
          name !== node && !drained && (state === 'active' || state === 'joining'),
      );
      if (takers.length === 0) {
        throw new CommandError(
          'no_other_node',
          `no other node can take the shards of ${node}: expected one that is active and not drained`,
        );
      }
      const orders = new ShardOrders(system);
      const wasDrained = await orders.isDrained(node);
      await orders.drain(node, true);
      const { end, pending } = await awaitShards(system, context, {
        shards: records.shards.map(({ id }) => id),
        isDone: (record) => {
          if (record === undefined) return true;
          return record.phase === 'active'
            ? record.owner !== node
            : record.target !== node && record.phase === 'released';
        },
        timeoutMs: waitMsOf(command, context),
        signal: environment.interruption(),
        check: () => undefined,
      });
      if (pending.length > 0) environment.setExitCode(ExitCode.no);
      const owned = records.shards.filter(
        ({ record }) => record?.phase === 'active' && record.owner === node,
      );
      const outcome = wasDrained && owned.length === 0 && end === 'done' ? 'nothing to do' : end;
      tell(context, { node, outcome, pending });
    });
}

function tell(
  { terminal }: CommandContext,
  report: {
    readonly node: string;
    readonly outcome: WaitEnd | 'nothing to do';
    readonly pending: readonly string[];
  },
): void {
  const { node, outcome, pending } = report;
  terminal.show(report, () => {
    if (outcome === 'nothing to do') terminal.print(`nothing to do: ${node} is drained already`);
    else if (outcome === 'done') {
      terminal.print(`${node} is drained: it has no shards and takes none until --undo`);
    } else {
      const why = outcome === 'timeout' ? 'not done within the time' : 'interrupted';
      terminal.print(`${why}: ${pending.length} shards are left; the drain goes on, see troupe shards list`);
    }
  });
}

async function undo(system: ClientSystem, { terminal }: CommandContext, node: string): Promise<void> {
  const orders = new ShardOrders(system);
  const wasDrained = await orders.isDrained(node);
  if (wasDrained) await orders.drain(node, false);
  else {
    const { members } = clusterStatus(await readCluster(system));
    if (!members.some(({ name }) => name === node)) throw unknownNode(members, node, system.names.system);
  }
  const outcome = wasDrained ? 'undone' : 'nothing to do';
  terminal.show({ node, outcome }, () =>
    terminal.print(
      wasDrained
        ? `${node} is no longer drained: balance gives it shards`
        : `nothing to do: ${node} is not drained`,
    ),
  );
}
