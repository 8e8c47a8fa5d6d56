// The `troupe` command with the options that all commands share. Each command registers itself from its own file in
// `commands/`.
import { Command, CommanderError, Option } from 'commander';
import { AuditTrail } from './audit-log/audit-trail.ts';
import type { CliEnvironment } from './command-environment.ts';
import { CommandError, UsageError } from './command-error.ts';
import { registerAudit } from './commands/audit.ts';
import { registerAuditLog } from './commands/audit-log.ts';
import { registerCache } from './commands/cache.ts';
import { registerCalibrate } from './commands/calibrate.ts';
import { registerConfig } from './commands/config.ts';
import { registerDataset } from './commands/dataset.ts';
import { registerDead } from './commands/dead.ts';
import { registerDemo } from './commands/demo.ts';
import { registerErase } from './commands/erase.ts';
import { registerEvents } from './commands/events.ts';
import { registerExplain } from './commands/explain.ts';
import { registerHash } from './commands/hash.ts';
import { registerInit } from './commands/init.ts';
import { registerManifest } from './commands/manifest.ts';
import { registerModel } from './commands/model.ts';
import { registerPublish } from './commands/publish.ts';
import { registerReport } from './commands/report.ts';
import { registerSecure } from './commands/secure.ts';
import { registerShards } from './commands/shards.ts';
import { registerStatus } from './commands/status.ts';
import { registerUp } from './commands/up.ts';
import { ExitCode } from './exit-code.ts';
import { examples } from './help.ts';
import { parseDurationMs } from './option-values.ts';
import { Terminal } from './terminal.ts';

/** Adds one command (with its subcommands) to the program. */
export type Register = (program: Command, environment: CliEnvironment) => void;

/** Every command, in the order of the help. */
const COMMANDS: readonly Register[] = [
  registerDemo,
  registerInit,
  registerUp,
  registerPublish,
  registerStatus,
  registerEvents,
  registerAuditLog,
  registerDataset,
  registerManifest,
  registerExplain,
  registerAudit,
  registerErase,
  registerReport,
  registerCalibrate,
  registerDead,
  registerShards,
  registerModel,
  registerCache,
  registerSecure,
  registerHash,
  registerConfig,
];

/**
 * Builds the program; it writes to the environment's streams and never ends the process. `json`: what is wrong with a command
 * line is told by who runs it, not as text.
 */
export function buildProgram(
  environment: CliEnvironment,
  { json = false }: { readonly json?: boolean } = {},
): Command {
  const program = new Command('troupe')
    .description('Turns a stream of images into a clean, deduplicated, scored and versioned dataset.')
    .version(environment.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => environment.stdout.write(text),
      writeErr: (text) => {
        if (!json) environment.stderr.write(text);
      },
      getOutHelpWidth: () => environment.stdout.columns ?? 100,
      getErrHelpWidth: () => environment.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .option('--config <file>', 'configuration file (default: troupe.yaml here)')
    .option('-s, --server <url>', 'NATS server, or NATS_URL (default: the running laptop system)')
    .option('--creds <file>', 'credentials file, or NATS_CREDS')
    .option('--user <name>', 'user, or NATS_USER')
    .option('--password <text>', 'password, or NATS_PASSWORD')
    .option('--token <text>', 'token, or NATS_TOKEN')
    .option('--nkey <file>', 'NKEY seed file, or NATS_NKEY')
    .option('--tls-ca <file>', 'certificate of the authority to trust, or NATS_CA')
    .option('--tls-cert <file>', 'certificate of this client, or NATS_CERT')
    .option('--tls-key <file>', 'its private key, or NATS_KEY')
    .option('--context <name>', 'context of the nats CLI, or NATS_CONTEXT')
    .addOption(
      new Option('--timeout <duration>', 'longest wait for an answer')
        .argParser(parseDurationMs)
        .default(5000, '5s'),
    )
    .option('--as <who>', 'who acts, for the audit log beside the key that the server knows, or TROUPE_AS')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      examples([
        ['troupe demo', 'see the main job done on generated images'],
        ['troupe up', 'run a system here'],
        ['troupe publish photos ~/Pictures --wait', 'give it a folder'],
        ['troupe manifest cut photos', 'get a version of the dataset'],
        ['troupe --help', 'and `troupe COMMAND --help` for each command'],
      ]),
    );
  for (const register of COMMANDS) register(program, environment);
  return program;
}

/** Runs one command line (without node and script). Never rejects: errors are printed and become the exit code. */
export async function runProgram(args: readonly string[], outer: CliEnvironment): Promise<void> {
  const trail = new AuditTrail(outer.clock);
  const environment: CliEnvironment = {
    ...outer,
    trail,
    setExitCode(code) {
      trail.exits(code);
      outer.setExitCode(code);
    },
  };
  await runCommand(args, environment);
  const untold = await trail.close();
  if (untold !== undefined)
    environment.stderr.write(`the audit log does not tell how this ended: ${untold}\n`);
}

async function runCommand(args: readonly string[], environment: CliEnvironment): Promise<void> {
  const json = args.includes('--json');
  const { stdout, stderr, clock, env } = environment;
  const fail = (error: unknown): void => {
    environment.setExitCode(new Terminal({ stdout, stderr, clock, env, json }).fail(error));
  };
  try {
    await buildProgram(environment, { json }).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are answers, everything else is a wrong command line; Commander has printed both as text.
      if (error.exitCode === 0) return;
      if (json) fail(usageOf(error));
      else environment.setExitCode(ExitCode.usage);
      return;
    }
    if (error instanceof Error && error.name === 'AbortError' && environment.interruption().aborted) {
      if (json) fail(new CommandError('interrupted', 'interrupted', { cause: error }));
      else {
        environment.stderr.write('interrupted\n');
        environment.setExitCode(ExitCode.no);
      }
      return;
    }
    fail(error);
  }
}

/** What Commander found wrong with a command line. */
function usageOf(error: CommanderError): UsageError {
  if (error.code === 'commander.help') return new UsageError('expected a command, got none that is known');
  return new UsageError(error.message.replace(/^error: /, '').replaceAll('\n', ' '), { cause: error });
}
