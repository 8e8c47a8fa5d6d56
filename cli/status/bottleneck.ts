// What limits the throughput of a dataset now, and what to change: a pure reading of its queues and of how busy its
// workers are. The limit is the stage with a backlog that passes the fewest items; stages before it are held up by it, and
// those behind it only work off what had piled up.
import { ROLE_OF_STAGE, type Stage } from '#actors';

/** One stage over all nodes. */
export interface StageLoad {
  readonly stage: Stage;
  /** Waiting, in nobody's hand. */
  readonly unprocessed: number;
  readonly ackPending: number;
  /** Of the last 15 seconds. */
  readonly itemsPerS: number;
  /** Share of the time in which its workers had something in hand, 0 to 1; null: no node runs any. */
  readonly busy: number | null;
}

/** A node that runs the intake. */
export interface IngestingNode {
  readonly node: string;
  readonly cores: number;
  readonly ingestConcurrency: number;
  readonly decodeThreads: number;
  /** Shares of their time, 0 to 1. */
  readonly intakeBusy: number;
  readonly decodeBusy: number;
}

export interface DatasetLoad {
  /** In the order in which an item passes them. */
  readonly stages: readonly StageLoad[];
  readonly ingesting: readonly IngestingNode[];
  /** Stages that no node that is there runs. */
  readonly unattended: readonly Stage[];
  /** Names of what breakers keep from being called. */
  readonly broken: {
    readonly model: readonly string[];
    readonly source: readonly string[];
    readonly node: readonly string[];
  };
  /** Shards without an owner that is there. */
  readonly orphans: number;
  /** What has no room, in words; empty where everything can be stored. */
  readonly room: readonly string[];
  /** Whether every write goes to disk before it is acknowledged. */
  readonly syncsEachWrite: boolean;
}

/**
 * `stage`: its workers are what there is too little of. `publishers`: everything is done as it comes. `sources`: only
 * what waits for its source is left. `idle`: nothing is there. The others name what is in the way.
 */
export type LimitedBy =
  | 'stage'
  | 'publishers'
  | 'sources'
  | 'idle'
  | 'no_node'
  | 'breaker'
  | 'shards'
  | 'room'
  | 'unclear';

/** What to change. */
export type Change =
  | {
      readonly setting: 'node.decodeThreads' | 'node.ingestConcurrency' | 'durability';
      readonly node: string | null;
      readonly from: number | string;
      readonly to: number | string;
    }
  | { readonly command: string };

export interface Bottleneck {
  readonly by: LimitedBy;
  /** The stage that limits, or would next; null where none does. */
  readonly stage: Stage | null;
  readonly busy: number | null;
  readonly itemsPerS: number;
  readonly unprocessed: number;
  /** Why, in words. */
  readonly why: string;
  readonly change: Change | null;
  /** What to do, in words; empty where nothing is to be done. */
  readonly advice: string;
}

/** Rates that differ by less are the same: the stage behind them sets both. */
const SAME_RATE = 0.1;
/** Below it a stage with a backlog waits for something other than its workers. */
const BUSY_FROM = 0.5;
const THREADS_BUSY_FROM = 0.8;
const MAX_CONCURRENCY = 1_024;

export function findBottleneck(load: DatasetLoad): Bottleneck {
  const abandoned = load.stages.find(
    ({ stage, unprocessed, ackPending, busy }) =>
      unprocessed + ackPending > 0 && (busy === null || load.unattended.includes(stage)),
  );
  if (abandoned !== undefined) return noNode(abandoned);
  const backlog = load.stages.filter(({ stage, unprocessed }) => isOnTheWay(stage) && unprocessed > 0);
  const slowest = slowestOf(backlog);
  return slowest === undefined ? withoutBacklog(load) : withBacklog(slowest, load);
}

/** Items that are held wait for something else, and contents that are compared anew are no items on their way. */
function isOnTheWay(stage: Stage): boolean {
  return stage !== 'held' && stage !== 'replay';
}

