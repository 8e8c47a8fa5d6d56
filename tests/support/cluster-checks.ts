// What holds of the nodes of a simulated cluster whatever has happened to them.
import { expect } from 'vitest';
import type { SimulatedCluster } from './cluster-simulation.ts';

/** Every frame of an epoch is of one node, and epochs never go back. */
export function expectOneWriterEach(cluster: SimulatedCluster): void {
  for (const shard of cluster.shards) {
    const writers = new Map<number, string>();
    let before = 0;
    for (const { epoch, events } of cluster.journal(shard).frames) {
      expect(epoch).toBeGreaterThanOrEqual(before);
      before = epoch;
      for (const writer of events as string[]) {
        expect(writers.get(epoch) ?? writer).toBe(writer);
        writers.set(epoch, writer);
      }
    }
  }
}

/** Each shard is recorded as some living node's, and runs there alone, under the recorded epoch. */
export async function expectAllOwned(cluster: SimulatedCluster): Promise<void> {
  const owners = await cluster.owners();
  for (const shard of cluster.shards) {
    const recorded = owners.get(shard);
    const running = cluster
      .living()
      .flatMap(({ name, running }) =>
        running.has(shard) ? [{ owner: name, epoch: running.get(shard) }] : [],
      );
    expect(running, shard).toEqual([recorded]);
  }
}
