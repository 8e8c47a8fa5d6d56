// The vocabulary of an actor: references, behaviours, contexts and the specs from which supervisors start them.
// Everything above `runtime/` is written against these types.
import type { BackoffOptions, RestartIntensity, RestartType, Strategy } from '#supervision';
import type { Clock, Logger } from './ports.ts';

/** What became of a `tell`: queued; refused because the mailbox is full; refused because the actor has ended. */
export type TellOutcome = 'queued' | 'busy' | 'dead';

/** The asker's side of a request: exactly one of the two settles it, later calls are ignored. */
export interface Reply<R> {
  ok(value: R): void;
  fail(error: Error): void;
}

/** Address of an actor. It stays valid over restarts: what is told meanwhile waits in the mailbox. */
export interface ActorRef<M> {
  readonly path: string;
  tell(message: M): TellOutcome;
  /**
   * Sends a request and waits for its reply.
   * @throws AskTimeout after `timeoutMs`; MailboxFull; ActorEnded when the actor stopped or crashed while it
   * held the request; else what the actor passed to `reply.fail`.
   */
  ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R>;
  /** Resolves when the mailbox has room (at once if it has). */
  room(signal?: AbortSignal): Promise<void>;
  /** Messages waiting. */
  readonly depth: number;
}

export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the actor is asked to stop or its start is given up. */
  readonly signal: AbortSignal;
  /** Reference to another actor by path from the root, e.g. `photos/index/shard-0`. It need not be started yet. */
  ref<N>(path: string): ActorRef<N>;
  /** Tells this actor `message` after `delayMs`; cancelled on restart and stop. */
  after(delayMs: number, message: M): () => void;
  /**
   * Fails this actor from outside its handler (a subscription broke, say): as if the handler had thrown.
   */
  crash(error: Error): void;
}

/** One incarnation of an actor: made anew at each start. */
export interface Behaviour<M> {
  /** Handles one message; an async handler holds the actor until it settles. Throwing is a crash. */
  receive(message: M): void | Promise<void>;
  /** Releases what this incarnation holds; called once, after a crash and on stop. */
  stopped?(reason: StopReason): void | Promise<void>;
}

export type StopReason = 'shutdown' | 'crash' | 'restart_intensity';

export interface MailboxOptions {
  /** Messages that may wait. */
  readonly capacity: number;
  /** What happens to a message that finds no room: `reject` answers `busy`; `drop-oldest` dead-letters the head. */
  readonly overflow: 'reject' | 'drop-oldest';
}

/** Starts one incarnation. Rejecting is a failed start. */
export type ActorStart<M> = (context: ActorContext<M>) => Behaviour<M> | Promise<Behaviour<M>>;

export interface ActorSpec<M> {
  readonly type: 'actor';
  /** Unique among its siblings; one path token. */
  readonly id: string;
  readonly start: ActorStart<M>;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Time to stop in order before it is abandoned; default 5,000 ms. */
  readonly shutdownMs?: number;
  /** Default capacity 1,000, reject. */
  readonly mailbox?: MailboxOptions;
}

export interface SupervisorSpec {
  readonly type: 'supervisor';
  readonly id: string;
  readonly strategy: Strategy;
  /** Restarts allowed in a sliding window; default 3 in 60,000 ms. */
  readonly intensity?: RestartIntensity;
  readonly backoff?: BackoffOptions;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Started left to right, stopped right to left. */
  // biome-ignore lint/suspicious/noExplicitAny: a supervisor holds children of any message type; refs restore it.
  readonly children: readonly (ActorSpec<any> | SupervisorSpec)[];
}

/** A request to a worker-thread actor (see `threadActor`). */
export interface ThreadCall<Q, R> {
  readonly request: Q;
  /** Buffers moved, not copied, to the thread. */
  readonly transfer?: readonly ArrayBuffer[];
  readonly reply: Reply<R>;
}
