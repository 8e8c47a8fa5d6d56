// Nodes beside which something must not be done: a change of what they run, say. A record alone does not say whether
// its node lives, so whoever asks waits until it has renewed or is gone.
import { pause } from '../pause.ts';
import type { Clock } from '../ports.ts';
import type { ClusterView } from './cluster-view.ts';
import type { NodeRecord } from './node-record.ts';

const MAX_LOOK_MS = 1_000;
const LOOKS = 10;

/**
 * Waits until each node that `misfit` names an error for is gone.
 * @throws the error of the first of them that proves to live
 */
export async function refuseMisfits(options: {
  readonly view: ClusterView;
  readonly clock: Clock;
  /** Of the node that asks: it looks ten times in it. */
  readonly leaseMs: number;
  readonly misfit: (other: NodeRecord) => Error | undefined;
}): Promise<void> {
  const { view, clock, leaseMs, misfit } = options;
  const misfits = () =>
    view.present().flatMap((record) => {
      const error = misfit(record);
      const revision = view.node(record.name)?.revision;
      return error === undefined ? [] : [{ name: record.name, revision, error }];
    });
  await view.refresh();
  const before = new Map(misfits().map(({ name, revision }) => [name, revision]));
  for (let left = misfits(); left.length > 0; left = misfits()) {
    const alive = left.find(({ name, revision }) => before.get(name) !== revision);
    if (alive !== undefined) throw alive.error;
    await pause(clock, Math.min(MAX_LOOK_MS, leaseMs / LOOKS));
    await view.refresh();
  }
}
