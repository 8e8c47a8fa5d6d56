// What claims of one content cost on hash and keyed indexes of a given size, synthetic ones and those of real pictures
// in the same collection, with every pair that some of them find held against a scan of everything.
import {
  type CandidatePair,
  type ClaimShard,
  type ContentKeys,
  claim,
  IndexPart,
  type IndexSpec,
  inversesOf,
  planInserts,
} from '../../actors/dedup/index.ts';
import { imageIndexes } from '../../actors/image/image-dedup.ts';
import { type Metric, type Metrics, metricOf } from '../contract.ts';
import type { RealContents } from './real-contents.ts';
import { BkTree, pairLine, WholeScan } from './references.ts';
import { SyntheticContents } from './synthetic-contents.ts';

const SPEC: IndexSpec = { ...imageIndexes(), keys: { limit: 200 } };
const SHARDS = 4;
const RADIUS = 10;
const FILL_BATCH = 500;
/** Synthetic claims that are timed at each size, and those whose pairs are compared; of real ones all. */
const TIMED = 2_000;
const COMPARED = 50;
/** Above this a BK-tree takes too long to be filled. */
const TREE_LIMIT = 100_000;

export interface ClaimCost {
  readonly metrics: Metrics;
  /** CPU time of one synthetic claim on average, which other load on the machine changes less than the time on the clock. */
  readonly cpuMs: number;
}

/** @param label Ends the name of each metric. */
export async function claimCost(
  size: number,
  label: string,
  real: RealContents | undefined,
  note: (line: string) => void,
): Promise<ClaimCost> {
  const collection = new Collection();
  const contents = new SyntheticContents(size);
  const fill = performance.now();
  const stored = real?.stored ?? [];
  for (let at = 0; at < size; at += FILL_BATCH) {
    const length = Math.min(FILL_BATCH, size - at);
    collection.fill(Array.from({ length }, (_, place) => stored[at + place] ?? contents.next()));
  }
  const filledS = ((performance.now() - fill) / 1000).toFixed(1);
  const bytes = collection.bytes / size;
  const timed = await collection.claimEach(Array.from({ length: TIMED }, () => contents.next()));
  const ofReal = real && (await realCost(collection, real, label));
  const restoreS = collection.restoreSeconds();
  const claims = timed.claims.slice(0, COMPARED);
  collection.compare(claims);
  const found = timed.claims.filter(({ pairs }) => pairs.length > 0).length;
  note(
    `${label}: filled in ${filledS} s, generation included; ${found} of ${TIMED} claims found neighbours; the pairs of ${COMPARED + (real?.planted.length ?? 0)} claims are those of a whole scan`,
  );
  return {
    cpuMs: timed.cpuMs,
    metrics: {
      [`dedup.items_per_s_${label}`]: metricOf([timed.perSecond], 'claims/s, one at a time'),
      ...timesOf('claim', label, timed),
      ...ofReal,
      [`dedup.bytes_per_item_${label}`]: metricOf([bytes], 'bytes, indexes by their own account'),
      [`dedup.restore_s_${label}`]: metricOf([restoreS], 's, all shards from snapshots in memory'),
      ...referenceTimes(
        collection.all,
        size,
        claims.map(({ content }) => content),
        label,
      ),
    },
  };
}

/** Claims the edits of real pictures; all that they find is compared. */
async function realCost(collection: Collection, { planted }: RealContents, label: string): Promise<Metrics> {
  const timed = await collection.claimEach(planted.map(({ content }) => content));
  collection.compare(timed.claims);
  const found = planted.filter(({ of }, at) =>
    timed.claims[at]?.pairs.some(({ a, b }) => a === of || b === of),
  );
  return {
    ...timesOf('real_claim', label, timed),
    [`dedup.real_found_${label}`]: metricOf(
      [found.length / planted.length],
      'of the edits found the picture they are of',
      `${planted.length} edits`,
    ),
  };
}

interface TimedClaims {
  readonly claims: readonly { readonly content: ContentKeys; readonly pairs: readonly CandidatePair[] }[];
  /** Ascending. */
  readonly times: readonly number[];
  readonly perSecond: number;
  readonly cpuMs: number;
}

