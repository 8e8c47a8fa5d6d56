// `troupe manifest`: cut, list, show, compare, export and verify the versions of a dataset.
import { type Command, Option } from 'commander';
import type { DecidingConfig, ManifestRecord } from '#actors';
import { thresholdLines } from '../calibrate/threshold-lines.ts';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { exportFolder, exportJsonLines } from '../node/export-manifest.ts';
import { findManifest, type ManifestName } from '../node/find-manifest.ts';
import { waitUntilSettled } from '../node/settle.ts';
import { parseWholeNumber } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';
import { registerManifestDiff } from './manifest-diff.ts';

export function registerManifest(program: Command, environment: CliEnvironment): void {
  const manifest = program
    .command('manifest')
    .description('cut, list, show, compare, export and verify manifests');
  registerCut(manifest, environment);
  registerList(manifest, environment);
  registerShow(manifest, environment);
  registerManifestDiff(manifest, environment);
  registerExport(manifest, environment);
  registerVerify(manifest, environment);
}

function registerCut(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('cut')
    .description('cut a manifest from everything that is settled')
    .argument('<dataset>', 'name of the dataset')
    .option('--wait', 'first wait until nothing is on its way')
    .addHelpText(
      'after',
      examples([
        ['troupe manifest cut photos', 'a new version, or the newest one when nothing changed'],
        ['troupe manifest cut photos --wait --json', 'for scripts'],
      ]),
    )
    .action(async (dataset: string, options: { readonly wait?: boolean }, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      if (options.wait === true) {
        const signal = environment.interruption();
        await waitUntilSettled(system, dataset, { terminal: context.terminal, signal });
      }
      const { manifest: cut, unchanged } = await system.keeper(dataset).cut();
      context.terminal.show({ ...cut, unchanged }, () => {
        const state = unchanged ? ' (nothing changed since)' : '';
        context.terminal.print(`manifest ${cut.number} of ${dataset}${state}`);
        printCounts(context.terminal, cut);
        context.terminal.print(`digest ${cut.digest}`);
      });
    });
}

function registerList(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('list')
    .description('list the manifests of a dataset')
    .argument('<dataset>', 'name of the dataset')
    .addHelpText('after', examples([['troupe manifest list photos', 'oldest first; HEAD is marked']]))
    .action(async (dataset: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      await system.requireDataset(dataset);
      const store = system.manifests(dataset);
      const [head, records] = [await store.head(), await store.list()];
      context.terminal.show({ head: head ?? null, manifests: records }, () => {
        context.terminal.table(
          [
            { title: 'Manifest', align: 'right' },
            { title: 'Created' },
            { title: 'Kept', align: 'right' },
            { title: 'Duplicates', align: 'right' },
            { title: 'Rejected', align: 'right' },
            { title: 'Review', align: 'right' },
            { title: 'Digest' },
          ],
          records.map(({ number, createdAt, counts, digest }) => [
            number === head ? `HEAD ${number}` : number,
            createdAt,
            counts.kept,
            counts.duplicate,
            counts.rejected,
            counts.review,
            digest.slice(0, 16),
          ]),
        );
      });
    });
}

function registerShow(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('show')
    .description('show a manifest: what it holds, what decided it, and its findings')
    .argument('<dataset>', 'name of the dataset')
    .option('--number <n>', 'which manifest (default: HEAD)', parseWholeNumber(1))
    .option('--rows', 'print every row as a line of JSON')
    .addHelpText(
      'after',
      examples([
        ['troupe manifest show photos', 'HEAD'],
        ['troupe manifest show photos --number 2 --rows', 'every item of manifest 2'],
      ]),
    )
    .action(
      async (
        dataset: string,
        options: { readonly number?: number; readonly rows?: boolean },
        command: Command,
      ) => {
        const context = contextOf(command, environment);
        await using system = await ClientSystem.connect(context);
        const { record, envelope, store } = await findManifest(system, dataset, wanted(options.number));
        if (options.rows === true) {
          for await (const row of store.rows(envelope)) context.terminal.print(JSON.stringify(row));
          return;
        }
        context.terminal.show(envelope, () => {
          context.terminal.print(`manifest ${envelope.number} of ${dataset}, cut ${envelope.createdAt}`);
          printCounts(context.terminal, record);
          const { dead, repeats, retried, purged, erased } = envelope.outside;
          context.terminal.print(
            `outside it: ${dead} dead, ${repeats} repeats, ${retried} retried, ${purged} purged, ${erased} erased`,
          );
          context.terminal.print(`configuration ${envelope.configDigest}`);
          const deciding = envelope.deciding as unknown as DecidingConfig;
          for (const line of thresholdLines(deciding)) context.terminal.print(line);
          if (envelope.parent !== null) context.terminal.print(`parent ${envelope.parent.number}`);
          for (const { code, id } of envelope.findings) context.terminal.print(`finding ${code}: ${id}`);
          context.terminal.print(`digest ${envelope.digest}`);
        });
      },
    );
}

