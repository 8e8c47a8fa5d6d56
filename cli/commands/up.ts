// `troupe up`: runs a node until it is interrupted, with an embedded nats-server unless one is named, or beside the nodes
// of a system that is there.
import type { Command } from 'commander';
import { aborted } from '../aborted.ts';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { type CommandError, UsageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { Ending } from '../node/ending.ts';
import { reportLines } from '../node/escalation-report.ts';
import { durabilityFrom, NodeGroup, STOP_GRACE_MS } from '../node/group/node-group.ts';
import { type LaptopOptions, LaptopSystem } from '../node/laptop-system.ts';
import type { NodeEnd } from '../node/node-end.ts';
import { addNodeFlags, groupArguments, type NodeFlags, withNodeFlags } from '../node/node-flags.ts';
import { nodeLog } from '../node/node-log.ts';
import type { SystemMode } from '../node/prepare-system.ts';
import type { LaptopAddress } from '../node/system-server.ts';
import { parseWholeNumber } from '../option-values.ts';
import type { ServerAddress } from '../server-address.ts';
import type { Terminal } from '../terminal.ts';

interface UpOptions extends NodeFlags {
  readonly join?: string;
  readonly nodes?: number;
}

export function registerUp(program: Command, environment: CliEnvironment): void {
  const up = program
    .command('up')
    .description(
      'run a node: with an embedded nats-server, on the server that --server or NATS_URL names, or as one more node of a system (--join)',
    )
    .option(
      '--join <url>',
      'join the system on this NATS server as one more node; the datasets are those recorded there',
    );
  addNodeFlags(up)
    .option(
      '--nodes <number>',
      'so many nodes, each a process of its own that is started again when it ends',
      parseWholeNumber(1),
    )
    .addHelpText(
      'after',
      examples([
        ['troupe up', 'the laptop system of this folder; Ctrl-C drains and stops it'],
        [
          'troupe up --server nats://10.0.0.1:4222 --creds node.creds',
          'the first node of a system on your own NATS server',
        ],
        ['troupe up --join nats://10.0.0.1:4222 --creds node.creds', 'one more node of that system'],
        [
          'troupe up --join nats://10.0.0.1:4222 --roles ingest,embed',
          'one that fetches, decodes and embeds only',
        ],
        [
          'troupe up --join nats://10.0.0.1:4222 --name big --weight 4',
          'one that owns four times as many shards',
        ],
        ['troupe up --http 9464', 'with http://127.0.0.1:9464/metrics, /health/live and /health/ready'],
        ['troupe up --server nats://10.0.0.1:4222 --no-provision', 'on streams that others have made'],
        ['troupe up --nodes 3', 'three nodes on this machine: node-1, node-2, node-3'],
        ['TROUPE_LOG=debug troupe up', 'with more of a log'],
      ]),
    )
    .action(async (options: UpOptions, command: Command) => {
      const context = contextOf(command, environment);
      const server = namedServer(context, environment, options);
      const start = {
        config: withNodeFlags(context.config(), options),
        log: nodeLog(environment.env, 'info'),
        env: environment.env,
        version: environment.version,
        mode: options.join === undefined ? ('create' as const) : ('join' as const),
        ...(server === undefined ? {} : { server }),
      };
      const end =
        options.nodes === undefined
          ? await runNode(context, environment, start)
          : await runGroup(context, environment, { ...start, nodes: options.nodes, flags: options });
      if (end !== undefined) environment.setExitCode(ExitCode.no);
    });
}

/** Runs one node until it is interrupted or ends by itself; then resolves to why, also where a drain was cut short. */
async function runNode(
  context: CommandContext,
  environment: CliEnvironment,
  start: LaptopOptions,
): Promise<NodeEnd> {
  const signal = environment.interruption();
  const ending = boundedEnding(environment, start);
  signal.addEventListener('abort', () => ending.begin(), { once: true });
  const durability = durabilityFrom(environment.env);
  const system = await ending.waitFor(
    'start of the node',
    LaptopSystem.start({ ...start, ...(durability !== undefined && { durability }), ending, signal }),
  );
  const { node } = system;
  const http = node.httpUrl === undefined ? [] : [node.httpUrl];
  announce(context, system.address, { node: node.name }, { datasets: node.datasets, http });
  const end = await Promise.race([system.ended, aborted(signal)]);
  if (end === undefined) context.terminal.note('draining; Ctrl-C again ends at once');
  const over = await system.stop(end);
  if (over !== undefined) explainEnd(context.terminal, over);
  return over;
}

/** Time that a node needs beyond that to end an embedded server. */
const SERVER_STOP_MS = 35_000;

/**
 * The end of a node that comes in any case: nobody may be left who would end its process, the one above it being gone.
 * Whatever it still waits for then is told and given up; what it had in hand comes again elsewhere.
 */
function boundedEnding(environment: CliEnvironment, { config, log, server }: LaptopOptions): Ending {
  const limitMs = config.config.node.drainMs + STOP_GRACE_MS + (server === undefined ? SERVER_STOP_MS : 0);
  return new Ending((ending) => {
    environment.endAfter(limitMs, ExitCode.no, (open) => {
      log.error(
        { limitMs, waitsFor: ending.pending, open },
        'the node did not end in time, so its process ends now',
      );
    });
  });
}

/** Runs several nodes; resolves as `runNode`. */
async function runGroup(
  context: CommandContext,
  environment: CliEnvironment,
  start: LaptopOptions & { readonly mode: SystemMode; readonly nodes: number; readonly flags: NodeFlags },
): Promise<CommandError | undefined> {
  const { terminal, options } = context;
  const interrupted = environment.interruption();
  const group = await NodeGroup.start({
    ...start,
    cwd: environment.cwd,
    args: [
      ...(options.config === undefined ? [] : ['--config', options.config]),
      ...(options.context === undefined ? [] : ['--context', options.context]),
      ...groupArguments(start.flags),
    ],
    onLine: (node, line) => terminal.note(`${node} | ${line}`),
    signal: interrupted,
  });
  announce(
    context,
    group.address,
    { nodes: group.nodes },
    { datasets: group.datasets, http: group.httpUrls },
  );
  const end = await Promise.race([group.ended, aborted(interrupted)]);
  if (end === undefined) terminal.note('draining the nodes, the last one first; Ctrl-C again ends at once');
  await group.stop();
  if (end !== undefined) terminal.fail(end);
  return end;
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

/**
 * A server that flags or variables name; the laptop's own is not one of them.
 * @throws UsageError for --join beside --server or --context
 */
function namedServer(
  context: CommandContext,
  environment: CliEnvironment,
  { join }: UpOptions,
): ServerAddress | undefined {
  const { server, context: natsContext } = context.options;
  if (join !== undefined) {
    if (server !== undefined) {
      throw new UsageError('expected --join or --server, got both: --server names where a system is made');
    }
    return { ...context.server(join), origin: '--join' };
  }
  const named = server ?? natsContext ?? environment.env.NATS_URL ?? environment.env.NATS_CONTEXT;
  return named === undefined || named === '' ? undefined : context.server();
}

function announce(
  { terminal, config }: CommandContext,
  { url, token, version, origin }: LaptopAddress,
  who: { readonly node: string } | { readonly nodes: readonly string[] },
  { datasets, http }: { readonly datasets: readonly string[]; readonly http: readonly string[] },
): void {
  const { system } = config().config;
  terminal.show({ ...who, url, token, natsServer: version, origin, datasets, http }, () => {
    const names = 'node' in who ? `node ${who.node} is up` : `nodes ${who.nodes.join(', ')} are up`;
    terminal.print(`${names}: nats-server ${version} (${origin})`);
    terminal.print(`server   ${url}`);
    if (token !== undefined) terminal.print(`token    ${token}`);
    for (const url of http) terminal.print(`metrics  ${url}/metrics`);
    for (const dataset of datasets) terminal.print(`publish  ${system}.intake.${dataset}`);
  });
}
