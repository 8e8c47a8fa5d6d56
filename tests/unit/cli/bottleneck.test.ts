// Which stage limits a dataset and what to change, from queues and workers as nodes would tell them.
import { describe, expect, it } from 'vitest';
import type { Stage } from '#actors';
import { datasetLoad, stageRates } from '../../../cli/node/dataset-load.ts';
import type { PartWork } from '../../../cli/node/work-flow.ts';
import {
  bottleneckLine,
  type DatasetLoad,
  findBottleneck,
  type IngestingNode,
  type StageLoad,
} from '../../../cli/status/bottleneck.ts';

const STAGES: readonly Stage[] = ['intake', 'held', 'embed', 'dedup', 'replay', 'score', 'keep'];
const IDLE: IngestingNode = {
  node: 'vm-1',
  cores: 4,
  ingestConcurrency: 8,
  decodeThreads: 3,
  intakeBusy: 0,
  decodeBusy: 0,
};

/** A load in which only these stages are not idle. */
function load(
  stages: Partial<Record<Stage, Partial<StageLoad>>>,
  rest: Partial<DatasetLoad> = {},
): DatasetLoad {
  const idle = { unprocessed: 0, ackPending: 0, itemsPerS: 0, busy: 0 };
  return {
    stages: STAGES.map((stage) => ({ stage, ...idle, ...stages[stage] })),
    ingesting: [IDLE],
    unattended: [],
    broken: { model: [], source: [], node: [] },
    orphans: 0,
    room: [],
    syncsEachWrite: false,
    ...rest,
  };
}

const short = (of: DatasetLoad) => {
  const { by, stage } = findBottleneck(of);
  return stage === null ? by : `${by} ${stage}`;
};

describe('the stage that limits', () => {
  it('is the one with a backlog that passes the fewest items', () => {
    const growing = load({
      intake: { unprocessed: 900, itemsPerS: 80, busy: 1 },
      embed: { unprocessed: 500, itemsPerS: 30, busy: 1 },
      dedup: { itemsPerS: 30, busy: 0.2 },
    });
    expect(short(growing)).toBe('stage embed');
  });

  it('is the last of those that pass equally many: it holds up the ones before it', () => {
    const full = load({
      intake: { unprocessed: 900, itemsPerS: 31, busy: 1 },
      embed: { unprocessed: 2_000, itemsPerS: 30, busy: 1 },
      dedup: { unprocessed: 2_000, itemsPerS: 30, busy: 1 },
      score: { itemsPerS: 30, busy: 0.1 },
    });
    expect(short(full)).toBe('stage dedup');
  });

  it('is not one that only works off what had piled up before it', () => {
    const draining = load({
      intake: { unprocessed: 900, itemsPerS: 20, busy: 1 },
      embed: { unprocessed: 100, itemsPerS: 120, busy: 1 },
    });
    expect(short(draining)).toBe('stage intake');
  });

  it('is never the comparing anew, which goes on beside what is published', () => {
    const replaying = load({
      replay: { unprocessed: 900, itemsPerS: 1, busy: 1 },
      embed: { ackPending: 1, itemsPerS: 9 },
    });
    expect(findBottleneck(replaying).by).toBe('publishers');
  });

  it('is none while everything is done as it comes; the busiest would be next', () => {
    const easy = load({
      intake: { ackPending: 3, itemsPerS: 10, busy: 0.4 },
      embed: { itemsPerS: 10, busy: 0.6 },
    });
    const found = findBottleneck(easy);
    expect(found).toMatchObject({ by: 'publishers', stage: 'embed', change: null });
    expect(bottleneckLine(found)).toBe(
      'limit: what is published (10 items/s); everything is done as it comes; embed would be the next limit, at 60 % of its time',
    );
    expect(bottleneckLine(findBottleneck(load({})))).toBe('limit: none, nothing is to be done');
  });
});

describe('what is in the way of a stage', () => {
  it.each([
    {
      what: 'no node that runs it, before all else',
      of: load(
        { intake: { unprocessed: 9, busy: 1 }, embed: { unprocessed: 5, busy: null } },
        { unattended: ['embed'], room: ['full'] },
      ),
      is: 'no_node embed',
    },
    {
      what: 'no node that answers, where only its queue tells',
      of: load({ score: { ackPending: 5, busy: null } }),
      is: 'no_node score',
    },
    {
      what: 'a stream without room',
      of: load({ intake: { unprocessed: 9, busy: 1 } }, { room: ['the journals of photos are 81 % full'] }),
      is: 'room intake',
    },
    {
      what: 'the breaker of the model',
      of: load(
        { embed: { unprocessed: 9, busy: 0 } },
        { broken: { model: ['model tiny'], source: [], node: [] } },
      ),
      is: 'breaker embed',
    },
    {
      what: 'shards without an owner',
      of: load({ dedup: { unprocessed: 9, busy: 1 } }, { orphans: 2 }),
      is: 'shards dedup',
    },
    {
      what: 'another node that does not answer',
      of: load(
        { dedup: { unprocessed: 9, busy: 1 } },
        { broken: { model: [], source: [], node: ['node vm-2'] } },
      ),
      is: 'shards dedup',
    },
    {
      what: 'a source that is down, once nothing else is in hand',
      of: load(
        { held: { ackPending: 9 }, keep: { itemsPerS: 3 } },
        { broken: { model: [], source: ['https://a.example'], node: [] } },
      ),
      is: 'sources held',
    },
    {
      what: 'nothing that numbers tell, while workers were hardly busy',
      of: load({ score: { unprocessed: 9, busy: 0.1 } }),
      is: 'unclear score',
    },
  ])('$what', ({ of, is }) => {
    expect(short(of)).toBe(is);
  });

  it('is told with what waits', () => {
    const down = load(
      { held: { ackPending: 9, unprocessed: 1 } },
      { broken: { model: [], source: ['https://a.example'], node: [] } },
    );
    expect(bottleneckLine(findBottleneck(down))).toContain(
      '10 items wait for https://a.example, which is down',
    );
    expect(findBottleneck(load({ held: { ackPending: 9 } })).advice).toContain('sources.rates');
  });
});

