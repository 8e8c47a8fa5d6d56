// How busy a dataset is over all nodes that answer: their own accounts of the last 15 seconds, put together for `status`.
import type { Stage } from '#actors';
import type { BreakerSnapshot } from '#runtime';
import { dependencyOf } from '../metrics/event-labels.ts';
import type { DatasetLoad, StageLoad } from '../status/bottleneck.ts';
import type { ClusterStatus } from './cluster-status.ts';
import type { RecentWork } from './work-flow.ts';

/** What one node tells of one dataset. */
export interface NodeWork {
  readonly node: string;
  readonly cores: number;
  readonly work: RecentWork;
  readonly breakers: readonly BreakerSnapshot[];
}

/** Rate and utilisation of a stage. */
export function stageRates(stage: Stage, works: readonly NodeWork[]): Pick<StageLoad, 'itemsPerS' | 'busy'> {
  const parts = works.map(({ work: { windowMs, parts: all } }) => ({ windowMs, ...all[stage] }));
  const workers = parts.reduce((sum, part) => sum + part.workers, 0);
  const itemsPerS = parts.reduce((sum, part) => sum + perSecond(part.items, part.windowMs), 0);
  // Workers of a keeper stand on every node that may own it; one at a time has it.
  const counted = stage === 'keep' ? Math.min(1, workers) : workers;
  const atOnce = parts.reduce((sum, { busyMs, windowMs }) => sum + (windowMs > 0 ? busyMs / windowMs : 0), 0);
  return { itemsPerS, busy: counted === 0 ? null : Math.min(1, atOnce / counted) };
}

export function datasetLoad(options: {
  readonly dataset: string;
  readonly stages: readonly StageLoad[];
  readonly works: readonly NodeWork[];
  readonly cluster: Pick<ClusterStatus, 'shards' | 'members' | 'unattended'>;
  readonly room: readonly string[];
  readonly syncsEachWrite: boolean;
}): DatasetLoad {
  const { dataset, works, cluster, ...rest } = options;
  const present = new Set(
    cluster.members.flatMap(({ name, state }) => (state === 'gone' || state === 'left' ? [] : [name])),
  );
  const broken = works
    .flatMap(({ breakers }) => breakers)
    .filter(({ state, path }) => state !== 'closed' && path.startsWith(`${dataset}/`));
  const named = (dependency: ReturnType<typeof dependencyOf>) => [
    ...new Set(broken.filter((breaker) => dependencyOf(breaker) === dependency).map(({ name }) => name)),
  ];
  return {
    ...rest,
    ingesting: works
      .filter(({ work }) => work.parts.intake.workers > 0)
      .map(({ node, cores, work: { windowMs, parts } }) => ({
        node,
        cores,
        ingestConcurrency: parts.intake.workers,
        decodeThreads: parts.decode.workers,
        intakeBusy: share(parts.intake.busyMs, windowMs * parts.intake.workers),
        decodeBusy: share(parts.decode.busyMs, windowMs * parts.decode.workers),
      })),
    unattended: cluster.unattended,
    broken: { model: named('model'), source: named('source'), node: named('node') },
    orphans: cluster.shards.filter(
      ({ shard, owner }) => shard.startsWith(`${dataset}.`) && (owner === null || !present.has(owner)),
    ).length,
  };
}

function share(busyMs: number, ofMs: number): number {
  return ofMs <= 0 ? 0 : Math.min(1, busyMs / ofMs);
}

function perSecond(items: number, windowMs: number): number {
  return windowMs <= 0 ? 0 : (items * 1_000) / windowMs;
}