/** Of those with about the lowest rate the last one. */
function slowestOf(stages: readonly StageLoad[]): StageLoad | undefined {
  const lowest = Math.min(...stages.map(({ itemsPerS }) => itemsPerS));
  return stages.findLast(({ itemsPerS }) => itemsPerS <= lowest * (1 + SAME_RATE));
}

function withBacklog(slowest: StageLoad, load: DatasetLoad): Bottleneck {
  const { stage, busy } = slowest;
  const { broken, room, orphans } = load;
  if (room.length > 0) {
    const why = `something has no room: ${room.join('; ')}`;
    return { ...of('room', slowest), why, change: null, advice: 'make room as it says' };
  }
  if (stage === 'embed' && broken.model.length > 0) {
    const why = `the breaker of ${broken.model.join(', ')} is not closed, so that nothing is embedded`;
    const advice = 'it is probed by itself; the last failure stands beside the breaker';
    return { ...of('breaker', slowest), why, change: null, advice };
  }
  if (stage === 'dedup' && orphans + broken.node.length > 0) {
    const why =
      orphans > 0
        ? `${orphans} shards have no owner that is there`
        : `${broken.node.join(', ')} does not answer`;
    const advice =
      'shards of a dead node are taken by others within its lease; `troupe shards list` shows them';
    return { ...of('shards', slowest), why, change: null, advice };
  }
  if (busy !== null && busy < BUSY_FROM) {
    const why = `it had something in hand for ${percent(busy)} of the last 15 seconds only: it has just begun, or waits for what no number tells`;
    return { ...of('unclear', slowest), why, change: null, advice: 'look again in a moment' };
  }
  return { ...of('stage', slowest), ...remedyOf(stage, load) };
}

function withoutBacklog({ stages, broken }: DatasetLoad): Bottleneck {
  const held = stages.find(({ stage }) => stage === 'held');
  const others = stages.filter(({ stage }) => isOnTheWay(stage));
  const isInHand = others.some(({ ackPending }) => ackPending > 0);
  const isMoving = isInHand || others.some(({ itemsPerS }) => itemsPerS > 0);
  const waiting = held === undefined ? 0 : held.unprocessed + held.ackPending;
  if (held !== undefined && waiting > 0 && !isInHand) {
    const who = waiting === 1 ? '1 item waits' : `${waiting} items wait`;
    const isDown = broken.source.length > 0;
    const why = isDown
      ? `${who} for ${broken.source.join(', ')}, which is down`
      : `${who} for the rates of their sources, or for their next attempt`;
    const advice = isDown
      ? 'each place is probed by itself; nothing is lost meanwhile'
      : 'raise `sources.rates` if the sources may be asked faster';
    return { ...of('sources', held), why, change: null, advice };
  }
  const busiest = others.reduce<StageLoad | undefined>(
    (most, stage) => (most === undefined || (stage.busy ?? 0) > (most.busy ?? 0) ? stage : most),
    undefined,
  );
  if (!isMoving || busiest === undefined) {
    const none = { stage: null, busy: null, itemsPerS: 0, unprocessed: 0 };
    return { by: 'idle', ...none, why: 'nothing is to be done', change: null, advice: '' };
  }
  const why = `everything is done as it comes; ${busiest.stage} would be the next limit, at ${percent(busiest.busy ?? 0)} of its time`;
  return { ...of('publishers', busiest), why, change: null, advice: '' };
}

function noNode(stage: StageLoad): Bottleneck {
  const role = ROLE_OF_STAGE[stage.stage];
  const command = `troupe up --join URL --roles ${role}`;
  return {
    ...of('no_node', stage),
    why: `no node that answers runs it (role ${role})`,
    change: { command },
    advice: `start one: \`${command}\``,
  };
}

function of(by: LimitedBy, { stage, busy, itemsPerS, unprocessed }: StageLoad) {
  return { by, stage, busy, itemsPerS, unprocessed };
}

type Remedy = Pick<Bottleneck, 'why' | 'change' | 'advice'>;