function timesOf(name: string, label: string, { times, cpuMs }: TimedClaims): Metrics {
  const at = (share: number) => metricOf([times[Math.floor(times.length * share)] ?? Number.NaN], 'ms');
  return {
    [`dedup.${name}_p50_ms_${label}`]: at(0.5),
    [`dedup.${name}_p99_ms_${label}`]: at(0.99),
    [`dedup.${name}_cpu_ms_${label}`]: metricOf([cpuMs], 'ms of CPU time, mean'),
  };
}

/** Shards in this process, and beside them all hashes in a row. */
class Collection {
  readonly all = new WholeScan(SPEC);
  readonly #parts = Array.from({ length: SHARDS }, () => new IndexPart(SPEC));
  readonly #shards = this.#parts.map(
    (part): ClaimShard => ({
      insert: async (given) => part.insert(given),
      query: async (asked) => part.query(asked),
    }),
  );

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytes, 0);
  }

  fill(contents: readonly ContentKeys[]): void {
    for (const [shard, part] of planInserts(contents, SHARDS)) this.#parts[shard]?.insert(part);
    for (const content of contents) this.all.push(content);
  }

  async claimEach(contents: readonly ContentKeys[]): Promise<TimedClaims> {
    const times: number[] = [];
    const found: (readonly CandidatePair[])[] = [];
    const inverses = inversesOf(SPEC);
    const cpu = process.threadCpuUsage();
    for (const content of contents) {
      const start = performance.now();
      found.push(await claim([content], this.#shards, inverses));
      times.push(performance.now() - start);
    }
    const { user, system } = process.threadCpuUsage(cpu);
    for (const content of contents) this.all.push(content);
    const sum = times.reduce((total, time) => total + time, 0);
    return {
      claims: contents.map((content, at) => ({ content, pairs: found[at] ?? [] })),
      times: times.sort((a, b) => a - b),
      perSecond: contents.length / (sum / 1000),
      cpuMs: (user + system) / 1000 / contents.length,
    };
  }

  /** @throws Error when a claim found other pairs than there are */
  compare(claims: TimedClaims['claims']): void {
    for (const { content, pairs } of claims) {
      const expected = this.all.pairsOf(content).join('\n');
      const got = pairs.map(pairLine).sort().join('\n');
      if (got !== expected) {
        throw new Error(`expected the pairs of a whole scan,\n${expected}\n got\n${got}`);
      }
    }
  }

  restoreSeconds(): number {
    const snapshots = this.#parts.map((part) => part.snapshot());
    const start = performance.now();
    const restored = snapshots.map((snapshot) => IndexPart.restore(SPEC, snapshot));
    const seconds = (performance.now() - start) / 1000;
    if (restored.some(({ slices }, shard) => slices !== this.#parts[shard]?.slices)) {
      throw new Error('a restored shard lacks contents');
    }
    return seconds;
  }
}

/** Times of both references, one hash and no orientations. */
function referenceTimes(
  all: WholeScan,
  size: number,
  queries: readonly ContentKeys[],
  label: string,
): Metrics {
  const scan = all.column('phash');
  const times = queries.map(({ hashes }) => {
    const start = performance.now();
    scan.query(hashes?.phash as string, RADIUS);
    return performance.now() - start;
  });
  const metrics: Record<string, Metric> = {
    [`dedup.scan_ms_${label}`]: metricOf(times, 'ms, one hash family by brute force'),
  };
  if (size > TREE_LIMIT) return metrics;
  const tree = new BkTree();
  for (let at = 0; at < scan.size; at += 1) tree.insert(scan.hashAt(at), at);
  const treeTimes = queries.map(({ hashes }) => {
    const start = performance.now();
    const within = tree.query(hashes?.phash as string, RADIUS);
    const time = performance.now() - start;
    if (within.join() !== scan.query(hashes?.phash as string, RADIUS).join()) {
      throw new Error('the BK-tree and the scan differ');
    }
    return time;
  });
  metrics[`dedup.bk_tree_ms_${label}`] = metricOf(treeTimes, 'ms, one hash family by a BK-tree');
  return metrics;
}
