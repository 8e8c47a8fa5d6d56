// What happens to a node, as metrics: closed labels, and counters that are there before the first event.
import { describe, expect, it } from 'vitest';
import { DEAD_REASONS } from '#actors';
import { ManualClock } from '#testkit';
import { manifestEnvelopeSchema } from '../../../actors/keeper/manifest.ts';
import { CLASS_OF_REASON, DEAD_CLASSES } from '../../../cli/metrics/dead-class.ts';
import { actorLabel } from '../../../cli/metrics/event-labels.ts';
import { METRICS, type Metric, OUTCOMES } from '../../../cli/metrics/metric-catalogue.ts';
import { type NodeFacts, NodeMetrics } from '../../../cli/metrics/node-metrics.ts';
import { Exposition } from '../../support/exposition.ts';

const IDLE: NodeFacts = {
  ready: true,
  connected: true,
  publishesWaiting: 0,
  isCoordinator: true,
  nodes: { joining: 0, active: 1, draining: 0, unreachable: 0, gone: 0 },
  datasets: [],
  models: [],
};

function metricsOf(facts: Partial<NodeFacts> = {}): NodeMetrics {
  return new NodeMetrics({
    node: 'vm-1',
    version: '0.1.0',
    clock: new ManualClock(),
    look: () => ({ ...IDLE, ...facts }),
    sample: () => Promise.resolve([]),
  });
}

const read = async (metrics: NodeMetrics) => new Exposition(await metrics.text());

