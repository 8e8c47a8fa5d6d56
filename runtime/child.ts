// What a supervisor needs of its children, be they actors or supervisors, and what every place in the tree
// needs of the system that it stands in. Internal to the runtime.
import type { RestartIntensity, Strategy } from '#supervision';
import type { ActorRef, ActorSpec, StopReason } from './actor.ts';
import type { Scheduler } from './dispatcher.ts';
import type { Receiver } from './local-ref.ts';
import type { Clock, Logger, RandomSource } from './ports.ts';
import type { DynamicSupervisor, SupervisorRef } from './supervisor-ref.ts';
import type { SystemHappening } from './system-event.ts';

/** A place in the tree, through all its incarnations. */
export interface Child {
  readonly id: string;
  readonly path: string;
  readonly type: 'actor' | 'supervisor';
  /** Begins an incarnation; answered once by `childStarted` or `childExited`. */
  start(): void;
  /**
   * Ends the incarnation in order; answered once by `childStopped` or, if it failed just before, by
   * `childExited`. With `forGood` nothing will be started in its place, so that what waits below is retired
   * as soon as it is down.
   */
  stop(reason: StopReason, forGood: boolean): void;
  /** Gives up, after `stop`, what has not ended within `afterMs`; answered as `stop` is. */
  abandon(afterMs: number): void;
  /** Nothing will be started here any more: what waits in mailboxes is dead-lettered. */
  retire(): void;
  /** Retires it and takes its path out of the system: another one may be put there. It must be down. */
  remove(): void;
  /** It has no life and gets one with the next message; never so for supervisors. */
  readonly isPassive: boolean;
  /** Messages waiting; 0 for supervisors. */
  readonly depth: number;
  /** The children of this incarnation, for a snapshot; none for actors. */
  snapshotChildren(): readonly ActorSnapshot[];
}

/** How a child ended by itself: `normal` and `shutdown` are in order, a crash is not. */
export type Exit =
  | { readonly kind: 'normal' | 'shutdown' }
  | { readonly kind: 'crash'; readonly error: Error };

/** The supervisor's ear. */
export interface Parent {
  childStarted(id: string): void;
  childExited(id: string, exit: Exit): void;
  childStopped(id: string): void;
}

/** What the system lends to each place in its tree. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly dispatcher: Scheduler;
  emit(happening: SystemHappening): void;
  ref<M>(path: string): ActorRef<M>;
  supervisor(path: string): SupervisorRef;
  /** Places of supervisors by path. */
  readonly supervisors: Map<string, DynamicSupervisor>;
  /** Makes the place of an actor and puts it at its path; its `remove` takes it away again. */
  makeActor(options: {
    readonly path: string;
    readonly spec: ActorSpec<unknown>;
    readonly parent: Parent;
  }): Child;
  /** References no longer find this place at its path. */
  unregister(path: string, receiver: Receiver): void;
}

/** A place in the tree as people see it. */
export interface ActorSnapshot {
  /** From the root; `/` is the root itself. */
  readonly path: string;
  readonly type: 'actor' | 'supervisor';
  /**
   * `waiting`: down until its restart is due; `idle`: down, its turn to start has not come; `passive`: down until
   * its next message.
   */
  readonly state: 'idle' | 'starting' | 'running' | 'passive' | 'waiting' | 'stopping' | 'stopped';
  /** Restarts since the system started. */
  readonly restarts: number;
  /** Messages waiting. */
  readonly depth: number;
  readonly lastFailure?: { readonly name: string; readonly message: string; readonly atMs: number };
  /** Milliseconds until the next restart, while `waiting`. */
  readonly nextRetryMs?: number;
  /** Of supervisors. */
  readonly supervision?: SupervisionSnapshot;
  readonly children: readonly ActorSnapshot[];
}

/** A supervisor's rules and what it has used up of them. */
export interface SupervisionSnapshot {
  readonly strategy: Strategy;
  readonly intensity: RestartIntensity;
  /** Restarts that the window holds now. */
  readonly restartsInWindow: number;
}
