// `troupe dead`: what could not be handled, why, and its original message; to retry it, or to delete it for good.
import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { MAX_PERSON_LENGTH } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError, UsageError } from '../command-error.ts';
import { DEAD_LETTER_REASONS } from '../error-catalogue.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { type DeadLetter, DeadLetters, deadLetter, type LetterResult } from '../node/dead-letters.ts';
import { parseWholeNumber } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

export function registerDead(program: Command, environment: CliEnvironment): void {
  const dead = program.command('dead').description('list, show, retry and purge dead letters');
  registerList(dead, environment);
  registerShow(dead, environment);
  registerRetry(dead, environment);
  registerPurge(dead, environment);
}

function registerList(dead: Command, environment: CliEnvironment): void {
  dead
    .command('list')
    .description('list dead letters with their reasons')
    .argument('<dataset>', 'name of the dataset')
    .option('--reason <code>', 'only those with this reason', parseReason)
    .addHelpText(
      'after',
      examples([
        ['troupe dead list photos', 'number, sequence, stage, reason, and id or URI'],
        ['troupe dead list photos --reason not_found', 'what could not be found'],
      ]),
    )
    .action(async (dataset: string, options: { readonly reason?: string }, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const letters: DeadLetter[] = [];
      const reason = options.reason === undefined ? {} : { reason: options.reason };
      for await (const message of new DeadLetters({ system, dataset }).read(reason)) {
        letters.push(deadLetter(message));
      }
      context.terminal.show(letters, () => {
        if (letters.length === 0) return context.terminal.print(`no dead letters in ${dataset}`);
        context.terminal.table(
          [
            { title: 'Letter', align: 'right' },
            { title: 'Sequence', align: 'right' },
            { title: 'Stage' },
            { title: 'Reason' },
            { title: 'Id or URI' },
          ],
          letters.map(({ letter, sequence, stage, reason: code, id, uri }) => [
            letter,
            sequence,
            stage,
            code,
            id ?? uri ?? '',
          ]),
        );
      });
    });
}

function registerShow(dead: Command, environment: CliEnvironment): void {
  dead
    .command('show')
    .description('show one dead letter; write its original bytes with --out')
    .argument('<dataset>', 'name of the dataset')
    .argument('<letter>', 'number of the letter, as listed', parseWholeNumber(1))
    .option('-o, --out <file>', 'write the original message body to a file')
    .addHelpText('after', examples([['troupe dead show photos 3 -o broken.jpg', 'keep what was published']]))
    .action(async (dataset: string, letter: number, options: { readonly out?: string }, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const message = await new DeadLetters({ system, dataset }).at(letter);
      if (message === undefined)
        throw new CommandError('unknown_letter', `no dead letter ${letter} in ${dataset}`);
      if (options.out !== undefined) await writeFile(options.out, message.data);
      const shown = deadLetter(message);
      context.terminal.show({ ...shown, headers: message.headers() }, () => {
        for (const [name, value] of Object.entries(shown)) context.terminal.print(`${name}: ${value ?? ''}`);
        const known = Object.entries(DEAD_LETTER_REASONS).find(([code]) => code === shown.reason)?.[1];
        if (known !== undefined) context.terminal.print(`${known.meaning} ${known.remedy}`);
      });
    });
}

function registerRetry(dead: Command, environment: CliEnvironment): void {
  selecting(dead.command('retry'))
    .description('publish the original messages of dead letters again; each becomes a new sequence')
    .addHelpText(
      'after',
      examples([
        ['troupe dead retry photos 3 4', 'two letters, by their numbers as listed'],
        ['troupe dead retry photos --all --reason not_found', 'after the files are back'],
      ]),
    )
    .action(async (dataset: string, letters: readonly number[], options: Selecting, command: Command) => {
      const context = contextOf(command, environment);
      const selection = selectionOf(letters, options);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const results = await collect(new DeadLetters({ system, dataset }).retry(selection));
      report(context.terminal, environment, selection, results);
    });
}

function registerPurge(dead: Command, environment: CliEnvironment): void {
  selecting(dead.command('purge'))
    .description('delete dead letters for good; the ledger records by whom')
    .requiredOption('--by <who>', 'who decides this: a name or an address', parsePerson)
    .addHelpText(
      'after',
      examples([
        ['troupe dead purge photos 3 --by ada', 'its sequence is then accounted for as purged by ada'],
        ['troupe dead purge photos --all --reason corrupt_image --by ada', 'all with one reason'],
      ]),
    )
    .action(
      async (
        dataset: string,
        letters: readonly number[],
        options: Selecting & { readonly by: string },
        command: Command,
      ) => {
        const context = contextOf(command, environment);
        const selection = selectionOf(letters, options);
        await using system = await ClientSystem.connect(context);
        await system.requireDataset(dataset);
        const purge = new DeadLetters({ system, dataset }).purge({ ...selection, by: options.by });
        report(context.terminal, environment, selection, await collect(purge));
      },
    );
}

interface Selecting {
  readonly all?: boolean;
  readonly reason?: string;
}

interface Selection {
  readonly letters?: readonly number[];
  readonly reason?: string;
}

function selecting(command: Command): Command {
  return command
    .argument('<dataset>', 'name of the dataset')
    .argument('[letters...]', 'numbers of the letters, as listed', collectNumbers)
    .option('--all', 'all letters that are there now')
    .option('--reason <code>', 'only those with this reason', parseReason);
}

function selectionOf(letters: readonly number[], { all = false, reason }: Selecting): Selection {
  if (all === letters.length > 0) {
    throw new UsageError('expected either numbers of dead letters or --all, not both and not neither');
  }
  return { ...(all ? {} : { letters }), ...(reason === undefined ? {} : { reason }) };
}

/** Prints what became of each letter; exit code 1 unless all that were named could be handled. */
function report(
  terminal: Terminal,
  environment: CliEnvironment,
  { letters, reason }: Selection,
  results: readonly LetterResult[],
): void {
  const found = new Set(results.map(({ letter }) => letter));
  const matching = reason === undefined ? '' : ` with the reason ${reason}`;
  const absent = (letters ?? []).filter((letter) => !found.has(letter));
  terminal.show({ results, absent }, () => {
    for (const { letter, sequence, result, as, why } of results) {
      const done = as === undefined ? result : `${result} as ${as}`;
      const because = why === undefined ? '' : `: ${why}`;
      terminal.print(`letter ${letter}, sequence ${sequence}: ${done}${because}`);
    }
    for (const letter of absent) terminal.print(`letter ${letter}: there is none${matching}`);
    if (results.length === 0 && absent.length === 0) terminal.print(`no dead letters${matching}`);
  });
  const isAll = absent.length === 0 && results.every(({ result }) => result !== 'skipped');
  if (!isAll) environment.setExitCode(ExitCode.no);
}

async function collect(results: AsyncIterable<LetterResult>): Promise<readonly LetterResult[]> {
  const all: LetterResult[] = [];
  for await (const result of results) all.push(result);
  return all;
}

function collectNumbers(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseWholeNumber(1)(text)];
}

function parseReason(text: string): string {
  if (Object.hasOwn(DEAD_LETTER_REASONS, text)) return text;
  throw new InvalidArgumentError(
    `Expected one of ${Object.keys(DEAD_LETTER_REASONS).sort().join(', ')}, got "${text}".`,
  );
}

function parsePerson(text: string): string {
  const who = text.trim();
  if (who !== '' && who.length <= MAX_PERSON_LENGTH && !/\p{Cc}/u.test(who)) return who;
  throw new InvalidArgumentError(`Expected a name of at most ${MAX_PERSON_LENGTH} characters.`);
}
