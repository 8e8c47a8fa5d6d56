// What is saved where contents come again: 1,000 pictures of which 660 are exact duplicates, cold, warm, and after the node
// has started anew; as requests of the embedding service, and as items of datasets that share its cache of vectors, one of
// which gets all of them twice. Inferences are counted by the
// node itself, and must be as many as there are contents when cold, and none when warm.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../cli/corpus/seeded-random.ts';
import { CacheSystem, type Picture, type Run } from './cache/cache-system.ts';
import { type Bench, type BenchOptions, BenchRefused, type Metric, type Metrics } from './contract.ts';
import { photoInput } from './photo-input.ts';

const ITEMS = { whole: 1_000, quick: 100 };
const UNIQUE_SHARE = 0.34;
/** What is claimed elsewhere, on another machine: not a reference of this run. */
const REPORTED =
  '118/s that a report of a similar Python system claims for a laptop GPU at a 97.6 % hit rate';

type Phase = 'cold' | 'warm' | 'again' | 'restarted';

export const cacheBench: Bench = {
  parts: ['service', 'datasets'],
  run: async (options) => {
    if (options.data === undefined) throw new BenchRefused('cache measures a real model: give --data');
    const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
    try {
      const { data } = options;
      const pictures = await duplicated(data, folder, options.quick ? ITEMS.quick : ITEMS.whole);
      const unique = new Set(pictures.map(({ bytes }) => bytes)).size;
      options.note(`${pictures.length} pictures, ${unique} of them different`);
      const part = (name: 'service' | 'datasets') =>
        measure({ data, folder: join(folder, name), pictures, unique, part: name, options });
      return {
        ...(options.only === 'datasets' ? {} : await part('service')),
        ...(options.only === 'service' ? {} : await part('datasets')),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Distinct pictures, each about three times, in an order that is the same for every run. */
async function duplicated(data: string, folder: string, items: number): Promise<readonly Picture[]> {
  const contents = await photoInput({ data, folder, count: Math.round(items * UNIQUE_SHARE) });
  const all = Array.from({ length: items }, (_, at) => ({
    id: `item-${at}`,
    bytes: contents[at % contents.length] as Uint8Array,
  }));
  return new SeededRandom(1).shuffled(all);
}

async function measure(run: {
  readonly data: string;
  readonly folder: string;
  readonly pictures: readonly Picture[];
  readonly unique: number;
  readonly part: 'service' | 'datasets';
  readonly options: BenchOptions;
}): Promise<Metrics> {
  const { data, folder, pictures, unique, part, options } = run;
  const metrics: Record<string, Metric> = {};
  const once = async (system: CacheSystem, phase: Phase, inferences: number) => {
    const result = part === 'service' ? await system.ask(pictures) : await settle(system, phase, pictures);
    if (result.inferences !== inferences) {
      throw new Error(`${part}, ${phase}: expected ${inferences} inferences, got ${result.inferences}`);
    }
    options.note(`${part}, ${phase}: ${describe(result)}`);
    const name = `cache.${part === 'service' ? 'service' : 'dataset'}_${phase}`;
    metrics[`${name}_items_per_s`] = {
      value: Number(result.itemsPerS.toPrecision(4)),
      unit: 'items/s',
      reference: REPORTED,
    };
    metrics[`${name}_cpu_ms`] = { value: Number(result.cpuMs.toPrecision(3)), unit: 'ms of CPU an item' };
    metrics[`${name}_inferences`] = {
      value: result.inferences,
      unit: `of ${pictures.length}`,
      reference: `${unique} contents`,
    };
  };
  {
    await using system = await CacheSystem.start({ data, folder });
    await once(system, 'cold', unique);
    await once(system, 'warm', 0);
    if (part === 'datasets') await once(system, 'again', 0);
  }
  await using again = await CacheSystem.start({ data, folder });
  await once(again, 'restarted', 0);
  return metrics;
}

/** Each phase has a dataset of its own, but `again`: that of `warm` gets the same pictures under other names. */
function settle(system: CacheSystem, phase: Phase, pictures: readonly Picture[]): Promise<Run> {
  if (phase !== 'again') return system.settle(`${phase}-set`, pictures);
  const renamed = pictures.map(({ id, bytes }) => ({ id: `again/${id}`, bytes }));
  return system.settle('warm-set', renamed);
}

function describe({ itemsPerS, cpuMs, causes, inferences, items }: Run): string {
  const from = Object.entries(causes).map(([cause, count]) => `${count} ${cause}`);
  const saved = ((items - inferences) / items) * 100;
  return `${itemsPerS.toFixed(1)} items/s, ${cpuMs.toFixed(1)} ms of CPU an item; ${from.join(', ')}; ${saved.toFixed(1)} % without inference`;
}