function remedyOf(stage: Stage, load: DatasetLoad): Remedy {
  switch (stage) {
    case 'intake':
    case 'held':
      return intakeRemedy(load.ingesting);
    case 'embed':
      return moreNodes('embed', 'its sessions run the model all the time', ', or choose a smaller model');
    case 'dedup':
    case 'replay':
      return moreNodes('dedup,shards', 'its desks and the index shards are busy', '');
    case 'score':
      return moreNodes('score', 'its scorers judge all the time', ', or write simpler rules');
    case 'keep':
      return keepRemedy(load.syncsEachWrite);
  }
}

/** The node whose threads, or else whose ingestors, are busiest is the one to change. */
function intakeRemedy(nodes: readonly IngestingNode[]): Remedy {
  const byThreads = nodes.toSorted((one, other) => other.decodeBusy - one.decodeBusy);
  const decoding = byThreads.filter(({ decodeBusy }) => decodeBusy >= THREADS_BUSY_FROM);
  const [busiest] = decoding;
  if (busiest === undefined) return concurrencyRemedy(nodes);
  const why = `its threads decode for ${percent(busiest.decodeBusy)} of their time`;
  const improvable = decoding.find(({ cores, decodeThreads }) => decodeThreads < cores - 1);
  if (improvable === undefined) {
    return moreNodes('ingest', `${why}, and there is one for each core but one`, '');
  }
  const { node, decodeThreads: from, cores } = improvable;
  const change = { setting: 'node.decodeThreads', node, from, to: cores - 1 } as const;
  return { why, change, advice: settingText(change) };
}

function concurrencyRemedy(nodes: readonly IngestingNode[]): Remedy {
  const [busiest] = nodes.toSorted((one, other) => other.intakeBusy - one.intakeBusy);
  const why = `its workers wait for sources, storage or the network, as its threads decode for ${percent(busiest?.decodeBusy ?? 0)} of their time only`;
  if (busiest === undefined || busiest.ingestConcurrency >= MAX_CONCURRENCY)
    return moreNodes('ingest', why, '');
  const { node, ingestConcurrency: from } = busiest;
  const to = Math.min(MAX_CONCURRENCY, from * 2);
  const change = { setting: 'node.ingestConcurrency', node, from, to } as const;
  return { why, change, advice: settingText(change) };
}

function keepRemedy(syncsEachWrite: boolean): Remedy {
  const why = 'the one keeper of the dataset writes all the time';
  if (!syncsEachWrite) {
    const advice = 'give the NATS server a faster disk, or spread the items over several datasets';
    return { why, change: null, advice };
  }
  const change = { setting: 'durability', node: null, from: 'disk', to: 'default' } as const;
  return {
    why: `${why}, and each write waits for the disk`,
    change,
    advice: `${settingText(change)}, if a loss of power may cost the last writes, or give the NATS server a faster disk`,
  };
}

function moreNodes(roles: string, why: string, otherwise: string): Remedy {
  const command = `troupe up --join URL --roles ${roles}`;
  return { why, change: { command }, advice: `add a node on another machine: \`${command}\`${otherwise}` };
}

function settingText({ setting, node, from, to }: Extract<Change, { setting: string }>): string {
  return `set ${setting} to ${to} (now ${from})${node === null ? '' : ` on ${node}`}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** One line for people. */
export function bottleneckLine({ by, stage, busy, itemsPerS, unprocessed, why, advice }: Bottleneck): string {
  if (by === 'idle') return 'limit: none, nothing is to be done';
  if (by === 'publishers') return `limit: what is published (${rateText(itemsPerS)}); ${why}`;
  const drained = itemsPerS > 0 ? `, about ${Math.round(unprocessed / itemsPerS)} s of work` : '';
  const facts =
    by === 'sources'
      ? ''
      : ` (${busy === null ? '' : `busy ${percent(busy)}, `}${rateText(itemsPerS)}, ${unprocessed} wait${drained})`;
  return `limit: ${by === 'sources' ? 'sources' : `stage ${stage}`}${facts}: ${why}; ${advice}`;
}

/** `12.3 items/s` */
export function rateText(itemsPerS: number): string {
  return `${itemsPerS < 10 ? itemsPerS.toFixed(1) : Math.round(itemsPerS)} items/s`;
}