describe('what happens to a node', () => {
  it('counts crashes, restarts, escalations and breakers that open by what they happened to', async () => {
    const metrics = metricsOf();
    metrics.dataset('photos');
    const path = 'photos/intake/decoders/decoder-3';
    const at = { path, atMs: 0 };
    metrics.happened({ ...at, type: 'crashed', during: 'work', error: new Error('x') }, 'photos');
    metrics.happened({ ...at, type: 'restarted', restarts: 7 }, 'photos');
    metrics.happened(
      {
        type: 'escalated',
        path: 'photos/intake',
        atMs: 0,
        reason: 'restart_intensity',
        error: new Error('x'),
      },
      'photos',
    );
    for (const state of ['open', 'half_open', 'open', 'closed'] as const) {
      const breaker = {
        type: 'breaker',
        path: 'photos/embedding',
        name: 'model tiny',
        state,
        atMs: 0,
      } as const;
      metrics.happened(breaker, 'photos');
    }
    const seen = await read(metrics);
    expect({
      crashes: seen.sum('troupe_actor_crashes_total', { actor: 'decoder' }),
      restarts: seen.sum('troupe_actor_restarts_total', { actor: 'decoder' }),
      escalations: seen.sum('troupe_actor_escalations_total', { dataset: 'photos' }),
      openings: seen.sum('troupe_breaker_openings_total', { dependency: 'model' }),
    }).toEqual({ crashes: 1, restarts: 1, escalations: 1, openings: 2 });
    expect(seen.total('troupe_actor_crashes_total')).toBe(1);
  });

  it('counts and tells breakers of models that are served for others by model, never as those of a dataset', async () => {
    const breaker = {
      path: 'embed-clip/sessions',
      name: 'model clip',
      state: 'open',
      failures: 3,
    } as const;
    const served = { name: 'clip', waiting: 0, underWay: 0, replicas: 1 };
    const metrics = metricsOf({
      models: [{ ...served, breakers: [breaker, { ...breaker, state: 'closed' }] }],
    });
    metrics.model('clip');
    // A dataset may bear the name under which such events are published.
    metrics.dataset('embedding');
    for (const state of ['open', 'half_open', 'open', 'closed'] as const) {
      metrics.happened({ ...breaker, type: 'breaker', state, atMs: 0 }, 'embedding');
    }
    const other = { ...breaker, path: 'embed-unknown/sessions', type: 'breaker', atMs: 0 } as const;
    metrics.happened(other, 'nobody');
    const seen = await read(metrics);
    const closed = seen.sum('troupe_embed_breakers', { model: 'clip', state: 'closed' });
    const open = seen.sum('troupe_embed_breakers', { model: 'clip', state: 'open' });
    expect({ closed, open }).toEqual({ closed: 1, open: 1 });
    expect(seen.sum('troupe_embed_breaker_openings_total', { model: 'clip' })).toBe(2);
    expect(seen.total('troupe_embed_breaker_openings_total')).toBe(2);
    expect(seen.total('troupe_breaker_openings_total')).toBe(0);
  });

  it('counts the phases of hand-offs by dataset, never by shard', async () => {
    const metrics = metricsOf();
    const event = { type: 'handoff', shard: 'photos.3', epoch: 2, node: 'vm-1', atMs: 0 } as const;
    metrics.happenedInCluster({ ...event, phase: 'taken' });
    metrics.happenedInCluster({ ...event, phase: 'answering' });
    const phases = (await read(metrics)).samples.filter(({ name }) => name === 'troupe_shard_handoffs_total');
    expect(phases.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { dataset: 'photos', phase: 'taken', value: 1 },
      { dataset: 'photos', phase: 'answering', value: 1 },
    ]);
  });

  it('tells dead letters by class, and a manifest only while its keeper is here', async () => {
    const keeper = { keeper: 1 };
    const work = Object.fromEntries(
      ['intake', 'held', 'decode', 'embed', 'dedup', 'replay', 'score', 'keep'].map((part) => [
        part,
        { items: 0, busyMs: 0, workers: 1 },
      ]),
    ) as NodeFacts['datasets'][number]['work'];
    const facts = {
      datasets: [
        {
          name: 'photos',
          shards: { index: 2, ...keeper },
          failingShards: 0,
          breakers: [],
          work,
          accountedBytes: { 'index/shard-0': 5, 'index/shard-1': 6, 'ledger/keeper': 7 },
        },
      ],
    };
    const metrics = metricsOf(facts);
    const meter = metrics.dataset('photos');
    meter.died?.('intake', 'too_large');
    meter.died?.('intake', 'corrupt_image');
    meter.died?.('embed', 'model_failed');
    meter.published?.({ number: 3, counts: { kept: 1, duplicate: 2, rejected: 0, review: 0 } });
    let seen = await read(metrics);
    expect(seen.sum('troupe_dead_letters_total', { stage: 'intake', class: 'content' })).toBe(2);
    expect(seen.sum('troupe_dead_letters_total', { stage: 'embed', class: 'work' })).toBe(1);
    expect(seen.sum('troupe_manifest_number')).toBe(3);
    expect(seen.sum('troupe_manifest_items', { outcome: 'duplicate' })).toBe(2);
    expect(seen.sum('troupe_accounted_bytes', { actor: 'index' })).toBe(11);
    expect(seen.sum('troupe_accounted_bytes', { actor: 'keeper' })).toBe(7);
    keeper.keeper = 0;
    facts.datasets = facts.datasets.map((dataset) => ({ ...dataset, shards: { index: 2, ...keeper } }));
    seen = await read(metrics);
    expect(seen.has('troupe_manifest_number')).toBe(false);
  });

  it('begins every series of a dataset at 0, so that a rate sees the first event', async () => {
    const metrics = metricsOf();
    metrics.dataset('photos');
    const seen = await read(metrics);
    const counters = Object.entries<Metric>(METRICS).filter(([name, { type, labels }]) => {
      return type === 'counter' && 'dataset' in labels && name !== 'troupe_work_busy_seconds_total';
    });
    expect(counters.filter(([name]) => !seen.has(name) || seen.total(name) !== 0)).toEqual([]);
    expect(counters.length).toBeGreaterThan(8);
  });
});

describe('labels', () => {
  it('name the sort of an actor, whatever its number and whoever made it', () => {
    const labels = [
      'photos',
      'photos/intake/ingestors/ingestor-12',
      'photos/intake/ingestors/held-0',
      'photos/index/shard-7',
      'photos/ledger/keeper',
      'photos/embedding',
      'photos/intake/isolated-4',
    ].map(actorLabel);
    expect(labels).toEqual(['supervisor', 'ingestor', 'held', 'shard', 'keeper', 'supervisor', 'other']);
  });

  it('give every reason of a dead letter a class', () => {
    expect(DEAD_REASONS.filter((reason) => !DEAD_CLASSES.includes(CLASS_OF_REASON[reason]))).toEqual([]);
  });

  it('have the outcomes that manifests count', () => {
    expect([...OUTCOMES].sort()).toEqual(Object.keys(manifestEnvelopeSchema.shape.counts.shape).sort());
  });
});
