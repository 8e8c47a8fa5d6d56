import { describe, expect, it } from 'vitest';
import { ACK_WAIT_MS, datasetTopology } from '../../../cli/node/dataset-topology.ts';
import { StageTotals } from '../../../cli/node/stage-totals.ts';

describe('stage totals', () => {
  it('add up items and time by stage', () => {
    const totals = new StageTotals();
    totals.handled('embed', 2, 10);
    totals.handled('intake', 1, 1);
    totals.handled('embed', 3, 5);
    expect(totals.toJSON()).toEqual({
      embed: { items: 5, busyMs: 15 },
      intake: { items: 1, busyMs: 1 },
    });
  });

  it('add up items by where their vectors came from', () => {
    const totals = new StageTotals();
    totals.embedded({ stored: 1, shared: 2, flight: 3, inference: 4 });
    totals.embedded({ stored: 10, shared: 0, flight: 0, inference: 1 });
    expect(totals.vectors).toEqual({ stored: 11, shared: 2, flight: 3, inference: 5 });
  });
});

describe('the layout of a dataset', () => {
  it('gives the keeper a consumer of its own and every other stage a shared one', () => {
    const { stages } = datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } });
    expect(stages?.map(({ name, consumer }) => `${name} ${consumer}`)).toEqual([
      'held shared',
      'embed shared',
      'dedup shared',
      'replay shared',
      'score shared',
      'keep owned',
    ]);
  });

  it('gives back what a silent consumer held within the lease time of a node', () => {
    expect(ACK_WAIT_MS).toBeLessThanOrEqual(10_000);
    expect(datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }).ackWaitMs).toBe(
      ACK_WAIT_MS,
    );
  });
});
