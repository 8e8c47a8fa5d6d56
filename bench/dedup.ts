// What a claim costs as the collection grows: hash indexes in all orientations and keyed ones, one content at a time,
// beside a scan of everything and a BK-tree in the same run; vectors in batches apart, beside the memory bandwidth that
// an exact scan must pay. What is found is held against the scan.
import {
  type ClaimShard,
  type ContentKeys,
  claim,
  IndexPart,
  type IndexSpec,
  inversesOf,
  planInserts,
  VectorIndex,
} from '../actors/dedup/index.ts';
import { imageIndexes } from '../actors/image/image-dedup.ts';
import type { Bench, BenchOptions, Metric, Metrics } from './contract.ts';
import { metricOf } from './contract.ts';
import { BkTree, HashScan } from './dedup/references.ts';
import { SyntheticContents, syntheticVectors } from './dedup/synthetic-contents.ts';

const SPEC: IndexSpec = { ...imageIndexes(), keys: { limit: 200 } };
const SHARDS = 4;
const RADIUS = 10;
const DIMENSION = 256;
const BATCH = 32;
const FILL_BATCH = 500;
const SIMILAR = 0.95;
/** Claims that are timed at each size, and queries that the references answer too. */
const TIMED = 2_000;
const COMPARED = 50;
/** Above this a BK-tree takes too long to be filled. */
const TREE_LIMIT = 100_000;

export const dedupBench: Bench = { parts: [], run: measure };

async function measure({ quick, million = false, note }: BenchOptions): Promise<Metrics> {
  const sizes = quick ? [10_000] : million ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
  const metrics: Record<string, Metric> = {};
  const costs: number[] = [];
  for (const size of sizes) {
    const measured = await measureClaims(size, note);
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

interface Measured {
  readonly metrics: Metrics;
  /** CPU time of one claim on average, which other load on the machine changes less than the time on the clock. */
  readonly cpuMs: number;
}

async function measureClaims(size: number, note: (line: string) => void): Promise<Measured> {
  const parts = Array.from({ length: SHARDS }, () => new IndexPart(SPEC));
  const shards = parts.map(
    (part): ClaimShard => ({
      insert: async (given) => part.insert(given),
      query: async (asked) => part.query(asked),
    }),
  );
  const contents = new SyntheticContents(size);
  const claimOne = (content: ContentKeys) => claim([content], shards, inversesOf(SPEC));
  const fill = performance.now();
  for (let at = 0; at < size; at += FILL_BATCH) {
    const batch = Array.from({ length: Math.min(FILL_BATCH, size - at) }, () => contents.next());
    for (const [shard, part] of planInserts(batch, SHARDS)) parts[shard]?.insert(part);
  }
  const filledMs = performance.now() - fill;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0) / size;

  const timed = Array.from({ length: TIMED }, () => contents.next());
  const times: number[] = [];
  const found: (readonly string[])[] = [];
  const cpu = process.threadCpuUsage();
  for (const content of timed) {
    const start = performance.now();
    const pairs = await claimOne(content);
    times.push(performance.now() - start);
    const near = pairs.filter(({ distances }) => distances.phash !== undefined);
    found.push(near.map(({ a, b }) => (a === content.content ? b : a)));
  }
  const { user, system } = process.threadCpuUsage(cpu);
  const cpuMs = (user + system) / 1000 / TIMED;
  times.sort((a, b) => a - b);
  const start = performance.now();
  const snapshots = parts.map((part) => part.snapshot());
  const takenMs = performance.now() - start;
  const restored = snapshots.map((snapshot) => IndexPart.restore(SPEC, snapshot));
  const restoreMs = performance.now() - start - takenMs;
  if (restored.some(({ slices }, shard) => slices !== parts[shard]?.slices)) {
    throw new Error('a restored shard lacks contents');
  }
  const references = compareWithReferences(contents, size, timed, found);
  const sum = times.reduce((total, time) => total + time, 0);
  const at = label(size);
  const neighbours = found.filter((near) => near.length > 0).length;
  note(
    `${at}: filled in ${(filledMs / 1000).toFixed(1)} s, generation included; ${neighbours} of ${TIMED} claims found neighbours`,
  );
  return {
    cpuMs,
    metrics: {
      [`dedup.items_per_s_${at}`]: metricOf([TIMED / (sum / 1000)], 'claims/s, one at a time'),
      [`dedup.claim_p50_ms_${at}`]: metricOf([times[TIMED >> 1] ?? Number.NaN], 'ms'),
      [`dedup.claim_p99_ms_${at}`]: metricOf([times[Math.floor(TIMED * 0.99)] ?? Number.NaN], 'ms'),
      [`dedup.claim_cpu_ms_${at}`]: metricOf([cpuMs], 'ms of CPU time, mean'),
      [`dedup.bytes_per_item_${at}`]: metricOf([bytes], 'bytes, indexes by their own account'),
      [`dedup.restore_s_${at}`]: metricOf([restoreMs / 1000], 's, all shards from snapshots in memory'),
      ...references,
    },
  };
}

/** Times both references on some of the claims, one hash and no orientations, and holds what was found against them. */
function compareWithReferences(
  contents: SyntheticContents,
  size: number,
  timed: readonly ContentKeys[],
  found: readonly (readonly string[])[],
): Metrics {
  const at = label(size);
  const scan = new HashScan(contents.phashes);
  const numberOf = new Map(timed.map(({ content }, number) => [content, size + number]));
  const queries = timed.slice(0, COMPARED);
  const scanTimes: number[] = [];
  for (const [number, content] of queries.entries()) {
    const start = performance.now();
    const within = scan.query(BigInt(`0x${content.hashes?.phash}`), RADIUS);
    scanTimes.push(performance.now() - start);
    // Those that came later did not exist yet when this one was claimed.
    const earlier = within.filter((other) => other < size + number).length;
    const late = (found[number] ?? []).filter((other) => (numberOf.get(other) ?? 0) >= size + number).length;
    if (earlier !== (found[number]?.length ?? 0) || late > 0) {
      throw new Error(
        `the scan found ${earlier} neighbours of ${content.content}, the index ${found[number]?.length}`,
      );
    }
  }
  const metrics: Record<string, Metric> = {
    [`dedup.scan_ms_${at}`]: metricOf(scanTimes, 'ms, one hash family by brute force'),
  };
  if (size <= TREE_LIMIT) metrics[`dedup.bk_tree_ms_${at}`] = bkTreeTimes(contents.phashes, queries, scan);
  return metrics;
}

function bkTreeTimes(phashes: readonly bigint[], queries: readonly ContentKeys[], scan: HashScan): Metric {
  const tree = new BkTree();
  for (const [at, hash] of phashes.entries()) tree.insert(hash, at);
  const times = queries.map(({ hashes }) => {
    const hash = BigInt(`0x${hashes?.phash}`);
    const start = performance.now();
    const within = tree.query(hash, RADIUS);
    const time = performance.now() - start;
    if (within.join() !== scan.query(hash, RADIUS).join()) throw new Error('the BK-tree and the scan differ');
    return time;
  });
  return metricOf(times, 'ms, one hash family by a BK-tree');
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
