// `troupe dead`: dead letters with their reasons, and the original message of each.
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { eachMessage, messageAt, type StoredMessage } from '#nats';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { DEAD_LETTER_REASONS } from '../error-catalogue.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { parseWholeNumber } from '../option-values.ts';

export function registerDead(program: Command, environment: CliEnvironment): void {
  const dead = program.command('dead').description('look at dead letters');
  dead
    .command('list')
    .description('list dead letters with their reasons')
    .argument('<dataset>', 'name of the dataset')
    .addHelpText('after', examples([['troupe dead list photos', 'number, sequence, reason, id']]))
    .action(async (dataset: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const letters: DeadLetter[] = [];
      for await (const message of eachMessage(system.link, system.names.streams.dead(dataset))) {
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
            { title: 'Id' },
          ],
          letters.map(({ letter, sequence, stage, reason, id }) => [
            letter,
            sequence,
            stage,
            reason,
            id ?? '',
          ]),
        );
      });
    });
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
      const message = await messageAt(system.link, system.names.streams.dead(dataset), letter);
      if (message === undefined)
        throw new CommandError('unknown_item', `no dead letter ${letter} in ${dataset}`);
      if (options.out !== undefined) await writeFile(options.out, message.data);
      const shown = deadLetter(message);
      context.terminal.show({ ...shown, headers: message.headers() }, () => {
        for (const [name, value] of Object.entries(shown)) context.terminal.print(`${name}: ${value ?? ''}`);
        const known = Object.entries(DEAD_LETTER_REASONS).find(([code]) => code === shown.reason)?.[1];
        if (known !== undefined) context.terminal.print(`${known.meaning} ${known.remedy}`);
      });
    });
}

interface DeadLetter {
  readonly letter: number;
  /** Sequence in the intake stream. */
  readonly sequence: number;
  readonly stage: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly id: string | null;
  readonly source: string | null;
  readonly bytes: number;
  readonly storedAt: string;
}

function deadLetter(message: StoredMessage): DeadLetter {
  return {
    letter: message.sequence,
    sequence: Number(message.header('Troupe-Sequence') ?? 0),
    stage: message.header('Troupe-Stage') ?? '',
    reason: message.header('Troupe-Reason') ?? '',
    error: message.header('Troupe-Error') ?? '',
    attempts: Number(message.header('Troupe-Attempts') ?? 0),
    id: message.header('Troupe-Id') ?? null,
    source: message.header('Troupe-Source') ?? null,
    bytes: message.data.byteLength,
    storedAt: message.storedAt,
  };
}
