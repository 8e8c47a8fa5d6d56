// What every command is given: the process it runs in and, per run, the terminal, the options that all commands
// share, the configuration and the server's address.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Clock } from '#runtime';
import type { AuditTrail } from './audit-log/audit-trail.ts';
import { type LoadedConfig, loadConfig } from './config/index.ts';
import type { ExitCode } from './exit-code.ts';
import { resolveServerAddress, type ServerAddress, type ServerOptions } from './server-address.ts';
import { type OutputStream, Terminal } from './terminal.ts';

/** The process as commands see it; tests give their own. */
export interface CliEnvironment {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly clock: Clock;
  /** The version of this program. */
  readonly version: string;
  /** Sets the exit code of the process; without it a command that returns is good. */
  setExitCode(code: ExitCode): void;
  /** What the audit log is told of this command line; the program gives it to its commands. */
  readonly trail?: AuditTrail;
  /**
   * Aborts at the first Ctrl-C or SIGTERM, or when the process that supervises this one is gone. Asking for it takes the
   * signals over from Node, which else ends the process; a second signal then ends it at once.
   */
  interruption(): AbortSignal;
  /**
   * Ends the process with `code` after `limitMs`, whatever it does then, unless it has ended by itself before. First
   * calls `tell` with what keeps the process open, by the names of Node.
   */
  endAfter(limitMs: number, code: ExitCode, tell: (open: readonly string[]) => void): void;
}

/** Options that every command takes. */
export interface GlobalOptions extends ServerOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Who acts, for the audit log. */
  readonly as?: string;
  /** Longest wait for an answer, in ms. */
  readonly timeout: number;
}

/** One run of a command. */
export interface CommandContext {
  readonly options: GlobalOptions;
  readonly terminal: Terminal;
  /** What the audit log is told of it. */
  readonly trail: AuditTrail | undefined;
  /** The configuration; read at the first call. @throws ConfigError */
  config(): LoadedConfig;
  /** The server to talk to, or the one at `url` with the same credentials. @throws UsageError, CommandError `no_running_system` */
  server(url?: string): ServerAddress;
}

/** The context of a command that commander is about to run. */
export function contextOf(command: Command, environment: CliEnvironment): CommandContext {
  const options = command.optsWithGlobals<GlobalOptions>();
  const { stdout, stderr, clock, env, cwd } = environment;
  environment.trail?.runs(command, options.as ?? env.TROUPE_AS ?? env.USER ?? null);
  let loaded: LoadedConfig | undefined;
  const config = (): LoadedConfig => {
    loaded ??= loadConfig({ ...(options.config === undefined ? {} : { file: options.config }), cwd, env });
    return loaded;
  };
  return {
    options,
    terminal: new Terminal({ stdout, stderr, clock, env, json: options.json ?? false }),
    trail: environment.trail,
    config,
    server: (url) => {
      const flags = url === undefined ? options : { ...options, server: url };
      return resolveServerAddress({ flags, env, dataDir: config().dataDir, readText });
    },
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'ENOTDIR'
    ) {
      return undefined;
    }
    throw error;
  }
}
