// The vocabulary of an actor: references, behaviours, contexts and the specs from which supervisors start them.
// Everything above `runtime/` is written against these types.
import type { AutoShutdown, BackoffOptions, RestartIntensity, RestartType, Strategy } from '#supervision';
import type { Clock, Logger } from './ports.ts';
import type { SupervisorRef } from './supervisor-ref.ts';

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
  /** Nothing that is told is handled any more: the actor has ended for good, or nobody has that path. */
  readonly ended: boolean;
}

/** How the life of an actor ended, for those who watch it or are linked with it. */
export interface EndNotice {
  readonly path: string;
  /** Why its life ended; `no_actor`: there was none when the watch or link was asked for. */
  readonly reason: Exclude<StopReason, 'passivated'> | 'no_actor';
  /** What it crashed with. */
  readonly error?: Error;
}

/** What one life of an actor is given. Everything asked for here is of this life and ends with it. */
export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when this life begins to end: it is asked to stop, it crashed, or its start is given up. */
  readonly signal: AbortSignal;
  /** Reference to another actor by path from the root, e.g. `photos/index/shard-0`. It need not be started yet. */
  ref<N>(path: string): ActorRef<N>;
  /** Reference to a supervisor by path from the root; `/` is the root itself. */
  supervisor(path: string): SupervisorRef;
  /** Tells this actor `message` after `delayMs`; cancelled on restart and stop. */
  after(delayMs: number, message: M): () => void;
  /**
   * Fails this actor from outside its handler (a subscription broke, say): as if the handler had thrown.
   */
  crash(error: Error): void;
  /** Ends this life once the message in hand is handled, with the reason `normal`; what follows is up to the
   * supervisor: a `permanent` actor is started again, any other one is not. */
  stop(): void;
  /**
   * Tells this actor `build(notice)` once, when the present life of the other one ends (or at once with
   * `no_actor` when it has none). Messages that the other one told before come first. Like Erlang's monitor it
   * is of one life: watch again for the next one.
   * @returns stops watching
   */
  watch<N>(other: ActorRef<N>, build: (notice: EndNotice) => M): () => void;
  /**
   * Binds this life and the present one of the other actor together: when one ends with `shutdown`, so does the
   * other; when one crashes, the other crashes with LinkedActorEnded; `normal` ends leave it alone. A link with
   * an actor that is not there is a crash.
   * @returns unlinks
   */
  link<N>(other: ActorRef<N>): () => void;
  /** From now on the end of a linked or spawned actor, whatever its reason, is told as `build(notice)` and ends nobody. */
  trapExits(build: (notice: EndNotice) => M): void;
  /**
   * Starts an actor below this one, linked with this life: it is stopped before this one is, its crash is a
   * crash of this one, and it is never started again. Resolves when it is up.
   * @throws InvalidSpec for an id that is no path token or taken; what its start threw
   */
  spawn<N>(spec: SpawnSpec<N>): Promise<ActorRef<N>>;
  /** Handles the following messages with `receive`, until the next `become` or restart. */
  become(receive: Behaviour<M>['receive']): void;
  /**
   * Puts the message in hand aside until `unstashAll`. What is stashed when this life ends goes back to the
   * front of the mailbox: to the next life, or to the dead letters.
   * @throws StashFull beyond the spec's `stashCapacity`; InvalidState when no message is in hand
   */
  stash(): void;
  /** Puts all stashed messages back to the front of the mailbox, in their order. */
  unstashAll(): void;
  /** Tells this actor `message` whenever it has received nothing for `afterMs`; undefined ends it. */
  receiveTimeout(afterMs: number | undefined, message: M): void;
}

/** One incarnation of an actor: made anew at each start. */
export interface Behaviour<M> {
  /** Handles one message; an async handler holds the actor until it settles. Throwing is a crash. */
  receive(message: M): void | Promise<void>;
  /** Releases what this incarnation holds; called once, after a crash and on stop. */
  stopped?(reason: StopReason): void | Promise<void>;
}

/**
 * Why a life ended. `normal`: the actor stopped itself. `shutdown`: its supervisor, or an actor linked with it,
 * ended in order. `crash`: it threw. `restart_intensity`: its supervisor used up its restarts. `passivated`: it
 * had nothing to do and starts again with the next message.
 */
export type StopReason = 'normal' | 'shutdown' | 'crash' | 'restart_intensity' | 'passivated';

export interface MailboxOptions {
  /** Messages that may wait. */
  readonly capacity: number;
  /**
   * What happens to a message that finds no room. `backpressure`: it is answered `busy` and stays with the
   * sender, who can wait for room. `reject`: it is answered `busy` and is a dead letter. `drop-oldest`: it is
   * queued, and the oldest one is a dead letter.
   */
  readonly overflow: 'backpressure' | 'reject' | 'drop-oldest';
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
  /** Its end may end its supervisor (see `autoShutdown`); for transient and temporary children. Default false. */
  readonly significant?: boolean;
  /** Time to stop in order before it is abandoned; default 5,000 ms. */
  readonly shutdownMs?: number;
  /** Default capacity 1,000, backpressure. */
  readonly mailbox?: MailboxOptions;
  /** Messages that may be stashed; default 1,000. */
  readonly stashCapacity?: number;
  /**
   * Ends a life that has had nothing to do for so long (nothing waiting, owed, stashed, linked or below it) and
   * starts the next one when a message comes. Default: never.
   */
  readonly passivateAfterMs?: number;
}

/** An actor that another one starts below itself; it is never restarted. */
export type SpawnSpec<M> = Omit<ActorSpec<M>, 'restart' | 'significant' | 'type'>;

export interface SupervisorSpec {
  readonly type: 'supervisor';
  readonly id: string;
  readonly strategy: Strategy;
  /** Restarts allowed in a sliding window; default 3 in 60,000 ms. */
  readonly intensity?: RestartIntensity;
  readonly backoff?: BackoffOptions;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Its end may end its supervisor (see `autoShutdown`); for transient and temporary children. Default false. */
  readonly significant?: boolean;
  /**
   * Whether this supervisor ends in order once significant children have ended and are not restarted; default
   * `never`.
   */
  readonly autoShutdown?: AutoShutdown;
  /** Time for its children to stop in order before they are abandoned; default unlimited. */
  readonly shutdownMs?: number;
  /** Started left to right, stopped right to left. */
  readonly children: readonly ChildSpec[];
}

/** A child of a supervisor. */
// biome-ignore lint/suspicious/noExplicitAny: a supervisor holds children of any message type; refs restore it.
export type ChildSpec = ActorSpec<any> | SupervisorSpec;

/** A request to a worker-thread actor (see `threadActor`). */
export interface ThreadCall<Q, R> {
  readonly request: Q;
  /** Buffers moved, not copied, to the thread. */
  readonly transfer?: readonly ArrayBuffer[];
  readonly reply: Reply<R>;
}
