// Items a second with one, two and four node processes on this machine: of small pictures, whose cost is mostly messages,
// and of large ones, whose cost is mostly decoding. Each node decodes on one thread, so that nodes are what is added.
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import type { BenchOptions, Metric, Metrics } from '../contract.ts';
import { watchProcesses } from '../cpu-time.ts';
import { CPU_BOUND, MESSAGE_BOUND, type PictureSize, pictures, publish } from './load.ts';
import { verify } from './verify.ts';

const NODES = ['a', 'b', 'c', 'd'];
const SETTLE_MS = 540_000;
/** Items before the clock starts, so that code is compiled and threads are there. */
const WARM_UP = 64;

export async function throughput({ quick, note }: BenchOptions): Promise<Metrics> {
  const loads: readonly [string, PictureSize, number][] = [
    ['message', MESSAGE_BOUND, quick ? 600 : 3_000],
    ['cpu', CPU_BOUND, quick ? 150 : 600],
  ];
  const metrics: Record<string, Metric> = {};
  for (const [name, size, count] of loads) {
    const contents = await pictures(size, count + WARM_UP);
    let alone: Run | undefined;
    for (const nodes of [1, 2, 4]) {
      const run = await runOn(nodes, contents);
      alone ??= run;
      if (run.digest !== alone.digest) throw new Error(`${nodes} nodes decided otherwise than one`);
      note(
        `${name}-bound, ${nodes} nodes: ${run.itemsPerS.toFixed(1)} items/s, CPU ms an item: ` +
          `nodes ${run.nodesMs.toFixed(1)}, nats-server ${run.serverMs.toFixed(1)}`,
      );
      metrics[`cluster.${name}_items_per_s_${nodes}`] = {
        value: Number(run.itemsPerS.toPrecision(4)),
        unit: 'items/s',
        ...(nodes > 1 && { reference: `${(run.itemsPerS / alone.itemsPerS).toFixed(2)} of one node` }),
      };
      metrics[`cluster.${name}_cpu_ms_${nodes}`] = {
        value: Number((run.nodesMs + run.serverMs).toPrecision(4)),
        unit: 'ms of CPU an item, all processes',
      };
    }
  }
  return metrics;
}

interface Run {
  readonly itemsPerS: number;
  readonly nodesMs: number;
  readonly serverMs: number;
  readonly digest: string;
}

async function runOn(nodes: number, contents: readonly Uint8Array[]): Promise<Run> {
  const names = NODES.slice(0, nodes);
  const config = { version: 1, node: { decodeThreads: 1 }, datasets: { photos: { shards: 4 } } };
  await using system = await ChaosSystem.create({ config, nodes: names });
  await system.startAll();
  const client = await system.client.connect();
  const measured = contents.length - WARM_UP;
  await publish(client, 'photos', contents.slice(0, WARM_UP));
  await system.client.waitSettled(WARM_UP, { deadlineMs: SETTLE_MS });
  const nodesCpu = await watchProcesses(system.nodes.map(({ pid }) => pid));
  const serverCpu = await watchProcesses(system.nats.servers.map(({ pid }) => pid));
  const startedMs = performance.now();
  await publish(client, 'photos', contents.slice(WARM_UP), WARM_UP);
  await system.client.waitSettled(contents.length, { deadlineMs: SETTLE_MS });
  const seconds = (performance.now() - startedMs) / 1_000;
  const nodesMs = (await nodesCpu()) / measured;
  const serverMs = (await serverCpu()) / measured;
  const { digest, lost, duplicated } = await verify(system.client, contents.length);
  if (lost + duplicated > 0) throw new Error(`${lost} items lost, ${duplicated} outcomes doubled`);
  return { itemsPerS: measured / seconds, nodesMs, serverMs, digest };
}
