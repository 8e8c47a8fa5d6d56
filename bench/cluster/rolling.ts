// Every node of four is stopped and started again, one after the other, half of them as a program that writes a newer
// message format, while more than a thousand accepted items wait: how long a shard is answered by nobody meanwhile.
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import type { BenchOptions, Metrics } from '../contract.ts';
import { HandOffs, quantile } from './hand-offs.ts';
import { MESSAGE_BOUND, pictures, publish } from './load.ts';
import { calmDigest, configOf, DATASET, metric, SETTLE_MS, underLoad } from './under-load.ts';
import { verify } from './verify.ts';

const NODES = ['a', 'b', 'c', 'd'];
const OLDER = { TROUPE_NODE__MAX_MESSAGE_VERSION: '1' };

export async function rolling({ quick, note }: BenchOptions): Promise<Metrics> {
  const count = quick ? 4_000 : 10_000;
  const contents = await pictures(MESSAGE_BOUND, count);
  const calm = await calmDigest(contents);
  await using system = await ChaosSystem.create({ config: configOf(quick ? 16 : 64), nodes: NODES });
  for (const node of NODES) await system.start(node, OLDER);
  const client = await system.client.connect();
  using handOffs = new HandOffs(client);
  await publish(client, DATASET, contents);
  const startedMs = performance.now();
  for (const [at, node] of NODES.entries()) {
    await underLoad(system, count);
    const { code } = await system.stop(node);
    if (code !== 0) throw new Error(`node ${node} ended with ${code} when it was to leave`);
    await system.start(node, at % 2 === 0 ? {} : OLDER);
    note(`node ${node} was started again`);
  }
  const pauses = handOffs.pauses(startedMs);
  await system.client.waitSettled(count, { deadlineMs: SETTLE_MS });
  const { digest, lost, duplicated } = await verify(system.client, count);
  const { dead } = await system.client.verdicts();
  return {
    'cluster.rolling_pause_p50_ms': metric(quantile(pauses, 0.5), 'ms', `${pauses.length} hand-offs`),
    'cluster.rolling_pause_max_ms': metric(Math.max(...pauses), 'ms'),
    'cluster.rolling_failed': metric(dead + lost + duplicated, 'items', `${count} published`),
    'cluster.rolling_digest_equal': metric(digest === calm ? 1 : 0, '', 'one node, undisturbed'),
  };
}
