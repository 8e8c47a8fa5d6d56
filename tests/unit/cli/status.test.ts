// What `troupe status` draws, from a fixed state.
import { describe, expect, it } from 'vitest';
import { LiveScreen } from '../../../cli/live-screen.ts';
import type { SystemStatus } from '../../../cli/node/system-status.ts';
import { renderScreen, renderStatus } from '../../../cli/status/render-status.ts';
import { treePrefixes } from '../../../cli/status/tree-lines.ts';
import { recordingStream } from './recording.ts';

const AT = 1_000_000_000;
const leaf = { type: 'actor', state: 'running', restarts: 0, waiting: 0 } as const;
const supervisor = {
  type: 'supervisor',
  state: 'running',
  restarts: 0,
  waiting: 0,
  supervision: {
    strategy: 'one_for_one',
    intensity: { maxRestarts: 5, withinMs: 30_000 },
    restartsInWindow: 0,
  },
} as const;

const STATUS: SystemStatus = {
  system: 'troupe',
  atMs: AT,
  server: { version: '2.15.1', degraded: [] },
  storage: { replicas: 1 },
  nodes: [
    {
      name: 'vm-1',
      version: '0.1.0',
      started: '2026-01-02T03:04:05Z',
      durability: 'disk',
      cores: 2,
      models: [],
      accountedBytes: {},
      failingShards: [],
      waiting: [],
      actors: [
        {
          ...supervisor,
          depth: 0,
          name: 'photos',
          supervision: { ...supervisor.supervision, strategy: 'rest_for_one' },
        },
        { ...leaf, depth: 1, name: 'photos/keeper', state: 'passive' },
        {
          ...supervisor,
          depth: 1,
          name: 'photos/embedding',
          supervision: { ...supervisor.supervision, restartsInWindow: 2 },
        },
        {
          ...leaf,
          depth: 2,
          name: 'photos/embedding/session',
          state: 'waiting',
          restarts: 2,
          nextRetryMs: 400,
          lastFailure: { name: 'ThreadTimeout', message: 'no answer within 60 s', atMs: AT - 12_000 },
        },
        { ...leaf, depth: 2, name: 'photos/embedding/embedder', waiting: 1 },
        { ...supervisor, depth: 1, name: 'photos/intake' },
        { ...leaf, depth: 2, name: 'photos/intake/ingestor-0' },
      ],
      breakers: [
        {
          path: 'photos/embedding',
          name: 'model troupe-tiny',
          state: 'open',
          failures: 3,
          retryMs: 7_600,
          lastFailure: { name: 'ThreadTimeout', message: 'no answer within 60 s', atMs: AT - 12_000 },
        },
        { path: 'photos/intake', name: 'https://images.example.org', state: 'closed', failures: 0 },
      ],
    },
  ],
  cluster: {
    messageVersion: 1,
    unattended: [],
    members: [
      {
        name: 'vm-1',
        state: 'active',
        version: '0.1.0',
        weight: 1,
        roles: ['ingest', 'embed', 'dedup', 'score', 'shards'],
        messageVersions: { lowest: 1, highest: 2 },
        started: '2026-01-02T03:04:05Z',
        leaseMs: 10_000,
        renewedMs: 2_000,
        isCoordinator: true,
        drained: false,
      },
      {
        name: 'vm-2',
        state: 'gone',
        version: '0.1.0',
        weight: 1,
        roles: ['ingest', 'shards'],
        messageVersions: { lowest: 1, highest: 1 },
        started: '2026-01-02T03:04:05Z',
        leaseMs: 10_000,
        renewedMs: 60_000,
        isCoordinator: false,
        drained: true,
      },
    ],
    shards: [
      { shard: 'photos.keeper', phase: 'active', owner: 'vm-1', epoch: 7, target: null, pinned: null },
      { shard: 'photos.0', phase: 'active', owner: 'vm-1', epoch: 2, target: null, pinned: null },
      { shard: 'photos.1', phase: 'active', owner: 'vm-2', epoch: 1, target: null, pinned: null },
    ],
    drained: ['vm-2'],
  },
  datasets: [
    {
      name: 'photos',
      published: 10,
      head: { number: 2, digest: 'abcdef0123456789abcdef' },
      stages: [
        { stage: 'intake', unprocessed: 40, ackPending: 16, redelivered: 0, itemsPerS: 12.34, busy: 0.98 },
        { stage: 'held', unprocessed: 0, ackPending: 120, redelivered: 7, itemsPerS: 0, busy: null },
      ],
      verdicts: null,
      comparing: null,
      keeperEpoch: null,
      deadLetters: 0,
      vectors: { stored: 2, shared: 5, flight: 1, inference: 3 },
      bottleneck: {
        by: 'stage',
        stage: 'intake',
        busy: 0.98,
        itemsPerS: 12.34,
        unprocessed: 40,
        why: 'its threads decode for 97 % of their time',
        change: { setting: 'node.decodeThreads', node: 'vm-1', from: 1, to: 3 },
        advice: 'set node.decodeThreads to 3 (now 1) on vm-1',
      },
    },
  ],
  embedding: [
    {
      model: 'troupe-tiny',
      replicas: ['vm-1', 'vm-2'],
      itemsPerS: 41.2,
      hitRate: 0.662,
      waiting: 3,
      underWay: 11,
      requests: { answered: 900, forwarded: 12, retry_after: 7, bad_request: 1, failed: 2 },
    },
    {
      model: 'clip',
      replicas: ['vm-2'],
      itemsPerS: 0,
      hitRate: null,
      waiting: 0,
      underWay: 0,
      requests: { answered: 0, forwarded: 0, retry_after: 0, bad_request: 0, failed: 0 },
    },
  ],
  problems: ['photos/embedding/session on vm-1 is waiting'],
};

