// `troupe status`: the nodes with their supervision trees, and how far each dataset is.
import type { Command } from 'commander';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { type DatasetStatus, type NodeStatus, readStatus, type SystemStatus } from '../node/system-status.ts';
import type { Terminal } from '../terminal.ts';

export function registerStatus(program: Command, environment: CliEnvironment): void {
  program
    .command('status')
    .description('show nodes, supervision trees, queues and manifests; exit code 1 when degraded')
    .addHelpText(
      'after',
      examples([
        ['troupe status', 'trees, Unprocessed, Ack Pending, Redelivered, verdicts'],
        ['troupe status --json', 'for scripts'],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const status = await readStatus(system);
      context.terminal.show(status, () => printStatus(context.terminal, status));
      if (status.problems.length > 0) environment.setExitCode(ExitCode.no);
    });
}

function printStatus(terminal: Terminal, status: SystemStatus): void {
  const missing = status.server.degraded.length === 0 ? '' : `, without ${status.server.degraded.join(', ')}`;
  terminal.print(`system ${status.system} on nats-server ${status.server.version}${missing}`);
  for (const node of status.nodes) printNode(terminal, node);
  for (const dataset of status.datasets) printDataset(terminal, dataset);
  for (const problem of status.problems) terminal.print(terminal.style('red', `problem: ${problem}`));
}

const DURABILITY: Readonly<Record<string, string>> = {
  process: 'durability: survives every crash of processes (`durability: disk` also survives a loss of power)',
  disk: 'durability: every write is on disk before it is acknowledged',
  external: 'durability: as the named NATS server is configured',
};

function printNode(terminal: Terminal, node: NodeStatus): void {
  terminal.print('');
  terminal.print(
    terminal.style('bold', `node ${node.name}, version ${node.version}, up since ${node.started}`),
  );
  terminal.print(`  ${DURABILITY[node.durability] ?? node.durability}`);
  for (const { depth, name, state, restarts, waiting, failure } of node.actors) {
    const extra = [
      restarts > 0 ? `${restarts} restarts` : '',
      waiting > 0 ? `${waiting} waiting` : '',
      failure === undefined ? '' : `last failure ${failure}`,
    ].filter((part) => part !== '');
    terminal.print(
      `${'  '.repeat(depth + 1)}${name}  ${state}${extra.length > 0 ? `  (${extra.join(', ')})` : ''}`,
    );
  }
}

function printDataset(terminal: Terminal, dataset: DatasetStatus): void {
  terminal.print('');
  const head =
    dataset.head === null
      ? 'no manifest yet'
      : `HEAD is manifest ${dataset.head.number}, ${dataset.head.digest.slice(0, 16)}`;
  terminal.print(terminal.style('bold', `dataset ${dataset.name}: ${dataset.published} published, ${head}`));
  terminal.table(
    [
      { title: 'Stage' },
      { title: 'Unprocessed', align: 'right' },
      { title: 'Ack Pending', align: 'right' },
      { title: 'Redelivered', align: 'right' },
    ],
    dataset.stages.map(({ stage, unprocessed, ackPending, redelivered }) => [
      stage,
      unprocessed,
      ackPending,
      redelivered,
    ]),
  );
  if (dataset.verdicts !== null) {
    const counts = Object.entries(dataset.verdicts).map(([verdict, count]) => `${count} ${verdict}`);
    terminal.print(
      `verdicts: ${counts.join(', ')}; dead letters: ${dataset.deadLetters}; keeper epoch ${dataset.keeperEpoch}`,
    );
  }
}