describe('what to change', () => {
  const intake = { intake: { unprocessed: 900, itemsPerS: 10, busy: 1 } };
  const changeFor = (ingesting: readonly IngestingNode[]) =>
    findBottleneck(load(intake, { ingesting })).change;

  it('is the number of threads where they decode all the time and cores are left', () => {
    const busy = { ...IDLE, decodeBusy: 0.97, intakeBusy: 1 };
    expect(changeFor([{ ...busy, decodeThreads: 1 }])).toEqual({
      setting: 'node.decodeThreads',
      node: 'vm-1',
      from: 1,
      to: 3,
    });
    expect(changeFor([busy, { ...busy, node: 'vm-2', cores: 8 }])).toMatchObject({ node: 'vm-2', to: 7 });
  });

  it('is another machine where each core has a thread already', () => {
    expect(changeFor([{ ...IDLE, decodeBusy: 0.97 }])).toEqual({
      command: 'troupe up --join URL --roles ingest',
    });
  });

  it('is more items at once where threads wait for them', () => {
    expect(changeFor([{ ...IDLE, decodeBusy: 0.2, intakeBusy: 1 }])).toEqual({
      setting: 'node.ingestConcurrency',
      node: 'vm-1',
      from: 8,
      to: 16,
    });
    expect(changeFor([{ ...IDLE, ingestConcurrency: 1_024 }])).toEqual({
      command: 'troupe up --join URL --roles ingest',
    });
  });

  it('is a node of the role that a stateless stage needs', () => {
    const commandFor = (stage: Stage) =>
      findBottleneck(load({ [stage]: { unprocessed: 9, itemsPerS: 1, busy: 1 } })).change;
    expect(['embed', 'dedup', 'score'].map((stage) => commandFor(stage as Stage))).toEqual([
      { command: 'troupe up --join URL --roles embed' },
      { command: 'troupe up --join URL --roles dedup,shards' },
      { command: 'troupe up --join URL --roles score' },
    ]);
  });

  it('is the durability, where the keeper waits for the disk at each write', () => {
    const keep = { keep: { unprocessed: 9, itemsPerS: 1, busy: 1 } };
    expect(findBottleneck(load(keep)).change).toBeNull();
    expect(findBottleneck(load(keep, { syncsEachWrite: true })).change).toEqual({
      setting: 'durability',
      node: null,
      from: 'disk',
      to: 'default',
    });
  });
});

describe('the load of a dataset', () => {
  const none: PartWork = { items: 0, busyMs: 0, workers: 0 };
  const parts = {
    intake: none,
    held: none,
    decode: none,
    embed: none,
    dedup: none,
    replay: none,
    score: none,
    keep: none,
  };
  const node = (name: string, own: Partial<typeof parts>) => ({
    node: name,
    cores: 4,
    breakers: [],
    work: { windowMs: 10_000, parts: { ...parts, ...own } },
  });

  it('is put together from what each node tells', () => {
    const works = [
      node('a', { embed: { items: 300, busyMs: 9_000, workers: 1 } }),
      node('b', { embed: { items: 100, busyMs: 3_000, workers: 1 } }),
      node('c', {}),
    ];
    expect(stageRates('embed', works)).toEqual({ itemsPerS: 40, busy: 0.6 });
    const intake = { items: 0, busyMs: 60_000, workers: 8 };
    expect(stageRates('intake', [node('a', { intake })]).busy).toBe(0.75);
    expect(stageRates('score', works)).toEqual({ itemsPerS: 0, busy: null });
  });

  it('knows that one keeper at a time works, however many nodes may have it', () => {
    const keep = { items: 10, busyMs: 9_000, workers: 1 };
    expect(
      stageRates('keep', [node('a', { keep }), node('b', { keep: { ...keep, items: 0, busyMs: 0 } })]),
    ).toEqual({
      itemsPerS: 1,
      busy: 0.9,
    });
  });

  it('has only breakers and shards of the dataset itself', () => {
    const breaker = (path: string, state: 'open' | 'closed') => ({ path, name: path, state, failures: 1 });
    const { broken, orphans } = datasetLoad({
      dataset: 'photos',
      stages: [],
      works: [
        {
          ...node('a', {}),
          breakers: [
            breaker('photos/embedding', 'open'),
            breaker('photos/intake', 'closed'),
            breaker('scans/intake', 'open'),
          ],
        },
      ],
      cluster: {
        unattended: [],
        members: [],
        shards: ['photos.0', 'scans.0'].map((shard) => ({
          shard,
          phase: 'active' as const,
          owner: 'gone',
          epoch: 1,
          target: null,
          pinned: null,
        })),
      },
      room: [],
      syncsEachWrite: false,
    });
    expect({ broken, orphans }).toEqual({
      broken: { model: ['photos/embedding'], source: [], node: [] },
      orphans: 1,
    });
  });
});
