// The state of a system as lines for people: each node with its supervision tree and breakers, each dataset with its
// queues in the words of the nats CLI, then what is wrong.
import { ROLES } from '#actors';
import type { BreakerSnapshot } from '#runtime';
import { dueText, durationText } from '../duration-text.ts';
import type { ClusterStatus } from '../node/cluster-status.ts';
import type { EmbedStatus } from '../node/embed-status.ts';
import type { ActorLine, DatasetStatus, NodeModel, NodeStatus, SystemStatus } from '../node/system-status.ts';
import { formatTable, type Style } from '../terminal.ts';
import { bottleneckLine } from './bottleneck.ts';
import { treePrefixes } from './tree-lines.ts';

/** Puts a text into a style, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** The parts of it, each with a blank line before every section. */
interface StatusParts {
  readonly head: string;
  readonly members: readonly string[];
  readonly nodes: readonly string[];
  readonly datasets: readonly string[];
  readonly embedding: readonly string[];
  readonly problems: readonly string[];
}

function statusParts(status: SystemStatus, paint: Paint): StatusParts {
  const { server, system, nodes, datasets, embedding, cluster, storage, problems, atMs } = status;
  const missing = server.degraded.length === 0 ? '' : `, without ${server.degraded.join(', ')}`;
  return {
    head: `system ${system} on nats-server ${server.version}${missing}`,
    members: ['', ...memberLines(cluster, paint)],
    nodes: nodes.flatMap((node) => ['', ...nodeLines(node, storage.replicas, atMs, paint)]),
    datasets: datasets.flatMap((dataset) => ['', ...datasetLines(dataset, paint)]),
    embedding: embedding.length === 0 ? [] : ['', ...embeddingLines(embedding, paint)],
    problems: [
      ...(problems.length > 0 ? [''] : []),
      ...problems.map((problem) => paint('red', `problem: ${problem}`)),
    ],
  };
}

/** For a page that is read to its end: what is wrong stands where the reader arrives. */
export function renderStatus(status: SystemStatus, paint: Paint): readonly string[] {
  const { head, members, nodes, datasets, embedding, problems } = statusParts(status, paint);
  return [head, ...members, ...nodes, ...datasets, ...embedding, ...problems];
}

/** For a screen that may be too small: what is wrong and the queues first, the long trees last. */
export function renderScreen(status: SystemStatus, paint: Paint): readonly string[] {
  const { head, members, nodes, datasets, embedding, problems } = statusParts(status, paint);
  return [head, ...problems, ...members, ...datasets, ...embedding, ...nodes];
}

const DURABILITY: Readonly<Record<string, string>> = {
  process: 'durability: survives every crash of processes (`durability: disk` also survives a loss of power)',
  disk: 'durability: every write is on disk before it is acknowledged',
  external:
    'durability: 1 replica: survives every crash of processes; a loss of power as the named NATS server is configured (`storage.replicas: 3` survives that of any one server)',
};

/** Every node that has a record; those that have left in order are shown only in `--json`. */
function memberLines({ members, shards }: ClusterStatus, paint: Paint): readonly string[] {
  const shown = members.filter(({ state }) => state !== 'left');
  const rows = shown.map(({ name, state, roles, renewedMs, leaseMs, isCoordinator, drained }) => {
    const own = shards.filter(({ owner }) => owner === name);
    const epochs = own.map(({ epoch }) => epoch);
    return [
      name,
      drained ? `${state}, drained` : state,
      ROLES.every((role) => roles.includes(role)) ? 'all' : roles.join(', '),
      `${durationText(renewedMs)} ago of ${durationText(leaseMs)}`,
      `${own.length} of ${shards.length}`,
      own.length === 0 ? '' : `${Math.min(...epochs)} to ${Math.max(...epochs)}`,
      isCoordinator ? 'plans' : '',
    ];
  });
  const columns = [
    { title: 'Node' },
    { title: 'State' },
    { title: 'Roles' },
    { title: 'Lease renewed' },
    { title: 'Shards', align: 'right' as const },
    { title: 'Epochs', align: 'right' as const },
    { title: '' },
  ];
  const [titles = '', ...lines] = formatTable(columns, rows);
  const isWell = (at: number) => shown[at]?.state !== 'gone' && shown[at]?.state !== 'unreachable';
  return [paint('bold', titles), ...lines.map((line, at) => (isWell(at) ? line : paint('red', line)))];
}

