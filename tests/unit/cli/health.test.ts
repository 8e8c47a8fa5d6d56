// When a node is alive and ready, from what it knows of itself.
import { describe, expect, it } from 'vitest';
import { type HealthFacts, healthOf } from '../../../cli/http/health.ts';

const WELL: HealthFacts = {
  node: 'vm-1',
  version: '0.1.0',
  phase: 'active',
  connected: true,
  holdsLease: true,
  publishesWaiting: 0,
  failingShards: [],
  datasets: [
    {
      name: 'photos',
      tree: { path: '/', type: 'supervisor', state: 'running', restarts: 0, depth: 0, children: [] },
      breakers: [],
      shards: ['keeper', '0'],
    },
  ],
  models: [],
};

function short(facts: Partial<HealthFacts>): string {
  const { status, live, ready } = healthOf({ ...WELL, ...facts });
  return `${status}, ${live ? 'live' : 'not live'}, ${ready ? 'ready' : 'not ready'}`;
}

describe('the health of a node', () => {
  it('is live and ready only while it is active, connected and holds its lease', () => {
    expect({
      well: short({}),
      joining: short({ phase: 'joining', holdsLease: false }),
      draining: short({ phase: 'draining' }),
      disconnected: short({ connected: false }),
      withoutLease: short({ holdsLease: false }),
    }).toEqual({
      well: 'ok, live, ready',
      joining: 'unready, live, not ready',
      draining: 'unready, live, not ready',
      disconnected: 'unready, live, not ready',
      withoutLease: 'unready, live, not ready',
    });
  });

  it('is dead only when the node ended by itself, and says why', () => {
    const ended = {
      phase: 'ended',
      end: { reason: 'restart_intensity', message: 'photos gave up' },
    } as const;
    expect(short(ended)).toBe('dead, not live, not ready');
    expect(healthOf({ ...WELL, ...ended }).notReady).toEqual([
      'the node ended (restart_intensity): photos gave up',
    ]);
  });

  it('is degraded, and ready all the same, while something waits or is started again', () => {
    const [dataset] = WELL.datasets;
    if (dataset === undefined) throw new Error('expected a dataset');
    const leaf = { type: 'actor', restarts: 1, depth: 0, children: [] } as const;
    const health = healthOf({
      ...WELL,
      publishesWaiting: 3,
      failingShards: [
        { shard: 'photos.1', failures: 2, retryMs: 100, lastFailure: { name: 'E', message: 'm', atMs: 0 } },
      ],
      datasets: [
        {
          ...dataset,
          tree: {
            ...dataset.tree,
            children: [
              { ...leaf, path: 'photos/scorer', state: 'waiting' },
              { ...leaf, path: 'photos/ledger/keeper', state: 'passive' },
            ],
          },
          breakers: [
            { path: 'photos/embedding', name: 'model tiny', state: 'half_open', failures: 3 },
            { path: 'photos/intake', name: 'https://a.example', state: 'closed', failures: 0 },
          ],
        },
      ],
    });
    expect(health).toMatchObject({ status: 'degraded', live: true, ready: true, notReady: [] });
    expect(health.problems).toEqual([
      'photos/scorer is waiting',
      'the breaker of model tiny is half_open',
      'photos.1 could not be started',
      '3 messages wait for room in a stream',
    ]);
  });

  it('is degraded while the sessions of a model that it serves for others are left alone', () => {
    const breaker = (state: 'open' | 'closed') => ({
      path: 'embed-clip/sessions',
      name: 'model clip',
      state,
      failures: 0,
    });
    const models = [
      { name: 'tiny', breakers: [breaker('closed')] },
      { name: 'clip', breakers: [breaker('closed'), breaker('open')] },
    ];
    const health = healthOf({ ...WELL, models });
    expect(health).toMatchObject({ status: 'degraded', live: true, ready: true });
    expect(health.problems).toEqual(['the breaker of clip, served for others, is open']);
    expect(health.models).toEqual([
      { name: 'tiny', breakers: ['closed'] },
      { name: 'clip', breakers: ['closed', 'open'] },
    ]);
  });
});
