// Nodes and shards as their records tell, without any node to ask.
import { describe, expect, it } from 'vitest';
import type { NodeRecord } from '#runtime';
import {
  type ClusterRecords,
  clusterProblems,
  clusterStatus,
  dryRun,
} from '../../../cli/node/cluster-status.ts';

function node(
  name: string,
  renewedMs: number,
  state: NodeRecord['state'] = 'active',
  roles?: readonly string[],
) {
  const codec = { lowest: 1, highest: 1 };
  const record: NodeRecord = {
    name,
    incarnation: '1',
    version: '1.0.0',
    codec,
    ...(roles !== undefined && { roles: [...roles] }),
    weight: 1,
    leaseMs: 10_000,
    state,
    started: '2026-01-02T03:04:05Z',
  };
  return { record, renewedMs };
}

const owned = (id: string, owner: string) => ({ id, record: { phase: 'active', owner, epoch: 1 } as const });

const RECORDS: ClusterRecords = {
  nodes: [
    node('a', 1_000),
    node('b', 6_000),
    node('c', 10_000),
    node('d', 60_000, 'left'),
    node('e', 0, 'draining'),
  ],
  coordinator: 'a',
  drained: new Set(['e']),
  codec: { version: 1 },
  shards: [
    owned('photos.keeper', 'a'),
    owned('photos.0', 'c'),
    { id: 'photos.1', record: { phase: 'released', epoch: 4, target: 'a' } },
    { id: 'photos.2', record: { phase: 'moving', owner: 'a', epoch: 2, target: 'b', prepared: false } },
    { id: 'photos.3', record: undefined, pin: 'a' },
  ],
};

describe('the records of a system', () => {
  it('tell who renews, who does not, and who has left', () => {
    const { members } = clusterStatus(RECORDS);
    expect(members.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'a active',
      'b unreachable',
      'c gone',
      'd left',
      'e draining',
    ]);
    expect(members.filter(({ isCoordinator }) => isCoordinator).map(({ name }) => name)).toEqual(['a']);
  });

  it('tell the owner, epoch and phase of every shard, also of one that nobody ever had', () => {
    expect(clusterStatus(RECORDS).shards.slice(2)).toEqual([
      { shard: 'photos.1', phase: 'released', owner: null, epoch: 4, target: 'a', pinned: null },
      { shard: 'photos.2', phase: 'moving', owner: 'a', epoch: 2, target: 'b', pinned: null },
      { shard: 'photos.3', phase: 'never owned', owner: null, epoch: 0, target: null, pinned: 'a' },
    ]);
  });

  it('are a problem when a node is silent and when a shard has no owner that is there', () => {
    expect(clusterProblems(clusterStatus(RECORDS))).toEqual([
      'node b is unreachable: it does not renew its lease',
      'node c is gone: it does not renew its lease',
      '3 of 5 shards have no owner that is there',
    ]);
    const drained = new Set(['a']);
    expect(
      clusterProblems(clusterStatus({ ...RECORDS, nodes: [node('a', 0)], shards: [], drained })),
    ).toEqual(['every active node is drained: they keep the shards until another one is there']);
    const well = { ...RECORDS, nodes: [node('a', 0)], shards: [owned('photos.0', 'a')] };
    expect(clusterProblems(clusterStatus(well))).toEqual([]);
  });

  it('name each stage that no node which is there runs, and the role that it lacks', () => {
    const nodes = [
      node('a', 0, 'active', ['ingest', 'shards']),
      node('b', 0, 'active', ['score']),
      node('c', 60_000, 'active', ['embed', 'dedup']),
    ];
    const status = clusterStatus({ ...RECORDS, nodes, shards: [owned('photos.0', 'a')] });
    expect(status.members.map(({ roles }) => roles)).toEqual([
      ['ingest', 'shards'],
      ['score'],
      ['embed', 'dedup'],
    ]);
    expect(status.unattended).toEqual(['embed', 'dedup', 'replay']);
    expect(clusterProblems(status)).toContain(
      'no node that is there runs stage embed (role embed): its items wait',
    );
    expect(clusterProblems(clusterStatus(RECORDS)).join()).not.toContain('role');
  });

  it('give no shard to a node without the role for it', () => {
    const nodes = [node('a', 0), node('b', 0, 'active', ['embed'])];
    const shards = ['photos.0', 'photos.1', 'photos.2', 'photos.3'].map((shard) => owned(shard, 'a'));
    expect(dryRun({ ...RECORDS, nodes, shards }).moves).toEqual([]);
    const other = [node('a', 0), node('b', 0)];
    expect(dryRun({ ...RECORDS, nodes: other, shards }).moves).toHaveLength(1);
  });

  it('give the plan of the moment: whose owner is gone first, balance only while everyone is seen', () => {
    const plan = dryRun(RECORDS);
    expect(plan.heldBackBy).toEqual(['b']);
    expect(plan.moves.map(({ shard, to, reason }) => `${shard} ${to} ${reason}`)).toEqual([
      'photos.0 a orphaned',
      'photos.3 a orphaned',
    ]);
  });

  it('give a plan that follows what people have ordered: away from drained nodes, and to where shards were moved', () => {
    const plan = dryRun({
      nodes: [node('a', 0), node('b', 0), node('c', 0)],
      coordinator: 'a',
      drained: new Set(['c']),
      codec: { version: 1 },
      shards: [owned('photos.0', 'c'), { ...owned('photos.1', 'a'), pin: 'b' }, owned('photos.2', 'a')],
    });
    expect(plan.moves.map(({ shard, to, reason }) => `${shard} ${to} ${reason}`)).toEqual([
      'photos.0 a draining',
      'photos.1 b pinned',
    ]);
  });
});