/** Requests of others for vectors, by model. */
function embeddingLines(embedding: readonly EmbedStatus[], paint: Paint): readonly string[] {
  const columns = [
    { title: 'Vectors by' },
    { title: 'Replicas', align: 'right' as const },
    { title: 'Items/s', align: 'right' as const },
    { title: 'Hits', align: 'right' as const },
    { title: 'Waiting', align: 'right' as const },
    { title: 'Retry later', align: 'right' as const },
    { title: 'Failed', align: 'right' as const },
  ];
  const rows = embedding.map(({ model, replicas, itemsPerS, hitRate, waiting, requests }) => [
    model,
    String(replicas.length),
    itemsPerS.toFixed(1),
    hitRate === null ? '' : `${Math.round(hitRate * 100)} %`,
    String(waiting),
    String(requests.retry_after),
    String(requests.failed),
  ]);
  const [titles = '', ...lines] = formatTable(columns, rows);
  return [paint('bold', titles), ...lines];
}

/** What of G1 holds: copies on several servers survive more than any server does by itself. */
function durabilityLine(durability: string, replicas: number): string {
  if (replicas < 3) return DURABILITY[durability] ?? durability;
  return `durability: ${replicas} replicas of everything: survives every crash of processes, and the loss of any one NATS server at a time, with its disk or its power`;
}

function nodeLines(node: NodeStatus, replicas: number, atMs: number, paint: Paint): readonly string[] {
  const { name, version, started, durability, actors, models, breakers } = node;
  return [
    paint('bold', `node ${name}, version ${version}, up since ${started}`),
    durabilityLine(durability, replicas),
    ...models.map((model) => modelLine(model, paint)),
    ...treeLines(actors, atMs, paint),
    ...breakerLines(breakers, atMs, paint),
  ];
}

function modelLine(
  { of, name, provider, precision, dimension, unavailable }: NodeModel,
  paint: Paint,
): string {
  const line = `model ${name} for ${of}: on ${provider}, ${dimension} numbers as ${precision}`;
  if (unavailable.length === 0) return line;
  const reasons = unavailable.map((each) => `${each.provider} (${each.reason})`).join(', ');
  return paint('yellow', `${line}; unavailable: ${reasons}`);
}

function treeLines(actors: readonly ActorLine[], atMs: number, paint: Paint): readonly string[] {
  const prefixes = treePrefixes(actors.map(({ depth }) => depth));
  const places = actors.map((actor, at) => `${prefixes[at] ?? ''}${placeName(actor)}`);
  const width = Math.max(0, ...places.map(({ length }) => length));
  return actors.map((actor, at) => {
    const state = actor.state.padEnd(8);
    const isWell = actor.state === 'running' || actor.state === 'passive';
    const facts = actorFacts(actor, atMs).join(', ');
    return `${(places[at] ?? '').padEnd(width)}  ${isWell ? state : paint('red', state)}  ${facts}`.trimEnd();
  });
}

function placeName({ name, supervision }: ActorLine): string {
  const own = name.slice(name.lastIndexOf('/') + 1);
  return supervision === undefined ? own : `${own} (${supervision.strategy})`;
}

function actorFacts(actor: ActorLine, atMs: number): readonly string[] {
  const { supervision, restarts, nextRetryMs, waiting, lastFailure } = actor;
  const facts: string[] = [];
  if (supervision !== undefined) {
    const { intensity, restartsInWindow } = supervision;
    facts.push(
      `${restartsInWindow} of ${intensity.maxRestarts} restarts in ${durationText(intensity.withinMs)}`,
    );
  }
  if (restarts > 0) facts.push(`restarted ${restarts} ${restarts === 1 ? 'time' : 'times'}`);
  if (nextRetryMs !== undefined) facts.push(`next retry ${dueText(nextRetryMs)}`);
  if (waiting > 0) facts.push(`${waiting} Unprocessed`);
  if (lastFailure !== undefined) facts.push(failureText(lastFailure, atMs));
  return facts;
}

