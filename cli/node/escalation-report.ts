// What a person is told when a dataset's supervision gave up and the node ends: who gave up, why from the root down to the
// first failure, what was restarted before, and where to look. Made of the error and of the events that led to it.
import { RestartIntensityExceeded, type SystemEvent } from '#runtime';
import { durationText } from '../duration-text.ts';
import { COMMAND_ERRORS } from '../error-catalogue.ts';

/** A supervisor that used up its restarts. */
export interface GaveUp {
  readonly path: string;
  readonly maxRestarts: number;
  readonly withinMs: number;
}

export interface EscalationReport {
  readonly error: 'restart_intensity';
  readonly message: string;
  readonly remedy: string;
  readonly node: string;
  readonly dataset: string;
  /** From the root down. */
  readonly gaveUp: readonly GaveUp[];
  /** From the root down to the first failure; `path` where the error names one. */
  readonly causes: readonly { readonly name: string; readonly message: string; readonly path?: string }[];
  /** Stack of the first failure. */
  readonly stack: string;
  /** Restarts in the windows of those that gave up, oldest first. */
  readonly restarts: readonly {
    readonly atMs: number;
    readonly path: string;
    readonly delayMs: number;
    /** What it had failed with. */
    readonly failure: string;
  }[];
  /** What to look at. */
  readonly next: readonly string[];
}

/** Events that a report is made of. */
const TOLD: ReadonlySet<SystemEvent['type']> = new Set(['crashed', 'restarting', 'escalated']);
const KEPT = 500;
const SHOWN = 25;

/** The last events that a report may need. */
export class RecentEvents {
  readonly #events: SystemEvent[] = [];

  add(event: SystemEvent): void {
    if (!TOLD.has(event.type)) return;
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.shift();
  }

  get all(): readonly SystemEvent[] {
    return this.#events;
  }
}

export function escalationReport(options: {
  readonly node: string;
  readonly dataset: string;
  readonly error: Error;
  readonly events: readonly SystemEvent[];
}): EscalationReport {
  const { node, dataset, error, events } = options;
  const chain = chainOf(error);
  const first = chain.at(-1) ?? error;
  const gaveUp = chain
    .filter((cause) => cause instanceof RestartIntensityExceeded)
    .map(({ path, intensity }) => ({ path, ...intensity }));
  return {
    error: 'restart_intensity',
    message: `the supervision of dataset ${dataset} gave up: ${first.message}`,
    remedy: COMMAND_ERRORS.restart_intensity.remedy,
    node,
    dataset,
    gaveUp,
    causes: chain.map((cause) => ({
      name: cause.name,
      message: cause.message,
      ...('path' in cause && typeof cause.path === 'string' && { path: cause.path }),
    })),
    stack: first.stack ?? first.message,
    restarts: restartsIn(events, Math.max(0, ...gaveUp.map(({ withinMs }) => withinMs))),
    next: nextSteps(dataset, events, first),
  };
}

/** The report as lines for people. */
export function reportLines(report: EscalationReport): readonly string[] {
  const { node, dataset, gaveUp, causes, stack, restarts, next } = report;
  const left = restarts.length - SHOWN;
  return [
    `node ${node} ended: the supervision of dataset ${dataset} gave up`,
    '',
    'Who gave up, from the root down',
    ...gaveUp.map(
      ({ path, maxRestarts, withinMs }) =>
        `  ${path}  allows ${maxRestarts} restarts in ${durationText(withinMs)}; one more was needed`,
    ),
    '',
    'Why, down to the first failure',
    ...causes.map(({ name, message }, depth) => `  ${'  '.repeat(depth)}${name}: ${message}`),
    '',
    ...stack.split('\n').map((line) => `  ${line}`),
    '',
    `Restarts before (${restarts.length})`,
    ...(left > 0 ? [`  … ${left} earlier ones`] : []),
    ...restarts
      .slice(-SHOWN)
      .map(
        ({ atMs, path, delayMs, failure }) =>
          `  ${new Date(atMs).toISOString().slice(11, 23)}  ${path}  after ${durationText(delayMs)}  ${failure}`,
      ),
    '',
    'What to look at next',
    ...next.map((step) => `  ${step}`),
  ];
}

/** The error and its causes, outermost first. */
function chainOf(error: Error): readonly Error[] {
  const chain: Error[] = [];
  for (let at: unknown = error; at instanceof Error && !chain.includes(at); at = at.cause) chain.push(at);
  return chain;
}

function restartsIn(events: readonly SystemEvent[], windowMs: number): EscalationReport['restarts'] {
  const untilMs = events.at(-1)?.atMs ?? 0;
  const failures = new Map<string, string>();
  const restarts: EscalationReport['restarts'][number][] = [];
  for (const event of events) {
    if (event.type === 'crashed' || event.type === 'escalated') {
      failures.set(event.path, `${event.error.name}: ${event.error.message}`);
    } else if (event.type === 'restarting' && untilMs - event.atMs <= windowMs) {
      const { atMs, path, delayMs } = event;
      restarts.push({ atMs, path, delayMs, failure: failures.get(path) ?? '' });
    }
  }
  return restarts;
}

/** By the part of the tree that failed first. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\/embedding\//, 'the model: `troupe config check` opens it; docs/models.md says what it must be'],
  [
    /\/(keeper|index)(\/|$)/,
    'the journals: free space of the NATS server, and `troupe audit` once a node runs',
  ],
  [/\/intake\//, 'the sources and the decoder threads: memory of this machine, `node.decodeThreads`'],
];

function nextSteps(dataset: string, events: readonly SystemEvent[], first: Error): readonly string[] {
  const failed = events.findLast((event) => event.type === 'crashed' && chainOf(event.error).includes(first));
  const path = failed?.path ?? dataset;
  const hints = HINTS.filter(([pattern]) => pattern.test(path)).map(([, hint]) => hint);
  if (/\b(stream|consumer|bucket)\b/i.test(first.message)) {
    hints.unshift(
      'the NATS server: whether the stream or bucket that is named above is there (`nats stream ls`)',
    );
  }
  return [
    ...hints,
    `what led to it: troupe events --since 10m --actor '${path}*' (once a server runs)`,
    'more of a log: TROUPE_LOG=debug troupe up',
    'nothing is lost: what was in hand is delivered again when a node runs',
  ];
}
