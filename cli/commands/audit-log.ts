// `troupe audit-log`: who has changed what in a system, with which result.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { eachMessage, sequenceSince } from '#nats';
import { type AuditedAction, actionsOf, decodeEntry, type StoredEntry } from '../audit-log/audit-entry.ts';
import { AUDITED_COMMANDS } from '../audit-log/audited-commands.ts';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { parseDurationMs, parseWholeNumber } from '../option-values.ts';

interface AuditLogOptions {
  readonly since?: number;
  readonly who?: string;
  readonly command?: string;
  readonly limit?: number;
}

export function registerAuditLog(program: Command, environment: CliEnvironment): void {
  program
    .command('audit-log')
    .description(
      'show who has changed what: datasets, manifests, erasures, dead letters, shards, models, the cache',
    )
    .addOption(
      new Option('--since <duration>', 'begin so long ago; default: with the oldest').argParser(
        parseDurationMs,
      ),
    )
    .option('--who <name>', 'only of this public key, user, or name given with --as')
    .addOption(
      new Option('--command <name>', 'only this command, such as "dataset set"').argParser(parseCommand),
    )
    .addOption(new Option('--limit <count>', 'only so many, the newest').argParser(parseWholeNumber(1)))
    .addHelpText(
      'after',
      examples([
        ['troupe audit-log', 'everything that was changed'],
        ['troupe audit-log --since 24h --who ada', 'what Ada has done since yesterday'],
        ['troupe audit-log --command erase --json', 'all erasures, for a report'],
      ]),
    )
    .action(async (options: AuditLogOptions, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      await using system = await ClientSystem.connect({ terminal, ...context });
      const all = await readActions(system, options.since);
      const { who, command: name, limit = all.length } = options;
      const actions = all
        .filter((action) => who === undefined || action.who === who || action.as === who)
        .filter((action) => name === undefined || action.command === name)
        .slice(-limit);
      terminal.show(actions, () => {
        if (actions.length === 0) return terminal.print('nothing was changed');
        terminal.table(
          [{ title: 'Time' }, { title: 'Who' }, { title: 'As' }, { title: 'Result' }, { title: 'What' }],
          actions.map((action) => [
            action.at.slice(0, 19),
            shortened(action.who),
            action.as ?? '',
            action.exitCode === null ? action.result : `${action.result} (${action.exitCode})`,
            [action.command, ...action.operands].join(' '),
          ]),
        );
      });
    });
}

async function readActions(
  { link, names }: ClientSystem,
  since: number | undefined,
): Promise<readonly AuditedAction[]> {
  const stream = names.streams.audit;
  const entries: StoredEntry[] = [];
  try {
    const fromSequence =
      since === undefined ? 1 : await sequenceSince(link, stream, link.clock.wallMs() - since);
    for await (const { subject, data, storedAt } of eachMessage(link, stream, { fromSequence })) {
      const entry = decodeEntry(data);
      // Second from the end, whatever the system is called: the server's permissions are about it.
      const who = subject.split('.').at(-2);
      if (entry !== undefined && who !== undefined) entries.push({ entry, who, storedAt });
    }
  } catch (cause) {
    if (!(cause instanceof Error) || !/stream not found/i.test(cause.message)) throw cause;
    const message = `the server keeps no audit log of the system ${names.system}: there is no stream ${stream}`;
    throw new CommandError('no_running_system', message, { cause });
  }
  return actionsOf(entries);
}

/** A public key by its beginning. */
function shortened(who: string): string {
  return /^U[A-Z2-7]{55}$/.test(who) ? `${who.slice(0, 12)}…` : who;
}

function parseCommand(text: string): string {
  if (AUDITED_COMMANDS.includes(text)) return text;
  throw new InvalidArgumentError(`Expected one of ${AUDITED_COMMANDS.join(', ')}, got "${text}".`);
}
