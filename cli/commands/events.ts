// `troupe events`: follows the supervision events of all nodes, from now on or from some time ago.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { globMatches } from '#actors';
import { followStream, sequenceSince, streamState } from '#nats';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { EVENT_KINDS } from '../events/event-catalogue.ts';
import { decodeEvent, type EventRecord, eventLine } from '../events/event-record.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { parseDurationMs, parseWholeNumber } from '../option-values.ts';

interface EventsOptions {
  readonly since?: number;
  readonly kind?: readonly string[];
  readonly node?: string;
  readonly actor?: string;
  readonly limit?: number;
}

export function registerEvents(program: Command, environment: CliEnvironment): void {
  program
    .command('events')
    .description(
      'follow supervision events of all nodes until Ctrl-C: crashes, restarts, escalations, breakers',
    )
    .addOption(
      new Option(
        '--since <duration>',
        'begin so long ago (they are kept for 7 days); default: now',
      ).argParser(parseDurationMs),
    )
    .addOption(
      new Option('--kind <kind>', 'only this kind; may be given again, or several with commas').argParser(
        parseKinds,
      ),
    )
    .option('--node <name>', 'only of this node')
    .option('--actor <glob>', 'only of paths that match, such as "photos/intake/*"')
    .addOption(new Option('--limit <count>', 'end after so many').argParser(parseWholeNumber(1)))
    .addHelpText(
      'after',
      examples([
        ['troupe events', 'what happens from now on'],
        [
          'troupe events --since 1h --kind crashed,escalated',
          'what went wrong in the last hour, and goes on to',
        ],
        ['troupe events --actor "photos/embedding/*"', 'one part of the tree'],
        [
          'troupe events --kind breaker --limit 1 --json',
          'wait in a script for the next change of a breaker',
        ],
      ]),
    )
    .action(async (options: EventsOptions, command: Command) => {
      const { terminal } = contextOf(command, environment);
      const interrupted = environment.interruption();
      await using system = await ClientSystem.connect(contextOf(command, environment));
      let left = options.limit ?? Number.POSITIVE_INFINITY;
      for await (const event of eventsOf(system, options, interrupted)) {
        if (terminal.json) terminal.printJsonLine(event);
        else terminal.print(eventLine(event));
        left -= 1;
        if (left <= 0) return;
      }
    });
}

async function* eventsOf(
  { link, names }: ClientSystem,
  { since, kind, node, actor }: EventsOptions,
  signal: AbortSignal,
): AsyncGenerator<EventRecord, void> {
  const stream = names.streams.events;
  const { lastSequence } = await streamState(link, stream).catch((cause: unknown) => {
    if (!(cause instanceof Error) || cause.name !== 'StreamNotFoundError') throw cause;
    const message = `the server holds no system ${names.system}: there is no stream ${stream}`;
    throw new CommandError('no_running_system', message, { cause });
  });
  const fromSequence =
    since === undefined ? lastSequence + 1 : await sequenceSince(link, stream, link.clock.wallMs() - since);
  const subject = names.subjects.allEvents;
  for await (const { data } of followStream(link, stream, { subject, fromSequence, signal })) {
    const event = decodeEvent(data);
    if (event === undefined) continue;
    const { type, path } = event;
    const isWanted =
      (kind === undefined || kind.includes(type)) &&
      (node === undefined || node === event.node) &&
      (actor === undefined || globMatches(actor, path));
    if (isWanted) yield event;
  }
}

function parseKinds(text: string, former: readonly string[] = []): readonly string[] {
  const kinds = text.split(',').map((kind) => kind.trim());
  const known = Object.keys(EVENT_KINDS);
  const unknown = kinds.find((kind) => !known.includes(kind));
  if (unknown === undefined) return [...former, ...kinds];
  throw new InvalidArgumentError(`Expected one of ${known.join(', ')}, got "${unknown}".`);
}
