// `troupe erase`: deletes items for good, whoever may ask for that by law: what was published, every copy and what it was
// found by. A tombstone stays, so that the account adds up and the item cannot come back unnoticed.
import { type Command, InvalidArgumentError } from 'commander';
import { type EraseAnswer, MAX_ASKED, MAX_REASON_LENGTH } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { UsageError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { waitUntilErased } from '../node/erase-wait.ts';
import { requestedItems } from '../node/requested-items.ts';
import type { Terminal } from '../terminal.ts';

interface EraseOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

export function registerErase(program: Command, environment: CliEnvironment): void {
  program
    .command('erase')
    .description('delete items for good: payload, copies, hashes and vectors go, a tombstone stays')
    .argument('<dataset>', 'name of the dataset')
    .argument(
      '<items...>',
      'ids, item digests, sha256 of contents, or intake sequences; - reads them from standard input, one a line',
    )
    .option('--reason <text>', 'why, for the tombstone', parseReason)
    .option('--dry-run', 'only tell what would be erased')
    .option('--no-wait', 'return once it is recorded; the node deletes all the same')
    .addHelpText(
      'after',
      examples([
        ['troupe erase photos cats/tom.jpg --reason "owner asked"', 'one item, by its id'],
        ['troupe erase photos - --dry-run < ids.txt', 'what a list would come to'],
        ['troupe erase photos 17 --json', 'by its sequence, for scripts'],
      ]),
    )
    .action(async (dataset: string, items: readonly string[], options: EraseOptions, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const keys = await requestedItems(items, environment.stdin);
      if (keys.length === 0) throw new UsageError('expected at least one item, got an empty list');
      const { reason = null, dryRun = false, wait } = options;
      const results: EraseAnswer['results'][number][] = [];
      for (let at = 0; at < keys.length; at += MAX_ASKED) {
        const part = keys.slice(at, at + MAX_ASKED);
        results.push(...(await system.keeper(dataset).erase({ keys: part, reason, dryRun })).results);
      }
      const unknown = results.filter((result) => result.items.length === 0).map(({ key }) => key);
      const waits = wait && !dryRun && results.length > unknown.length;
      if (waits) {
        const { terminal } = context;
        await waitUntilErased(system, dataset, { terminal, signal: environment.interruption() });
      }
      context.terminal.show({ dataset, dryRun, deleted: waits, results, unknown }, () =>
        print(context.terminal, dataset, results, dryRun),
      );
      if (unknown.length > 0) environment.setExitCode(ExitCode.no);
    });
}

function print(terminal: Terminal, dataset: string, results: EraseAnswer['results'], dryRun: boolean): void {
  for (const { key, items } of results) {
    if (items.length === 0) {
      terminal.print(`${key}: nothing in ${dataset} has this id, digest or sequence yet`);
    }
    for (const { id, item, sequences, outcome, survivorOf, before } of items) {
      const name = item === null ? `${id ?? '(no id)'}, dead` : `${id}, item ${item.slice(0, 16)}`;
      const where = sequences.length === 1 ? `sequence ${sequences[0]}` : `sequences ${sequences.join(', ')}`;
      const rank = outcome === null ? '' : `, ${outcome} in the newest manifest`;
      const star = survivorOf === 0 ? '' : `, best of ${survivorOf + 1}: the next cut chooses anew`;
      const done = dryRun ? 'would be erased' : 'erased';
      const told = before === null ? done : `erased before, ${before.at}`;
      terminal.print(`${name} (${where}${rank}${star}): ${told}`);
    }
  }
}

function parseReason(text: string): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= MAX_REASON_LENGTH && !/\p{Cc}/u.test(reason)) return reason;
  throw new InvalidArgumentError(`Expected one line of at most ${MAX_REASON_LENGTH} characters.`);
}
