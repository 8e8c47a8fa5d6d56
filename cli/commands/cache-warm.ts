// `troupe cache warm`: the vectors of a manifest's contents go back to the shared cache, so that nobody pays for them again.
import { type Command, InvalidArgumentError } from 'commander';
import { encodedBytes, parseGroup, recordedVectorKey, recordedVersions } from '#actors';
import { SharedCache } from '#nats';
import { type WarmCounts, warmCache } from '../cache/warm-cache.ts';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { ExitCode } from '../exit-code.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { findManifest, type ManifestName, parseManifestName } from '../node/find-manifest.ts';

/** What storing a vector takes beside its own bytes: its name and the frame of a message. */
const ENTRY_BYTES = 220;

interface Source {
  readonly dataset: string;
  readonly manifest: ManifestName;
}

export function registerCacheWarm(cache: Command, environment: CliEnvironment): void {
  cache
    .command('warm')
    .description(
      "put the vectors of a manifest's contents into the cache, as their dataset has them, without any inference",
    )
    .requiredOption(
      '--from <dataset[@manifest]>',
      'dataset, and the manifest: a number, HEAD or HEAD~n (default: HEAD)',
      parseSource,
    )
    .addHelpText(
      'after',
      examples([
        ['troupe cache warm --from photos', 'before another dataset gets the same pictures'],
        ['troupe cache warm --from photos@7', 'contents of manifest 7, by the model that it was cut with'],
        ['troupe cache warm --from photos@HEAD~1 --json', 'of the one before, for scripts'],
      ]),
    )
    .action(async ({ from }: { readonly from: Source }, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      const signal = environment.interruption();
      await using system = await ClientSystem.connect({ terminal, ...context });
      const { dataset } = from;
      const { envelope, store, record } = await findManifest(system, dataset, from.manifest);
      const versions = recordedVersions(envelope.deciding);
      const group = recordedVectorKey(versions, '').slice(0, -1);
      const shared = new SharedCache(system.link, system.names.records.cache);
      const { maxBytes } = await shared.standing();
      const progress = terminal.progress();
      const counts = await warmCache({
        rows: store.rows(envelope),
        versions,
        vectors: system.vectors(dataset),
        cache: shared,
        signal,
        onProgress: (now) => progress.update(`${doneOf(now)} contents of at most ${envelope.rows}`),
      });
      progress.done(`${doneOf(counts)} contents`);
      const { dimension, precision } = parseGroup(group);
      const needed = (counts.added + counts.present) * (encodedBytes(dimension, precision) + ENTRY_BYTES);
      const isInterrupted = signal.aborted;
      const result = {
        dataset,
        manifest: record.number,
        model: versions.model,
        ...counts,
        interrupted: isInterrupted,
      };
      if (isInterrupted || counts.refused > 0) environment.setExitCode(ExitCode.no);
      terminal.show(result, () => {
        const { added, present, missing, refused } = counts;
        terminal.print(
          `${added} vectors of manifest ${record.number} of ${dataset} added to the cache, ${present} were there already; no model ran`,
        );
        if (missing > 0) terminal.print(`${missing} contents have none any more: they were erased`);
        if (refused > 0)
          terminal.print(`${refused} were not taken: see \`troupe status\` for what the server lacks`);
        if (needed > maxBytes) {
          terminal.print(
            `the cache holds ${maxBytes} bytes, fewer than they take: raise storage.limits.cache`,
          );
        }
        if (isInterrupted) terminal.print('interrupted: the same command goes on from here');
      });
    });
}

function doneOf({ added, present, missing, refused }: WarmCounts): number {
  return added + present + missing + refused;
}

function parseSource(text: string): Source {
  const [dataset = '', named = 'HEAD', ...rest] = text.split('@');
  const manifest = parseManifestName(named);
  if (dataset !== '' && manifest !== undefined && rest.length === 0) return { dataset, manifest };
  throw new InvalidArgumentError(
    `Expected a dataset, or a dataset and a manifest such as photos@7 or photos@HEAD~1, got "${text}".`,
  );
}
