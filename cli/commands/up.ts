// `troupe up`: runs a node until it is interrupted, with an embedded nats-server unless one is named.
import type { Command } from 'commander';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { reportLines } from '../node/escalation-report.ts';
import { LaptopSystem } from '../node/laptop-system.ts';
import { nodeLog } from '../node/node-log.ts';
import type { NodeEnd } from '../node/running-node.ts';
import type { ServerAddress } from '../server-address.ts';
import type { Terminal } from '../terminal.ts';

export function registerUp(program: Command, environment: CliEnvironment): void {
  program
    .command('up')
    .description('run a node: with an embedded nats-server, or on the one that --server or NATS_URL names')
    .addHelpText(
      'after',
      examples([
        ['troupe up', 'the laptop system of this folder; Ctrl-C drains and stops it'],
        ['troupe up --server nats://10.0.0.1:4222 --creds node.creds', 'on your own NATS server'],
        ['TROUPE_LOG=debug troupe up', 'with more of a log'],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      const interrupted = environment.interruption();
      const server = namedServer(context, environment);
      const system = await LaptopSystem.start({
        config: context.config(),
        log: nodeLog(environment.env, 'info'),
        env: environment.env,
        version: environment.version,
        ...(server === undefined ? {} : { server }),
      });
      announce(context, system);
      const end = await Promise.race([system.ended, aborted(interrupted)]);
      if (end === undefined) context.terminal.note('draining; Ctrl-C again ends at once');
      await system.stop(end);
      if (end !== undefined) {
        explainEnd(context.terminal, end);
        environment.setExitCode(ExitCode.no);
      }
    });
}

/** On standard error, where errors go; with `--json` as one line. */
function explainEnd(terminal: Terminal, end: NonNullable<NodeEnd>): void {
  if (end.reason === 'restart_intensity') {
    if (terminal.json) terminal.note(JSON.stringify(end.report));
    else for (const line of reportLines(end.report)) terminal.note(line);
  } else {
    terminal.note(`the node ended (${end.reason}): ${end.error.message}`);
  }
}

/** A server that flags or variables name; the laptop's own is not one of them. */
function namedServer(context: CommandContext, environment: CliEnvironment): ServerAddress | undefined {
  const named =
    context.options.server ??
    context.options.context ??
    environment.env.NATS_URL ??
    environment.env.NATS_CONTEXT;
  return named === undefined || named === '' ? undefined : context.server();
}

function announce({ terminal, config }: CommandContext, { address, node }: LaptopSystem): void {
  const { system } = config().config;
  const { url, token, version, origin } = address;
  const subjects = node.datasets.map((dataset) => `${system}.intake.${dataset}`);
  terminal.show({ node: node.name, url, token, natsServer: version, origin, datasets: node.datasets }, () => {
    terminal.print(`node ${node.name} is up: nats-server ${version} (${origin})`);
    terminal.print(`server   ${url}`);
    if (token !== undefined) terminal.print(`token    ${token}`);
    for (const subject of subjects) terminal.print(`publish  ${subject}`);
  });
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
