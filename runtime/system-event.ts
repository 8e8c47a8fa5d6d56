// What a system tells of itself: every start, stop, restart, escalation, breaker change and dead letter, as a typed
// event. Whoever starts a system may listen; the data path never depends on it.
import type { BreakerState } from '#supervision';
import type { StopReason } from './actor.ts';

/**
 * Why a message was not handled. `no_actor`: nobody has that path. `ended`: the actor has ended for good.
 * `stopped`: it was held when the actor stopped. `crashed`: it was being handled, or its reply was owed, at a
 * crash. `dropped`: the mailbox made room for a newer one. `rejected`: the mailbox had no room for it.
 */
export type DeadLetterReason = 'no_actor' | 'ended' | 'stopped' | 'crashed' | 'dropped' | 'rejected';

/** What happened to the actor or supervisor at `path`. */
export type SystemHappening =
  /** It is up; `incarnation` is 1 for the first start. */
  | { readonly type: 'started'; readonly path: string; readonly incarnation: number }
  | { readonly type: 'stopped'; readonly path: string; readonly reason: StopReason }
  /** It threw in its `start` or while it worked. */
  | {
      readonly type: 'crashed';
      readonly path: string;
      readonly during: 'start' | 'work';
      readonly error: Error;
    }
  /** It failed and is started again, with its siblings in `paths`, after `delayMs`. */
  | {
      readonly type: 'restarting';
      readonly path: string;
      readonly paths: readonly string[];
      readonly delayMs: number;
    }
  /** It is up again; `restarts` counts those of this path since the system started. */
  | { readonly type: 'restarted'; readonly path: string; readonly restarts: number }
  /** The supervisor at `path` used up its restarts and fails in turn. */
  | {
      readonly type: 'escalated';
      readonly path: string;
      readonly reason: 'restart_intensity';
      readonly error: Error;
    }
  /** It did not stop within `afterMs`; whatever it still does is ignored. */
  | { readonly type: 'abandoned'; readonly path: string; readonly afterMs: number }
  /** The breaker of the dependency `name` changed; `path` is what waits for it while it is not closed. */
  | {
      readonly type: 'breaker';
      readonly path: string;
      readonly name: string;
      readonly state: BreakerState;
      /** Until the next probe, when it opened. */
      readonly retryMs?: number;
      /** The failure that opened it. */
      readonly error?: Error;
    }
  | {
      readonly type: 'dead_letter';
      readonly path: string;
      readonly reason: DeadLetterReason;
      readonly message: unknown;
    };

/** A happening with its time, wall-clock milliseconds, for people to read. */
export type SystemEvent = SystemHappening & { readonly atMs: number };
