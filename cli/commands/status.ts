// `troupe status`: the nodes with their supervision trees and breakers, and how far each dataset is; once, or again and
// again until it is interrupted.
import { type Command, Option } from 'commander';
import { pause } from '#runtime';
import { type CliEnvironment, type CommandContext, contextOf } from '../command-environment.ts';
import { ExitCode, failureOf } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { readStatus, type SystemStatus } from '../node/system-status.ts';
import { parseDurationMs } from '../option-values.ts';
import { renderScreen, renderStatus } from '../status/render-status.ts';
import { harmless } from '../terminal.ts';

/** Whoever asks for the status wants to know soon that a cluster of servers has no leader. */
const PATIENCE_MS = 8_000;

interface StatusOptions {
  readonly watch?: boolean;
  readonly interval: number;
}

export function registerStatus(program: Command, environment: CliEnvironment): void {
  program
    .command('status')
    .description(
      'show nodes, supervision trees, breakers, queues, what limits the throughput, and manifests; exit code 1 when degraded',
    )
    .option('-w, --watch', 'show it again and again until Ctrl-C: a live screen, or one JSON line each time')
    .addOption(
      new Option('--interval <duration>', 'time between two looks of --watch')
        .argParser(parseDurationMs)
        .default(2000, '2s'),
    )
    .addHelpText(
      'after',
      examples([
        [
          'troupe status',
          'trees, breakers, Unprocessed, Ack Pending, Redelivered, verdicts, the limiting stage and what to change',
        ],
        ['troupe status --watch', 'a live screen; Ctrl-C ends it'],
        ['troupe status --json', 'for scripts'],
        ['troupe status --watch --interval 10s --json', 'one line of JSON every 10 seconds'],
      ]),
    )
    .action(async (options: StatusOptions, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context, { patienceMs: PATIENCE_MS });
      if (options.watch === true) {
        await watch(context, environment, options.interval, () => readStatus(system));
        return;
      }
      const { terminal } = context;
      const status = await readStatus(system);
      terminal.show(status, () => {
        for (const line of renderStatus(status, (style, text) => terminal.style(style, text))) {
          terminal.print(line);
        }
      });
      if (status.problems.length > 0) environment.setExitCode(ExitCode.no);
    });
}

/** Looks again and again; a look that fails is shown as such, as the server may be back at the next one. */
async function watch(
  { terminal }: CommandContext,
  { clock, interruption }: CliEnvironment,
  intervalMs: number,
  look: () => Promise<SystemStatus>,
): Promise<void> {
  const interrupted = interruption();
  using screen = terminal.liveScreen();
  const paint = terminal.style.bind(terminal);
  const head = (atMs: number) => {
    const time = new Date(atMs).toISOString().slice(11, 19);
    return paint('dim', `${time} UTC, every ${intervalMs / 1000} s; Ctrl-C ends`);
  };
  while (!interrupted.aborted) {
    const beganMs = clock.monotonicMs();
    try {
      const status = await untilAborted(look(), interrupted);
      if (status === undefined) break;
      if (screen === undefined) terminal.printJsonLine(status);
      else screen.draw([head(status.atMs), ...renderScreen(status, paint)].map(harmless));
    } catch (error) {
      const { code, message } = failureOf(error);
      const atMs = clock.wallMs();
      if (screen === undefined) terminal.printJsonLine({ atMs, error: code, message });
      else screen.draw([head(atMs), paint('red', harmless(`${code}: ${message}`))]);
    }
    await pause(clock, Math.max(0, beganMs + intervalMs - clock.monotonicMs()), interrupted);
  }
}

/** What the look resolves to; undefined when the signal aborts first. */
function untilAborted<T>(looking: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  // The look goes on without us; whatever it comes to concerns nobody any more.
  looking.catch(() => undefined).finally(() => signal.removeEventListener('abort', stop));
  return Promise.race([looking, promise]);
}
