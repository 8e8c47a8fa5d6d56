// What a claim costs as the collection grows: hash indexes in all orientations and keyed ones, one content at a time,
// beside a scan of everything and a BK-tree in the same run; vectors in batches apart, beside the memory bandwidth that
// an exact scan must pay. With `--data` real pictures are in each collection, and edits of them are claimed.
import { VectorIndex } from '../actors/dedup/index.ts';
import { type Bench, type BenchOptions, type Metric, type Metrics, metricOf } from './contract.ts';
import { claimCost } from './dedup/claim-cost.ts';
import { realContents } from './dedup/real-contents.ts';
import { syntheticVectors } from './dedup/synthetic-contents.ts';

const DIMENSION = 256;
const BATCH = 32;
const SIMILAR = 0.95;

export const dedupBench: Bench = { parts: [], run: measure };

async function measure({ data, quick, million = false, note }: BenchOptions): Promise<Metrics> {
  const sizes = quick ? [10_000] : million ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
  const metrics: Record<string, Metric> = {};
  const costs: number[] = [];
  const real = data === undefined ? undefined : await realContents(data, { quick, note });
  for (const size of sizes) {
    const measured = await claimCost(size, label(size), real, note);
    costs.push(measured.cpuMs);
    Object.assign(metrics, measured.metrics, measureVectors(size, note));
  }
  const largest = metrics[`dedup.bytes_per_item_${label(sizes.at(-1) ?? 0)}`];
  if (largest !== undefined) metrics['dedup.bytes_per_item'] = largest;
  const [least = Number.NaN] = costs;
  const name = `dedup.growth_10k_${label(sizes.at(-1) ?? 0)}`;
  if (costs.length > 1)
    metrics[name] = metricOf([(costs.at(-1) ?? Number.NaN) / least], 'times the CPU time of a claim');
  return metrics;
}

function measureVectors(size: number, note: (line: string) => void): Metrics {
  const index = new VectorIndex(DIMENSION);
  const pool = syntheticVectors(Math.min(size, 20_000), DIMENSION, size);
  for (let at = 0; at < size; at += 1) index.insert(pool[at % pool.length] as Float32Array, at);
  const fresh = syntheticVectors(BATCH * 5, DIMENSION, size + 1);
  const rates: number[] = [];
  const bandwidths: number[] = [];
  for (let from = 0; from < fresh.length; from += BATCH) {
    const batch = fresh.slice(from, from + BATCH);
    batch[0] = pool[from] as Float32Array;
    const start = performance.now();
    for (const [at, vector] of batch.entries()) index.insert(vector, size + from + at);
    const [matches] = index.query(batch, SIMILAR);
    const ms = performance.now() - start;
    if (!matches?.some(({ value }) => value === from)) throw new Error('a vector did not find itself');
    rates.push(BATCH / (ms / 1000));
    bandwidths.push(((size * DIMENSION * 4) / ms) * 1e-6);
  }
  const at = label(size);
  note(`${at}: one scan for ${BATCH} vectors`);
  return {
    [`dedup.vector_items_per_s_${at}`]: metricOf(rates, `items/s in batches of ${BATCH}`),
    [`dedup.vector_scan_gb_per_s_${at}`]: metricOf(
      bandwidths,
      'GB/s',
      `copying memory at ${copyBandwidth().toFixed(1)} GB/s`,
    ),
  };
}

/** Bytes read by the best of some copies of 64 MiB, in GB a second. */
function copyBandwidth(): number {
  const [from, to] = [new Uint8Array(2 ** 26).fill(1), new Uint8Array(2 ** 26)];
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    to.set(from);
    return performance.now() - start;
  });
  return (2 ** 26 / Math.min(...times)) * 1e-6;
}

function label(size: number): string {
  return size >= 1_000_000 ? `${size / 1_000_000}m` : `${size / 1000}k`;
}
