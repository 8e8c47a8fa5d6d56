// What one life of an actor is given to work with: the same cell serves all lives, a context is of one. Whatever
// is asked through the context of a life that has ended does nothing.
import type { ActorContext, ActorRef, Behaviour, EndNotice, SpawnSpec } from './actor.ts';
import { InvalidState, StashFull } from './actor-errors.ts';
import type { Surroundings } from './child.ts';
import type { EndListener } from './end-watch.ts';
import { IdleTimer } from './idle-timer.ts';
import type { Incarnation } from './incarnation.ts';
import { LocalRef } from './local-ref.ts';
import { withFields } from './loggers.ts';
import type { Clock, Logger } from './ports.ts';
import { SpawnedChildren } from './spawned-children.ts';
import type { SupervisorRef } from './supervisor-ref.ts';

/** Stashed messages where a spec names no limit. */
export const defaultStashCapacity = 1_000;

/** The cell, as a context asks it for what concerns the life as a whole. */
export interface ContextHost {
  readonly path: string;
  readonly stashCapacity: number;
  readonly surroundings: Surroundings;
  /** Queues a message of this life to itself, past the limits of the mailbox. */
  tellSelf(life: Incarnation, message: unknown): void;
  /** Puts what was stashed back to the front of the mailbox. */
  putBack(life: Incarnation): void;
  crashLife(life: Incarnation, error: Error): void;
  endLife(life: Incarnation): void;
}

export class LiveContext implements ActorContext<unknown> {
  readonly #host: ContextHost;
  readonly #life: Incarnation;
  #log: Logger | undefined;

  constructor(host: ContextHost, life: Incarnation) {
    this.#host = host;
    this.#life = life;
  }

  get path(): string {
    return this.#host.path;
  }

  get self(): ActorRef<unknown> {
    return this.ref(this.#host.path);
  }

  get clock(): Clock {
    return this.#host.surroundings.clock;
  }

  get log(): Logger {
    this.#log ??= withFields(this.#host.surroundings.log, { actor: this.#host.path });
    return this.#log;
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  ref<N>(path: string): ActorRef<N> {
    return this.#host.surroundings.ref<N>(path);
  }

  supervisor(path: string): SupervisorRef {
    return this.#host.surroundings.supervisor(path);
  }

  after(delayMs: number, message: unknown): () => void {
    return this.#life.after(this.clock, delayMs, () => this.#host.tellSelf(this.#life, message));
  }

  crash(error: Error): void {
    this.#host.crashLife(this.#life, error);
  }

  stop(): void {
    this.#host.endLife(this.#life);
  }

  watch<N>(other: ActorRef<N>, build: (notice: EndNotice) => unknown): () => void {
    const listener: EndListener = (notice) => this.#host.tellSelf(this.#life, build(notice));
    const watched = lifeOf(other);
    if (watched === undefined) {
      listener({ path: other.path, reason: 'no_actor' });
      return () => {};
    }
    watched.onEnd(listener);
    return () => watched.offEnd(listener);
  }

  link<N>(other: ActorRef<N>): () => void {
    const mine = this.#life;
    const theirs = lifeOf(other);
    if (theirs === undefined) {
      mine.linkedEnded({ path: other.path, reason: 'no_actor' });
      return () => {};
    }
    const onTheirEnd: EndListener = (notice) => mine.linkedEnded(notice);
    const onMyEnd: EndListener = (notice) => theirs.linkedEnded(notice);
    theirs.onEnd(onTheirEnd);
    mine.onEnd(onMyEnd);
    return () => {
      theirs.offEnd(onTheirEnd);
      mine.offEnd(onMyEnd);
    };
  }

  trapExits(build: (notice: EndNotice) => unknown): void {
    this.#life.trap = build;
  }

  spawn<N>(spec: SpawnSpec<N>): Promise<ActorRef<N>> {
    const life = this.#life;
    life.spawned ??= new SpawnedChildren(this.#host.path, this.#host.surroundings, life);
    return life.spawned.spawn(spec);
  }

  become(receive: Behaviour<unknown>['receive']): void {
    this.#life.became = receive;
  }

  stash(): void {
    const { stashCapacity, path } = this.#host;
    if (!this.#life.inHand) {
      throw new InvalidState(`expected a message in hand of ${path} to stash, but there was none`);
    }
    if (this.#life.stashed >= stashCapacity) throw new StashFull(path, stashCapacity);
    this.#life.stash();
  }

  unstashAll(): void {
    this.#host.putBack(this.#life);
  }

  receiveTimeout(afterMs: number | undefined, message: unknown): void {
    const life = this.#life;
    life.receiveTimer?.cancel();
    life.receiveTimer = undefined;
    if (afterMs === undefined || life.over) return;
    life.receiveTimer = new IdleTimer(this.clock, afterMs, () => this.#host.tellSelf(life, message));
  }
}

function lifeOf<N>(other: ActorRef<N>) {
  if (!(other instanceof LocalRef)) {
    throw new InvalidState(`expected a reference of this process to ${other.path}, but it was another's`);
  }
  return other.receiver()?.life;
}
