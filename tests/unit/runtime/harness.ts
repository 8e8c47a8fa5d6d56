// A system under a manual clock, and a scriptable actor that writes down what happens to it.
import {
  type ActorContext,
  type ActorSpec,
  ActorSystem,
  type MailboxOptions,
  type Reply,
  type SupervisorSpec,
  type SystemEvent,
  toError,
} from '#runtime';
import type { RestartType } from '#supervision';
import { ManualClock } from '#testkit';
import { systemChecks } from '../../support/system-checks.ts';

export type Probe =
  /** Written down. */
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'throw'; readonly text: string }
  /** Holds the actor until what `stand` was given resolves; written down before and after. */
  | { readonly type: 'hold'; readonly opened: number }
  | { readonly type: 'echo'; readonly text: string; readonly reply: Reply<string> }
  | { readonly type: 'fail'; readonly error: number; readonly reply: Reply<string> }
  /** Keeps the reply for the test to answer. */
  | { readonly type: 'keep'; readonly reply: Reply<string> }
  | { readonly type: 'throw-asked'; readonly text: string; readonly reply: Reply<string> };

export const note = (text: string): Probe => ({ type: 'note', text });

const things: unknown[] = [];

/** A number that stands for what no message can carry, such as a promise of the test. */
export const stand = (thing: unknown): number => things.push(thing) - 1;

export interface ProbeOptions {
  readonly restart?: RestartType;
  readonly mailbox?: MailboxOptions;
  readonly shutdownMs?: number;
  /** Called at each start with its number, from 1; throwing fails the start. */
  readonly onStart?: (incarnation: number, context: ActorContext<Probe>) => void | Promise<void>;
  readonly onStopped?: () => void | Promise<void>;
}

/** What a test sees of its probes: one line for each thing that happened, in order. */
export class Trace {
  readonly lines: string[] = [];
  readonly kept: Reply<string>[] = [];
  readonly events: SystemEvent[] = [];

  /** The lines since the last call. */
  take(): readonly string[] {
    return this.lines.splice(0);
  }

  eventsOf<T extends SystemEvent['type']>(type: T): readonly Extract<SystemEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SystemEvent, { type: T }> => event.type === type);
  }

  /** Dead letters as `path reason`. */
  deadLetters(): readonly string[] {
    return this.eventsOf('dead_letter').map(({ path, reason }) => `${path} ${reason}`);
  }
}

/** Lines: `+id` start, `id:text` handled, `-id reason` stopped. */
export function probe(trace: Trace, id: string, options: ProbeOptions = {}): ActorSpec<Probe> {
  const { restart, mailbox, shutdownMs, onStart, onStopped } = options;
  let starts = 0;
  return {
    type: 'actor',
    id,
    ...(restart && { restart }),
    ...(mailbox && { mailbox }),
    ...(shutdownMs !== undefined && { shutdownMs }),
    start: async (context) => {
      starts += 1;
      await onStart?.(starts, context);
      trace.lines.push(`+${id}`);
      return {
        receive: (message) => receive(trace, id, message),
        stopped: async (reason) => {
          await onStopped?.();
          trace.lines.push(`-${id} ${reason}`);
        },
      };
    },
  };
}

function receive(trace: Trace, id: string, message: Probe): void | Promise<void> {
  switch (message.type) {
    case 'note':
      trace.lines.push(`${id}:${message.text}`);
      return;
    case 'throw':
    case 'throw-asked':
      throw new Error(message.text);
    case 'hold':
      trace.lines.push(`${id}:hold`);
      return Promise.resolve(things[message.opened]).then(() => void trace.lines.push(`${id}:held`));
    case 'echo':
      message.reply.ok(message.text);
      return;
    case 'fail':
      message.reply.fail(toError(things[message.error]));
      return;
    case 'keep':
      trace.kept.push(message.reply);
      return;
  }
}

export function supervisor(
  id: string,
  children: SupervisorSpec['children'],
  options: Partial<Omit<SupervisorSpec, 'type' | 'id' | 'children'>> = {},
): SupervisorSpec {
  return {
    type: 'supervisor',
    id,
    strategy: 'one_for_one',
    intensity: { maxRestarts: 5, withinMs: 30_000 },
    children,
    ...options,
  };
}

export interface Harness {
  readonly system: ActorSystem;
  readonly clock: ManualClock;
}

/** Starts a tree under a manual clock with jitter in the middle of its range. */
export async function startTree(trace: Trace, root: SupervisorSpec): Promise<Harness> {
  const clock = new ManualClock();
  const system = await ActorSystem.start({
    name: 'test',
    root,
    clock,
    random: { next: () => 0.5 },
    checks: systemChecks(),
    onEvent: (event) => void trace.events.push(event),
  });
  return { system, clock };
}
