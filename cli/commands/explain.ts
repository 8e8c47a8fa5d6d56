// `troupe explain`: the lineage of an item: who sent it, what was measured, what decided it, and why.
import type { Command } from 'commander';
import { type ExplainedItem, reasonTexts } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import type { Terminal } from '../terminal.ts';

export function registerExplain(program: Command, environment: CliEnvironment): void {
  program
    .command('explain')
    .description("show an item's lineage: every decision with its reason and versions")
    .argument('<dataset>', 'name of the dataset')
    .argument('<item>', "the item's id, item digest, sha256 of its content, or intake sequence")
    .addHelpText(
      'after',
      examples([
        ['troupe explain photos cats/tom.jpg', 'by the id under which it was published'],
        ['troupe explain photos 17 --json', 'by its sequence, for scripts'],
      ]),
    )
    .action(async (dataset: string, item: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const { items } = await system.keeper(dataset).explain(item);
      if (items.length === 0) {
        throw new CommandError(
          'unknown_item',
          `nothing in ${dataset} has the id, digest or sequence ${item}`,
        );
      }
      const record = await system.registry.get(dataset);
      const texts = record === undefined ? undefined : reasonTexts(record.config.rules);
      context.terminal.show({ dataset, items }, () => {
        for (const explained of items) printItem(context.terminal, explained, texts ?? new Map());
      });
    });
}

function printItem(terminal: Terminal, explained: ExplainedItem, texts: ReadonlyMap<string, string>): void {
  const { entry, payload, row } = explained;
  terminal.print(`${entry.id ?? '(no id)'}  sequence ${entry.sequence}`);
  if (explained.retryOf !== null) terminal.print(`  retry of sequence ${explained.retryOf}`);
  if (entry.type === 'dead') {
    terminal.print(`  dead at ${entry.stage}: ${entry.reason} after ${entry.attempts} attempt(s)`);
    const { resolution } = explained;
    if (resolution?.state === 'retried') terminal.print(`  retried as ${resolution.as}, ${resolution.at}`);
    if (resolution?.state === 'purged') terminal.print(`  purged by ${resolution.by}, ${resolution.at}`);
    terminal.print('');
    return;
  }
  if (entry.type === 'erased') {
    printErased(terminal, explained, entry);
    return;
  }
  if (payload !== null) {
    const time = payload.time === null ? '' : `, declared ${payload.time}`;
    terminal.print(`  sent by source ${payload.source}${time}, from ${payload.location}`);
  }
  if (explained.repeatOf !== null) terminal.print(`  repeat of sequence ${explained.repeatOf}`);
  printFacts(terminal, explained);
  const { verdict, score, reasons, contributions } = entry.judgement;
  const why = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
  terminal.print(`  verdict ${verdict}${score === null ? '' : `, score ${score}`}${why}`);
  for (const [name, share] of Object.entries(contributions)) terminal.print(`    ${name} ${share}`);
  for (const reason of new Set([...reasons, ...(row?.reasons ?? [])])) {
    const text = texts.get(reason);
    if (text !== undefined) terminal.print(`    ${reason}: ${text}`);
  }
  for (const { edge, relation, id } of explained.relatives) {
    const bits = Object.entries(edge.hashes).map(([family, distance]) => `${family} ${distance} bits`);
    const cosine = edge.similarity === null ? '' : `, cosine ${edge.similarity}`;
    const turned = edge.turned === undefined ? '' : `, ${edge.turned.distance} by ${edge.turned.variant}`;
    const measured = [`distance ${edge.distance}${turned} (${edge.algorithm})${cosine}`, ...bits];
    const other = edge.against === undefined ? (id ?? '(erased)') : `a content of ${edge.against}`;
    terminal.print(`  ${relation ?? 'different from'} ${other}: ${measured.join(', ')}`);
  }
  for (const { generation, config, begunAt, switchedAt } of explained.generations) {
    const since = switchedAt === null ? `begun ${begunAt}` : `in force since ${switchedAt}`;
    terminal.print(
      `  compared anew in generation ${generation} (${since}), configuration ${config.slice(0, 16)}`,
    );
  }
  if (explained.incomparable !== null) terminal.print(`  could not be compared: ${explained.incomparable}`);
  for (const lost of explained.survivorsErased) terminal.print(`  ${lostSurvivor(explained, lost)}`);
  if (row === null) terminal.print('  in no manifest yet');
  else {
    const tie = TIES[row.outcome];
    const survivor = row.survivor === null ? '' : `, ${row.relation} ${tie} ${explained.survivorId}`;
    const family = row.family === null ? '' : `, family ${row.family.slice(0, 16)}`;
    // Judged again at the cut, under other rules than when it came: the reasons that count are these.
    const judgedAgain =
      row.reasons.join() === reasons.join()
        ? ''
        : `, judged again (${row.reasons.join(', ') || 'no reasons'})`;
    terminal.print(`  manifest ${explained.manifest}: ${row.outcome}${judgedAgain}${survivor}${family}`);
  }
  terminal.print(
    `  decided by ${Object.values(entry.versions).join(', ')}, configuration ${entry.config.slice(0, 16)}`,
  );
  terminal.print('');
}

/** The name of an erased item is all that is left of it. */
function printErased(
  terminal: Terminal,
  { repeatOf, manifest, row }: ExplainedItem,
  { erasure }: Extract<ExplainedItem['entry'], { type: 'erased' }>,
): void {
  terminal.print(`  erased on ${erasure.at}${becauseOf(erasure)}`);
  if (repeatOf !== null) terminal.print(`  repeat of sequence ${repeatOf}`);
  if (row !== null) terminal.print(`  manifest ${manifest} still names it: ${row.outcome}`);
  terminal.print('');
}

/** What became of an item whose best copy was erased. */
function lostSurvivor(
  { row, manifest, survivorId, entry }: ExplainedItem,
  lost: ExplainedItem['survivorsErased'][number],
): string {
  const best = `best copy ${lost.id ?? lost.item.slice(0, 16)} was erased on ${lost.at}${becauseOf(lost)}`;
  if (row === null || manifest === null || manifest <= lost.manifest) {
    return `${best}: the next cut chooses anew`;
  }
  const now = row.outcome === 'duplicate' ? (survivorId ?? '') : (entry.id ?? '');
  return `${best}; ${row.outcome === 'review' ? `${now} is in review` : `${now} is kept`} since`;
}

function becauseOf({ reason }: { readonly reason: string | null }): string {
  return reason === null ? ', no reason given' : ` because: ${reason}`;
}

/** What an item is to the one that its row names, by its outcome. */
const TIES: Readonly<Record<string, string>> = {
  duplicate: 'duplicate of',
  kept: 'relative, grouped with',
  review: 'pair with',
};

function printFacts(terminal: Terminal, { entry }: ExplainedItem): void {
  if (entry.type !== 'judged' || entry.facts === null) return;
  const { content, mediaType, byteLength, hashes, lowInformation, signals } = entry.facts;
  terminal.print(`  content ${content} (${mediaType}, ${byteLength} bytes)`);
  const families = Object.entries(hashes).filter(([name]) => !name.includes('/'));
  const hashList = families.map(([family, hash]) => `${family} ${hash}`);
  const remark = lowInformation ? ' (too little information: hashes not used)' : '';
  terminal.print(`  ${hashList.join(', ')}${remark}`);
  const signalList = Object.entries(signals).map(([name, value]) => `${name} ${format(value)}`);
  terminal.print(`  signals ${signalList.join(', ')}`);
}

function format(value: number | string | boolean): string {
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(3) : String(value);
}
