// What a supervisor's core is told and what it answers. The runtime turns starts, crashes, timers and requests
// into these events and carries the actions out; tests do the same by hand.
import type { RestartType } from './restart-type.ts';

/** A child as its supervisor's core sees it. */
export interface SupervisedChild {
  /** Unique among its siblings. */
  readonly id: string;
  readonly restart: RestartType;
  /** Its end may end the supervisor (see `AutoShutdown`); default false. Transient and temporary children only. */
  readonly significant?: boolean;
}

/**
 * `idle`: not started, or down and to be started again. `starting`, `running`, `stopping`: alive.
 * `done`: down until it is asked for, or restarted together with its siblings.
 */
export type ChildState = 'idle' | 'starting' | 'running' | 'stopping' | 'done';

/** A child in the list of its supervisor. */
export interface ListedChild extends SupervisedChild {
  readonly state: ChildState;
}

/**
 * What became of a request: done; refused because there is no such child, because it is alive, because it is
 * listed though down (`already_present`), because its restart is due anyway; its start failed; it was
 * terminated while it started; the supervisor stops.
 */
export type RequestOutcome =
  | 'ok'
  | 'not_found'
  | 'already_started'
  | 'already_present'
  | 'running'
  | 'restarting'
  | 'start_failed'
  | 'terminated'
  | 'supervisor_stops';

/** What users ask of a supervisor; answered once by `reply` with the same number. */
export type SupervisorRequest =
  /** Adds a child at the end of the list and starts it. */
  | { readonly type: 'start_child'; readonly child: SupervisedChild; readonly request: number }
  /** Stops a child; it stays in the list unless it is temporary. */
  | { readonly type: 'terminate_child'; readonly child: string; readonly request: number }
  /** Starts a child that is down. */
  | { readonly type: 'restart_child'; readonly child: string; readonly request: number }
  /** Takes a child that is down off the list. */
  | { readonly type: 'delete_child'; readonly child: string; readonly request: number };

/** The child ended by itself: abnormally (a crash, a failed start) or in order. `draw` is uniform in [0, 1). */
export interface ChildExited {
  readonly type: 'exited';
  readonly child: string;
  readonly abnormal: boolean;
  readonly nowMs: number;
  readonly draw: number;
}

/**
 * What happened. Times are monotonic milliseconds. After a `start` action exactly one of `started` and
 * `exited` comes; after a `stop` action exactly one of `stopped` and `exited`.
 */
export type SupervisorEvent =
  /** The supervisor is to bring its children up; the first event of all. */
  | { readonly type: 'start' }
  | { readonly type: 'started'; readonly child: string; readonly nowMs: number }
  | ChildExited
  | { readonly type: 'stopped'; readonly child: string }
  /** The timer of a `schedule` action ran out. */
  | { readonly type: 'due'; readonly recovery: number }
  | SupervisorRequest
  /** The supervisor is to take its children down. */
  | { readonly type: 'stop' };

/** What is to be done, in this order. */
export type SupervisorAction =
  /** The child of this `start_child` request is in the list from now on. */
  | { readonly type: 'add'; readonly child: string; readonly request: number }
  | { readonly type: 'start'; readonly child: string }
  | { readonly type: 'stop'; readonly child: string }
  /** The child is down, and nothing will start it by itself. */
  | { readonly type: 'retire'; readonly child: string }
  /** The child is down and off the list. */
  | { readonly type: 'remove'; readonly child: string }
  /** For the record: `child` failed and `children` restart after `delayMs` (once those alive have stopped). */
  | {
      readonly type: 'recover';
      readonly child: string;
      readonly children: readonly string[];
      readonly delayMs: number;
    }
  /** Send `due` with this number after `delayMs`; until then `children` wait. */
  | {
      readonly type: 'schedule';
      readonly recovery: number;
      readonly delayMs: number;
      readonly children: readonly string[];
    }
  | { readonly type: 'cancel'; readonly recovery: number }
  | { readonly type: 'reply'; readonly request: number; readonly outcome: RequestOutcome }
  /** All children are up. */
  | { readonly type: 'up' }
  /** For the record: `child` failed once too often; the children are being stopped. */
  | { readonly type: 'escalate'; readonly child: string }
  /** For the record: the end of the significant `child` ends the supervisor; the children are being stopped. */
  | { readonly type: 'auto_shutdown'; readonly child: string }
  /** All children are down; the supervisor has failed with the reason `restart_intensity`. */
  | { readonly type: 'escalated' }
  /** All children are down; the supervisor has ended in order, by its auto-shutdown. */
  | { readonly type: 'ended' }
  /** All children are down again because one failed to start before all had been up once. */
  | { readonly type: 'start_failed'; readonly child: string }
  /** All children are down, as asked. */
  | { readonly type: 'down' };
