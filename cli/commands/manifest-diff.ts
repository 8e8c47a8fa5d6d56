// `troupe manifest diff`: what changed between two manifests, item by item, and which settings changed.
import { type Command, InvalidArgumentError } from 'commander';
import { diffRows, diffSettings, type ManifestRow, type RowChange, type SettingChange } from '#actors';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { findManifest, type ManifestName, parseManifestName } from '../node/find-manifest.ts';
import { parseWholeNumber } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

const HEAD: ManifestName = { behindHead: 0 };
const PARENT: ManifestName = { behindHead: 1 };
/** Longest value of a setting that is printed for people. */
const MAX_SETTING = 60;

export function registerManifestDiff(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('diff')
    .description('list what changed between two manifests; exit code 0 if they are equal, 1 if they differ')
    .argument('<dataset>', 'name of the dataset')
    .argument('[from]', 'number, HEAD or HEAD~n (default: HEAD~1)', parseName)
    .argument('[to]', 'number, HEAD or HEAD~n (default: HEAD)', parseName)
    .option('--limit <n>', 'items to list for people', parseWholeNumber(0), 50)
    .option('--jsonl', 'one line of JSON for each item that differs, as they are found')
    .addHelpText(
      'after',
      examples([
        ['troupe manifest diff photos', 'what the last cut changed'],
        ['troupe manifest diff photos 3 7', 'from manifest 3 to manifest 7'],
        ['troupe manifest diff photos 3 HEAD --jsonl > changes.jsonl', 'everything, for scripts'],
      ]),
    )
    .action(
      async (
        dataset: string,
        from: ManifestName | undefined,
        to: ManifestName | undefined,
        options: { readonly limit: number; readonly jsonl?: boolean },
        command: Command,
      ) => {
        const { terminal, ...context } = contextOf(command, environment);
        await using system = await ClientSystem.connect({ ...context, terminal });
        const after = await findManifest(system, dataset, to ?? HEAD);
        const before = await findManifest(system, dataset, from ?? PARENT);
        const changes = diffRows(before.envelope, after.envelope, (chunks) => after.store.rows(chunks));
        const tally = new Tally();
        const listed: RowChange[] = [];
        const limit = terminal.json ? Number.POSITIVE_INFINITY : options.limit;
        for await (const change of changes) {
          tally.add(change);
          if (options.jsonl === true) terminal.print(JSON.stringify(change));
          else if (listed.length < limit) listed.push(change);
        }
        const { deciding } = before.envelope;
        const settings = diffSettings(deciding, after.envelope.deciding);
        if (before.record.digest !== after.record.digest) environment.setExitCode(ExitCode.no);
        if (options.jsonl === true) return;
        const summary = {
          dataset,
          from: { number: before.record.number, digest: before.record.digest },
          to: { number: after.record.number, digest: after.record.digest },
          equal: before.record.digest === after.record.digest,
          counts: tally.counts,
          outcomes: tally.outcomes,
          reasons: tally.reasons,
          settings,
        };
        terminal.show({ ...summary, changes: listed }, () => printDiff(terminal, summary, listed));
      },
    );
}

/** Counts what differs, over all items, listed or not. */
class Tally {
  readonly counts = { added: 0, removed: 0, changed: 0 };
  readonly #outcomes = new Map<string, number>();
  readonly #reasons = new Map<string, { added: number; removed: number }>();

  add(change: RowChange): void {
    this.counts[change.change] += 1;
    const before = change.change === 'added' ? undefined : change.before;
    const after = change.change === 'removed' ? undefined : change.after;
    if (before?.outcome !== after?.outcome) {
      const move = `${before?.outcome ?? '(none)'} -> ${after?.outcome ?? '(none)'}`;
      this.#outcomes.set(move, (this.#outcomes.get(move) ?? 0) + 1);
    }
    if (change.change !== 'changed') return;
    for (const reason of change.reasons.added) this.#reason(reason).added += 1;
    for (const reason of change.reasons.removed) this.#reason(reason).removed += 1;
  }