function failureText(
  { name, message, atMs: failedMs }: NonNullable<ActorLine['lastFailure']>,
  atMs: number,
): string {
  return `last failure ${durationText(atMs - failedMs)} ago: ${name}: ${message}`;
}

function breakerLines(breakers: readonly BreakerSnapshot[], atMs: number, paint: Paint): readonly string[] {
  if (breakers.length === 0) return [];
  const rows = breakers.map(({ name, path, state, failures, retryMs, lastFailure }) => [
    name,
    path,
    state,
    failures,
    retryMs === undefined ? '' : dueText(retryMs),
    lastFailure === undefined ? '' : `${durationText(atMs - lastFailure.atMs)} ago: ${lastFailure.message}`,
  ]);
  const columns = [
    { title: 'Breaker' },
    { title: 'Of' },
    { title: 'State' },
    { title: 'Failures', align: 'right' as const },
    { title: 'Tries again' },
    { title: 'Last failure' },
  ];
  const [titles = '', ...lines] = formatTable(columns, rows);
  return [
    '',
    paint('bold', titles),
    ...lines.map((line, at) => (breakers[at]?.state === 'closed' ? line : paint('red', line))),
  ];
}

function datasetLines(dataset: DatasetStatus, paint: Paint): readonly string[] {
  const {
    name,
    published,
    head,
    stages,
    verdicts,
    comparing,
    deadLetters,
    vectors,
    keeperEpoch,
    bottleneck,
  } = dataset;
  const shown =
    head === null ? 'no manifest yet' : `HEAD is manifest ${head.number}, ${head.digest.slice(0, 16)}`;
  const columns = [
    { title: 'Stage' },
    { title: 'Unprocessed', align: 'right' as const },
    { title: 'Ack Pending', align: 'right' as const },
    { title: 'Redelivered', align: 'right' as const },
    { title: 'Items/s', align: 'right' as const },
    { title: 'Busy', align: 'right' as const },
  ];
  const rows = stages.map(({ stage, unprocessed, ackPending, redelivered, itemsPerS, busy }) => [
    stage,
    unprocessed,
    ackPending,
    redelivered,
    itemsPerS.toFixed(1),
    busy === null ? '' : `${Math.round(busy * 100)} %`,
  ]);
  const [titles = '', ...lines] = formatTable(columns, rows);
  const counts = Object.entries(verdicts ?? {}).map(([verdict, count]) => `${count} ${verdict}`);
  return [
    paint('bold', `dataset ${name}: ${published} published, ${shown}`),
    paint('bold', titles),
    ...lines,
    bottleneckLine(bottleneck),
    ...(verdicts === null
      ? [paint('red', 'verdicts: not known, its keeper does not answer')]
      : [`verdicts: ${counts.join(', ')}; dead letters: ${deadLetters}; keeper epoch ${keeperEpoch}`]),
    ...vectorLines(vectors),
    ...replayLines(comparing),
  ];
}

/** Nothing before anything was embedded. */
function vectorLines({ stored, shared, flight, inference }: DatasetStatus['vectors']): readonly string[] {
  const all = stored + shared + flight + inference;
  if (all === 0) return [];
  return [
    `vectors: ${inference} by the model, ${stored} from the dataset, ${shared} from the shared cache, ${flight} with another item (${Math.floor(((all - inference) / all) * 100)} % without inference)`,
  ];
}

function replayLines(comparing: DatasetStatus['comparing']): readonly string[] {
  if (comparing === null) return [];
  const { generation, next, pending, failed } = comparing;
  const newest = next ?? generation;
  const left = pending === 0 && next === null ? [] : [`${pending} contents left to compare`];
  const lost = failed === 0 ? [] : [`${failed} could not be: neither a copy nor the original is left`];
  const all = [...left, ...lost];
  return all.length === 0 ? [] : [`generation ${newest} of the index: ${all.join('; ')}`];
}
