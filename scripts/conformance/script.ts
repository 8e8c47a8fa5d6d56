// A conformance script: a tree of supervisors and what happens to it, step by step, with the trace that the
// real OTP supervisor left. Scripts are data, so that they can be recorded once and compared anywhere.
import { z } from 'zod';
import type { AutoShutdown, RestartType, Strategy } from '#supervision';

const restart = z.enum(['permanent', 'transient', 'temporary'] satisfies RestartType[]);

const worker = z.strictObject({
  type: z.literal('worker'),
  id: z.string(),
  restart,
  significant: z.boolean(),
});

/** A child that works; it does whatever the steps tell it. */
export type Worker = z.infer<typeof worker>;

/** A supervisor with its children in start order. */
export interface Supervisor {
  readonly type: 'supervisor';
  readonly id: string;
  readonly restart: RestartType;
  readonly significant: boolean;
  readonly strategy: Strategy;
  /** Restarts allowed in a window that is longer than any script. */
  readonly intensity: number;
  readonly autoShutdown: AutoShutdown;
  readonly children: readonly Node[];
}

export type Node = Worker | Supervisor;

const supervisor: z.ZodType<Supervisor> = z.lazy(() =>
  z.strictObject({
    type: z.literal('supervisor'),
    id: z.string(),
    restart,
    significant: z.boolean(),
    strategy: z.enum(['one_for_one', 'rest_for_one', 'one_for_all'] satisfies Strategy[]),
    intensity: z.int(),
    autoShutdown: z.enum(['never', 'any_significant', 'all_significant'] satisfies AutoShutdown[]),
    children: z.array(node),
  }),
);
const node: z.ZodType<Node> = z.lazy(() => z.union([worker, supervisor]));

const how = z.enum(['crash', 'normal', 'shutdown']);

const request = z.strictObject({
  type: z.enum(['terminate', 'restart', 'delete']),
  supervisor: z.string(),
  child: z.string(),
});

const step = z.union([
  /** Workers of one supervisor end by themselves, all before it hears of the first. */
  z.strictObject({
    type: z.literal('exit'),
    supervisor: z.string(),
    exits: z.array(z.strictObject({ id: z.string(), how })),
  }),
  /** The next starts of this worker fail. */
  z.strictObject({ type: z.literal('fail'), id: z.string(), times: z.int() }),
  request,
  z.strictObject({ type: z.literal('start'), supervisor: z.string(), child: node }),
  /** The root is stopped. */
  z.strictObject({ type: z.literal('stop') }),
]);

export type Step = z.infer<typeof step>;

/** How a worker ends by itself. */
export type How = z.infer<typeof how>;

/** A tree and what happens to it. `fail` steps at the beginning count from the first start on. */
export interface Script {
  readonly tree: Supervisor;
  readonly steps: readonly Step[];
}

/** A script with what came of it. */
export interface Recording extends Script {
  /** Tokens as otp-recorder.escript explains them: of the start, then of each step. */
  readonly trace: readonly string[];
  /** The tree at the end. */
  readonly final: string;
}

const recording: z.ZodType<Recording> = z.strictObject({
  tree: supervisor,
  steps: z.array(step),
  trace: z.array(z.string()),
  final: z.string(),
});

const header = z.strictObject({ otp: z.string(), seed: z.int(), count: z.int() });

/** From where a file's recordings come. */
export type Header = z.infer<typeof header>;

/** The recordings as lines of JSON, the header first. */
export function toLines(from: Header, recordings: readonly Recording[]): string {
  return [from, ...recordings].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** @throws ZodError when a line is no recording. */
export function fromLines(text: string): {
  readonly header: Header;
  readonly recordings: readonly Recording[];
} {
  const [first = '', ...lines] = text.trimEnd().split('\n');
  return {
    header: header.parse(JSON.parse(first)),
    recordings: lines.map((line) => recording.parse(JSON.parse(line))),
  };
}
