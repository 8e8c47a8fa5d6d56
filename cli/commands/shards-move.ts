// `troupe shards move`: a person decides where shards are. The order is durable: they stay there until it is taken back.
import { type Command, Option } from 'commander';
import { parseShardKey, shardKey } from '#runtime';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError, UsageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { awaitShards } from '../node/await-shards.ts';
import { ClientSystem } from '../node/client-system.ts';
import { type ClusterRecords, clusterStatus, readCluster } from '../node/cluster-status.ts';
import { ShardOrders } from '../node/shard-orders.ts';
import { requireTaker, takesNothing, waitMsOf } from './shards-waiting.ts';

interface MoveOptions {
  readonly to?: string;
  readonly unpin?: boolean;
}

export function registerMove(shards: Command, environment: CliEnvironment): void {
  shards
    .command('move')
    .description('move shards of a dataset to a node, where they stay; waits up to 60s, or --timeout')
    .argument('<dataset>', 'dataset of the shards')
    .argument('<shard...>', 'numbers of index shards, or `keeper`')
    .option('--to <node>', 'node that is to own them')
    .addOption(
      new Option('--unpin', 'let balance decide again where they are; moves nothing by itself').conflicts(
        'to',
      ),
    )
    .addHelpText(
      'after',
      examples([
        ['troupe shards move photos 3 --to node-b', 'and wait until node-b has taken it'],
        ['troupe shards move photos keeper 0 1 --to node-b', 'several of them'],
        ['troupe shards move photos 3 --unpin', 'as if it had never been moved'],
      ]),
    )
    .action(async (dataset: string, named: readonly string[], options: MoveOptions, command: Command) => {
      const context = contextOf(command, environment);
      const { to, unpin } = options;
      if (to === undefined && unpin !== true) throw new UsageError('expected --to NODE or --unpin, got none');
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const records = await readCluster(system);
      const shards = [...new Set(named.map((name) => requireShard(records, dataset, name)))];
      const orders = new ShardOrders(system);
      if (to === undefined) {
        for (const shard of shards) await orders.move(shard, null);
        context.terminal.show({ dataset, shards, outcome: 'unpinned' }, () =>
          context.terminal.print(`balance decides again where ${shards.join(', ')} ${areOrIs(shards)}`),
        );
        return;
      }
      const { members } = clusterStatus(records);
      requireTaker(members, to, system.names.system);
      for (const shard of shards) await orders.move(shard, to);
      const standing = new Map(records.shards.map(({ id, record }) => [id, record]));
      const away = shards.filter((shard) => {
        const record = standing.get(shard);
        return record?.phase !== 'active' || record.owner !== to;
      });
      const { end, pending } =
        away.length === 0
          ? { end: 'nothing to do' as const, pending: [] }
          : await awaitShards(system, context, {
              shards: away,
              isDone: (record) => record?.phase === 'active' && record.owner === to,
              timeoutMs: waitMsOf(command, context),
              signal: environment.interruption(),
              check: (view) => takesNothing(view, to),
            });
      if (pending.length > 0) environment.setExitCode(ExitCode.no);
      context.terminal.show(
        { dataset, to, outcome: end, moved: away.filter(isNotIn(pending)), pending },
        () => {
          const { terminal } = context;
          if (end === 'nothing to do') {
            terminal.print(`nothing to do: ${shards.join(', ')} ${areOrIs(shards)} on ${to} already`);
          } else if (end === 'done') terminal.print(`${away.join(', ')} moved to ${to}`);
          else {
            const why = end === 'timeout' ? 'not done within the time' : 'interrupted';
            terminal.print(
              `${why}: ${pending.join(', ')} not moved yet; the move goes on, see troupe shards list`,
            );
          }
        },
      );
    });
}

/** The key of a dataset's shard by the word for it. @throws CommandError `unknown_shard` */
function requireShard({ shards }: ClusterRecords, dataset: string, name: string): string {
  const isName = name === 'keeper' || /^\d+$/.test(name);
  const key = isName ? shardKey({ dataset, shard: name === 'keeper' ? name : Number(name) }) : undefined;
  if (key !== undefined && shards.some(({ id }) => id === key)) return key;
  const numbers = shards
    .map(({ id }) => parseShardKey(id))
    .flatMap(({ dataset: of, shard }) => (of === dataset && shard !== 'keeper' ? [shard] : []));
  throw new CommandError(
    'unknown_shard',
    `unknown shard ${name} of ${dataset}: expected keeper or a number from ${Math.min(...numbers)} to ${Math.max(...numbers)}`,
  );
}

function areOrIs(shards: readonly string[]): string {
  return shards.length === 1 ? 'is' : 'are';
}

function isNotIn(pending: readonly string[]): (shard: string) => boolean {
  return (shard) => !pending.includes(shard);
}