const plain = (_style: string, text: string) => text;

describe('the state of a system', () => {
  it('is drawn as nodes with leases and shards, trees with restarts and breakers, then queues and problems', () => {
    expect(renderStatus(STATUS, plain).join('\n')).toBe(
      `system troupe on nats-server 2.15.1

Node  State          Roles           Lease renewed     Shards  Epochs
vm-1  active         all             2 s ago of 10 s   2 of 3  2 to 7  plans
vm-2  gone, drained  ingest, shards  60 s ago of 10 s  1 of 3  1 to 1

node vm-1, version 0.1.0, up since 2026-01-02T03:04:05Z
durability: every write is on disk before it is acknowledged
photos (rest_for_one)       running   0 of 5 restarts in 30 s
├─ keeper                   passive
├─ embedding (one_for_one)  running   2 of 5 restarts in 30 s
│  ├─ session               waiting   restarted 2 times, next retry in 0.4 s, last failure 12 s ago: ThreadTimeout: no answer within 60 s
│  └─ embedder              running   1 Unprocessed
└─ intake (one_for_one)     running   0 of 5 restarts in 30 s
   └─ ingestor-0            running

Breaker                     Of                State   Failures  Tries again  Last failure
model troupe-tiny           photos/embedding  open           3  in 8 s       12 s ago: no answer within 60 s
https://images.example.org  photos/intake     closed         0

dataset photos: 10 published, HEAD is manifest 2, abcdef0123456789
Stage   Unprocessed  Ack Pending  Redelivered  Items/s  Busy
intake           40           16            0     12.3  98 %
held              0          120            7      0.0
limit: stage intake (busy 98 %, 12 items/s, 40 wait, about 3 s of work): its threads decode for 97 % of their time; set node.decodeThreads to 3 (now 1) on vm-1
verdicts: not known, its keeper does not answer
vectors: 3 by the model, 2 from the dataset, 5 from the shared cache, 1 with another item (72 % without inference)

Vectors by   Replicas  Items/s  Hits  Waiting  Retry later  Failed
troupe-tiny         2     41.2  66 %        3            7       2
clip                1      0.0              0            0       0

problem: photos/embedding/session on vm-1 is waiting`,
    );
  });

  it('begins on a screen with what is wrong and the queues, as a small one cuts the end off', () => {
    const lines = renderScreen(STATUS, plain);
    expect(lines[2]).toBe('problem: photos/embedding/session on vm-1 is waiting');
    expect(lines[4]).toMatch(/^Node/);
    expect(lines[8]).toMatch(/^dataset photos/);
    expect(lines.toSorted()).toEqual(renderStatus(STATUS, plain).toSorted());
  });

  it('marks what is not well, and nothing else', () => {
    const marked: string[] = [];
    renderStatus(STATUS, (style, text) => {
      if (style === 'red') marked.push(text.trim().split(' ')[0] ?? '');
      return text;
    });
    expect(marked).toEqual(['vm-2', 'waiting', 'model', 'verdicts:', 'problem:']);
  });
});

describe('a tree', () => {
  it('has a rail for each place above that goes on', () => {
    expect(treePrefixes([0, 1, 2, 3, 2, 1, 2, 0, 1])).toEqual([
      '',
      '├─ ',
      '│  ├─ ',
      '│  │  └─ ',
      '│  └─ ',
      '└─ ',
      '   └─ ',
      '',
      '└─ ',
    ]);
  });
});

describe('a live screen', () => {
  const ESC = '\u001b';

  it('draws in place, clears what was longer before, and gives the terminal back', () => {
    const stream = { ...recordingStream(true), rows: 10 };
    const screen = new LiveScreen(stream);
    screen.draw(['one', 'two']);
    screen.draw(['three']);
    screen[Symbol.dispose]();
    screen[Symbol.dispose]();
    expect(stream.text()).toBe(
      `${ESC}[?1049h${ESC}[?25l${ESC}[Hone${ESC}[K\ntwo${ESC}[K\n${ESC}[J` +
        `${ESC}[Hthree${ESC}[K\n${ESC}[J` +
        `${ESC}[?25h${ESC}[?1049l`,
    );
  });

  it('cuts lines at the width without counting styles, and says how many lines do not fit', () => {
    const stream = { ...recordingStream(true), columns: 4, rows: 4 };
    const screen = new LiveScreen(stream);
    screen.draw([`${ESC}[31mabcdef${ESC}[39m`, 'b', 'c', 'd', 'e']);
    const lines = stream.text().split('\n');
    expect(lines[0]).toContain(`${ESC}[31mabcd${ESC}[39m${ESC}[K`);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain('… 3 ');
  });
});
