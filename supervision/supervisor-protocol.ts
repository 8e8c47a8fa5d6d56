// What a supervisor's core is told and what it answers. The runtime turns starts, crashes and timers into
// these events and carries the actions out; tests do the same by hand.
import type { RestartType } from './restart-type.ts';

/** A child as its supervisor's core sees it. */
export interface SupervisedChild {
  /** Unique among its siblings. */
  readonly id: string;
  readonly restart: RestartType;
}

/**
 * `idle`: not started, or down and to be started again. `starting`, `running`, `stopping`: alive.
 * `done`: ended for good under this incarnation of the supervisor.
 */
export type ChildState = 'idle' | 'starting' | 'running' | 'stopping' | 'done';

/**
 * What happened. Times are monotonic milliseconds. After a `start` action exactly one of `started` and
 * `exited` comes; after a `stop` action exactly one of `stopped` and `exited`.
 */
export type SupervisorEvent =
  /** The supervisor is to bring its children up; the first event of all. */
  | { readonly type: 'start' }
  | { readonly type: 'started'; readonly child: string; readonly nowMs: number }
  /** The child ended by itself: abnormally (a crash, a failed start) or in order. `draw` is uniform in [0, 1). */
  | {
      readonly type: 'exited';
      readonly child: string;
      readonly abnormal: boolean;
      readonly nowMs: number;
      readonly draw: number;
    }
  | { readonly type: 'stopped'; readonly child: string }
  /** The timer of a `schedule` action ran out. */
  | { readonly type: 'due'; readonly recovery: number }
  /** The supervisor is to take its children down. */
  | { readonly type: 'stop' };

/** What is to be done, in this order. */
export type SupervisorAction =
  | { readonly type: 'start'; readonly child: string }
  | { readonly type: 'stop'; readonly child: string }
  /** The child has ended for good: nothing will be started in its place. */
  | { readonly type: 'retire'; readonly child: string }
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
  /** All children are up. */
  | { readonly type: 'up' }
  /** For the record: `child` failed once too often; the children are being stopped. */
  | { readonly type: 'escalate'; readonly child: string }
  /** All children are down; the supervisor has failed with the reason `restart_intensity`. */
  | { readonly type: 'escalated' }
  /** All children are down again because one failed to start before all had been up once. */
  | { readonly type: 'start_failed'; readonly child: string }
  /** All children are down, as asked. */
  | { readonly type: 'down' };
