// `troupe cache`: what the shared cache of vectors holds and what it has saved; to empty it, or to fill it from a manifest.
import type { Command } from 'commander';
import { SharedCache } from '#nats';
import {
  answeringNodes,
  CAUSES,
  type CacheStats,
  type NodeVectors,
  readCacheStats,
} from '../cache/cache-stats.ts';
import { ModelNames } from '../cache/model-names.ts';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { examples } from '../help.ts';
import { ClientSystem } from '../node/client-system.ts';
import { clearVectors } from '../node/vector-sharing.ts';
import type { Terminal } from '../terminal.ts';
import { registerCacheWarm } from './cache-warm.ts';

export function registerCache(program: Command, environment: CliEnvironment): void {
  const cache = program
    .command('cache')
    .description(
      'the cache of vectors that datasets and the embedding service share: look at it, empty and fill it',
    );
  registerStats(cache, environment);
  registerClear(cache, environment);
  registerCacheWarm(cache, environment);
}

function registerStats(cache: Command, environment: CliEnvironment): void {
  cache
    .command('stats')
    .description('show what the cache holds, by model, and where vectors came from since each node started')
    .addHelpText(
      'after',
      examples([
        ['troupe cache stats', 'entries and bytes by model; hits by cause'],
        ['troupe cache stats --json', 'the same as data'],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      await using system = await ClientSystem.connect({ terminal, ...context });
      const stats = await readCacheStats(system, context.config());
      terminal.show(stats, () => printStats(terminal, stats));
    });
}

function printStats(terminal: Terminal, { entries, bytes, maxBytes, models, vectors }: CacheStats): void {
  if (maxBytes === 0) {
    terminal.print('no cache: the server had no room for it when nodes started');
    terminal.print('raise its JetStream max_file or set storage.limits.cache, and start a node anew');
  } else {
    const share = Math.round((bytes / maxBytes) * 100);
    const held = `${mib(bytes)} of ${mib(maxBytes)} MiB (${share} %)`;
    terminal.print(`${entries} vectors, ${held}; the oldest go first`);
  }
  if (models.length > 0) {
    terminal.print();
    terminal.table(
      [
        { title: 'Model' },
        { title: 'Numbers', align: 'right' },
        { title: 'Stored as' },
        { title: 'Vectors', align: 'right' },
        { title: 'MiB', align: 'right' },
      ],
      models.map(({ names, dimension, precision, entries: count, vectorBytes }) => [
        names.join(', '),
        dimension,
        precision,
        count,
        mib(vectorBytes),
      ]),
    );
  }
  terminal.print();
  if (vectors.length === 0) {
    terminal.print('no node answers: nobody counts where vectors came from');
    return;
  }
  terminal.table(
    [
      { title: 'Vectors for' },
      { title: 'Node' },
      { title: 'Since' },
      ...CAUSES.map((title) => ({ title, align: 'right' as const })),
      { title: 'without inference', align: 'right' },
    ],
    vectors.map((each) => [
      'dataset' in each.of ? each.of.dataset : `embed ${each.of.model}`,
      each.node,
      each.since,
      ...CAUSES.map((cause) => each.counts[cause] ?? ''),
      savedShare(each),
    ]),
  );
}

/** Share of the vectors for which no model ran. */
function savedShare({ counts }: NodeVectors): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return all === 0 ? '' : `${(((all - (counts.inference ?? 0)) / all) * 100).toFixed(1)} %`;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function registerClear(cache: Command, environment: CliEnvironment): void {
  cache
    .command('clear')
    .description(
      'empty the cache, in the bucket and in the memory of nodes; vectors of datasets stay, others are made again when they are asked for',
    )
    .requiredOption('--yes', 'really: what is not in a dataset has to be paid for again')
    .option('--model <name>', 'only vectors by this model: a name as `cache stats` shows it, or its digest')
    .addHelpText(
      'after',
      examples([
        ['troupe cache clear --yes', 'everything'],
        ['troupe cache clear --model squeezenet --yes', 'of all versions of a model'],
        ['troupe cache clear --model squeezenet@1.0.0 --yes', 'of one version'],
      ]),
    )
    .action(async ({ model }: { readonly model?: string }, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      await using system = await ClientSystem.connect({ terminal, ...context });
      // A system may have no cache; a server may have no such system, of which there is nothing to clear.
      await system.registry.list();
      const groups = model === undefined ? 'all' : await groupsOf(system, context, model);
      const cleared = await clearVectors(system, groups);
      terminal.show({ cleared, model: model ?? null }, () => {
        const which = model === undefined ? '' : ` by ${model}`;
        terminal.print(`${cleared} vectors${which} cleared; datasets have their own still`);
      });
    });
}

/** @throws CommandError `unknown_model` for one that is neither in the cache nor known otherwise */
async function groupsOf(
  system: ClientSystem,
  context: Pick<ReturnType<typeof contextOf>, 'config'>,
  model: string,
): Promise<readonly string[]> {
  const { groups } = await new SharedCache(system.link, system.names.records.cache).standing();
  const running = (await answeringNodes(system)).flatMap(({ models }) => models);
  const names = await ModelNames.read(system, context.config(), running);
  const found = [...groups.keys()].filter((group) => names.isOf(group, model));
  if (found.length > 0 || names.knows(model)) return found;
  const there = [...new Set([...groups.keys()].flatMap((group) => names.of(group)))].join(', ') || 'none';
  throw new CommandError(
    'unknown_model',
    `expected a model that the cache has vectors by (${there}), got ${model}`,
  );
}
