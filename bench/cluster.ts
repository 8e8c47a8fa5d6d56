// Several nodes at work on one dataset: what planning, moving shards, losing a node and asking across nodes cost. Every
// part runs real node processes on a real nats-server, and checks that nothing was lost or doubled before it counts.

import { claimCost } from './cluster/claim-cost.ts';
import { coordinatorCost } from './cluster/coordinator-cost.ts';
import { planTime } from './cluster/plan-time.ts';
import { rebalance } from './cluster/rebalance.ts';
import { rolling } from './cluster/rolling.ts';
import { throughput } from './cluster/throughput.ts';
import type { Bench } from './contract.ts';

const PARTS = {
  plan: planTime,
  claims: claimCost,
  coordinator: coordinatorCost,
  rebalance,
  rolling,
  throughput,
} as const;

export const clusterBench: Bench = {
  parts: Object.keys(PARTS),
  async run(options) {
    const metrics = {};
    for (const [name, part] of Object.entries(PARTS)) {
      if (options.only !== undefined && options.only !== name) continue;
      options.note(`part ${name}`);
      Object.assign(metrics, await part(options));
    }
    return metrics;
  },
};
