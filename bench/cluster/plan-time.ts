// How long a plan takes: 10,000 shards over 1,000 nodes, of which one has just left and one has just come.
import { allocate, type Member, type OwnedShard } from '#supervision';
import { type BenchOptions, type Metrics, metricOf } from '../contract.ts';

const NODES = 1_000;
const SHARDS = 10_000;
const ROUNDS = 20;

export async function planTime({ note }: BenchOptions): Promise<Metrics> {
  const members: Member[] = Array.from({ length: NODES }, (_, at) => ({
    id: `node-${at + 1}`,
    weight: 1,
    state: 'active',
  }));
  // Node 0 is gone; the last one has come and owns nothing yet.
  const shards: OwnedShard[] = Array.from({ length: SHARDS }, (_, at) => ({
    id: `photos.${at}`,
    owner: `node-${at % NODES}`,
  }));
  const rounds: number[] = [];
  const reading: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const startedMs = performance.now();
    const { moves } = allocate(members, shards);
    const plannedMs = performance.now();
    const copies = JSON.parse(JSON.stringify({ members, shards })) as object;
    const readMs = performance.now();
    const orphans = moves.filter(({ reason }) => reason === 'orphaned').length;
    if (orphans !== SHARDS / NODES) throw new Error(`the plan gives ${orphans} of 10 orphaned shards away`);
    if (Object.keys(copies).length !== 2) throw new Error('nothing was copied');
    // The first one compiles the code.
    if (round === 0) note(`first plan ${(plannedMs - startedMs).toFixed(1)} ms`);
    else rounds.push(plannedMs - startedMs);
    if (round > 0) reading.push(readMs - plannedMs);
  }
  const reference = `writing and reading the same records as JSON: ${metricOf(reading, 'ms').value} ms`;
  return { 'cluster.plan_ms_10k': metricOf(rounds, 'ms', reference) };
}