function registerExport(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('export')
    .description('export a manifest as JSON lines, or its kept items as a folder of files')
    .argument('<dataset>', 'name of the dataset')
    .option('--number <n>', 'which manifest (default: HEAD)', parseWholeNumber(1))
    .addOption(new Option('--format <format>', 'what to write').choices(['jsonl', 'folder']).default('jsonl'))
    .option('-o, --out <path>', 'file (jsonl; default: standard output) or folder to write')
    .option('--link', 'link files that lie on this disk instead of copying them')
    .option('--all', 'jsonl: every item, not only the kept ones')
    .addHelpText(
      'after',
      examples([
        ['troupe manifest export photos > kept.jsonl', 'one line for each kept item'],
        ['troupe manifest export photos --format folder -o clean', 'the kept files, named by their ids'],
      ]),
    )
    .action(async (dataset: string, options: ExportOptions, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const { record, store } = await findManifest(system, dataset, wanted(options.number));
      const request = { system, dataset, store, record };
      const written =
        options.format === 'folder'
          ? await exportFolder({ ...request, folder: requireOut(options), link: options.link === true })
          : await exportJsonLines({
              ...request,
              all: options.all === true,
              ...(options.out === undefined
                ? { print: (line: string) => context.terminal.print(line) }
                : { file: options.out }),
            });
      if (options.out === undefined) return;
      context.terminal.show({ manifest: record.number, digest: record.digest, ...written }, () => {
        context.terminal.print(
          `${written.items} items of manifest ${record.number} written to ${options.out}`,
        );
        for (const problem of written.problems) context.terminal.print(`problem: ${problem}`);
        if (written.others !== undefined && written.others > 0) {
          context.terminal.print(
            `${written.others} other files are in ${options.out}: this manifest does not keep them, and none was deleted`,
          );
        }
      });
      if (written.problems.length > 0) environment.setExitCode(ExitCode.no);
    });
}

interface ExportOptions {
  readonly number?: number;
  readonly format: 'jsonl' | 'folder';
  readonly out?: string;
  readonly link?: boolean;
  readonly all?: boolean;
}

function registerVerify(manifest: Command, environment: CliEnvironment): void {
  manifest
    .command('verify')
    .description('recompute a manifest from its stored rows and, while a node runs, from the ledger')
    .argument('<dataset>', 'name of the dataset')
    .option('--number <n>', 'which manifest (default: HEAD)', parseWholeNumber(1))
    .option('--stored-only', 'do not derive it from the ledger again')
    .addHelpText('after', examples([['troupe manifest verify photos', 'exit code 1 when anything differs']]))
    .action(
      async (
        dataset: string,
        options: { readonly number?: number; readonly storedOnly?: boolean },
        command: Command,
      ) => {
        const context = contextOf(command, environment);
        await using system = await ClientSystem.connect(context);
        const { record, store } = await findManifest(system, dataset, wanted(options.number));
        const { problems: found } = await store.check(record);
        const problems = [...found];
        const { digest: derived, erased } =
          options.storedOnly === true
            ? { digest: null, erased: 0 }
            : await system.keeper(dataset).derive(record.number);
        if (derived !== null && derived !== record.digest)
          problems.push(`the ledger gives digest ${derived}`);
        const result = { manifest: record.number, digest: record.digest, derived, erased, problems };
        context.terminal.show({ ...result, ok: problems.length === 0 }, () => {
          for (const problem of problems) context.terminal.print(`problem: ${problem}`);
          if (erased > 0) {
            context.terminal.print(
              `${erased} of its items were erased since: their payloads are gone, and the ledger cannot give it again`,
            );
          }
          const how = derived === null ? 'stored rows' : 'stored rows and ledger';
          const answer = problems.length === 0 ? `verified (${how})` : 'NOT verified';
          context.terminal.print(`manifest ${record.number} ${answer}: ${record.digest}`);
        });
        if (problems.length > 0) environment.setExitCode(ExitCode.no);
      },
    );
}

/** Which manifest `--number` means; without it HEAD. */
function wanted(number: number | undefined): ManifestName {
  return number === undefined ? { behindHead: 0 } : { number };
}

function requireOut(options: ExportOptions): string {
  if (options.out !== undefined) return options.out;
  throw new CommandError('usage', 'expected --out FOLDER with --format folder');
}

function printCounts(terminal: Terminal, { rows, counts }: Pick<ManifestRecord, 'rows' | 'counts'>): void {
  const { kept, duplicate, rejected, review } = counts;
  terminal.print(
    `${rows} items: ${kept} kept, ${duplicate} duplicates, ${rejected} rejected, ${review} in review`,
  );
}
