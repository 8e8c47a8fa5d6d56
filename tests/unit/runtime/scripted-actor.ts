// An actor whose handler the test writes, for what an actor may ask of its own life.
import type { ActorContext, ActorSpec, EndNotice } from '#runtime';
import type { Trace } from './harness.ts';

/** What it is told: a text of the test's, or that another has ended. */
export type Script = string | EndNotice;
export type Handle = (message: Script, context: ActorContext<Script>) => void | Promise<void>;

/** Its starts, messages and stops are lines of the trace: `+id`, `id:text`, `-id reason`. */
export function scripted(
  trace: Trace,
  id: string,
  options: Partial<ActorSpec<Script>> & {
    readonly onStart?: (context: ActorContext<Script>) => void | Promise<void>;
    readonly handle?: Handle;
  } = {},
): ActorSpec<Script> {
  const { onStart, handle, ...spec } = options;
  return {
    type: 'actor',
    id,
    ...spec,
    start: async (context) => {
      await onStart?.(context);
      trace.lines.push(`+${id}`);
      return {
        receive: (message) => {
          trace.lines.push(`${id}:${typeof message === 'string' ? message : told(message)}`);
          return handle?.(message, context);
        },
        stopped: (reason) => void trace.lines.push(`-${id} ${reason}`),
      };
    },
  };
}

const told = ({ path, reason, error }: EndNotice) =>
  `${path} ended ${reason}${error === undefined ? '' : ` (${error.message})`}`;