  /** How many items went from which outcome to which. */
  get outcomes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#outcomes].sort());
  }

  /** In how many of the changed items each reason is new, or gone. */
  get reasons(): Readonly<Record<string, { readonly added: number; readonly removed: number }>> {
    return Object.fromEntries([...this.#reasons].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #reason(reason: string): { added: number; removed: number } {
    const known = this.#reasons.get(reason) ?? { added: 0, removed: 0 };
    this.#reasons.set(reason, known);
    return known;
  }
}

interface Summary {
  readonly dataset: string;
  readonly from: { readonly number: number };
  readonly to: { readonly number: number };
  readonly equal: boolean;
  readonly counts: Tally['counts'];
  readonly outcomes: Tally['outcomes'];
  readonly reasons: Tally['reasons'];
  readonly settings: readonly SettingChange[];
}

function printDiff(terminal: Terminal, summary: Summary, listed: readonly RowChange[]): void {
  const { dataset, from, to, counts } = summary;
  terminal.print(`manifest ${from.number} to ${to.number} of ${dataset}`);
  if (summary.equal) {
    terminal.print('equal');
    return;
  }
  for (const { path, before, after } of summary.settings) {
    terminal.print(`setting ${path}: ${settingText(before)} -> ${settingText(after)}`);
  }
  terminal.print(`${counts.added} added, ${counts.removed} removed, ${counts.changed} changed`);
  for (const [move, count] of Object.entries(summary.outcomes)) terminal.print(`  ${count} ${move}`);
  for (const [reason, { added, removed }] of Object.entries(summary.reasons)) {
    terminal.print(`  reason ${reason}: new in ${added}, gone from ${removed}`);
  }
  if (listed.length === 0) return;
  terminal.table(
    [{ title: 'Item' }, { title: 'Id' }, { title: 'Outcome' }, { title: 'Score' }, { title: 'What changed' }],
    listed.map((change) => [change.item.slice(0, 12), change.id, ...cells(change)]),
  );
  const total = counts.added + counts.removed + counts.changed;
  if (total > listed.length) {
    terminal.print(`and ${total - listed.length} more: raise --limit, or use --json or --jsonl`);
  }
}

function cells(change: RowChange): readonly [string, string, string] {
  switch (change.change) {
    case 'added':
      return [`+ ${change.after.outcome}`, String(change.after.score ?? ''), why(change.after)];
    case 'removed':
      return [`- ${change.before.outcome}`, String(change.before.score ?? ''), why(change.before)];
    case 'changed': {
      const { before, after, fields, reasons } = change;
      const signed = [
        ...reasons.added.map((reason) => `+${reason}`),
        ...reasons.removed.map((reason) => `-${reason}`),
      ];
      const others = fields.filter(
        (field) => field !== 'outcome' && field !== 'score' && field !== 'reasons',
      );
      return [
        moved(before.outcome, after.outcome),
        moved(before.score, after.score),
        [...signed, ...others.map((field) => fieldText(field, after))].join(', '),
      ];
    }
  }
}

function why({ reasons, relation, survivor }: ManifestRow): string {
  const duplicate = survivor === null ? [] : [`${relation} of ${survivor.slice(0, 12)}`];
  return [...reasons, ...duplicate].join(', ');
}

function fieldText(field: string, { survivor }: ManifestRow): string {
  if (field === 'survivor') return survivor === null ? 'no survivor' : `survivor ${survivor.slice(0, 12)}`;
  return field;
}

function moved(before: string | number | null, after: string | number | null): string {
  return before === after ? String(after ?? '') : `${before ?? 'none'} -> ${after ?? 'none'}`;
}

function settingText(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  return text.length > MAX_SETTING ? `${text.slice(0, MAX_SETTING)}…` : text;
}

function parseName(text: string): ManifestName {
  const name = parseManifestName(text);
  if (name !== undefined) return name;
  throw new InvalidArgumentError(`Expected a manifest's number, HEAD or HEAD~1, got "${text}".`);
}
