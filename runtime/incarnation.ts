// One life of an actor, from its start to its end: its behaviour, its timers, the message in hand, the requests
// whose replies it owes, what it stashed and who is bound to its end. The cell makes a new one at each start, so
// that nothing of a former life can reach a later one. Most actors are idle and use little of this, so that
// whatever can be made when it is first needed is.
import type { Behaviour, EndNotice } from './actor.ts';
import { ActorEnded } from './actor-errors.ts';
import { type EndListener, EndListeners, type WatchedLife } from './end-watch.ts';
import { Asked, askOf, type Envelope, messageOf } from './envelope.ts';
import type { IdleTimer } from './idle-timer.ts';
import type { Clock } from './ports.ts';
import type { SpawnedChildren } from './spawned-children.ts';
import type { DeadLetterReason } from './system-event.ts';

/** Whoever runs a life and decides what the end of a linked one means for it. */
export interface LifeOwner {
  linkedEnded(life: Incarnation, notice: EndNotice): void;
}

/** The state of one life; the cell decides, this keeps. */
export class Incarnation implements WatchedLife {
  readonly #owner: LifeOwner;
  #abort: AbortController | undefined;
  #windingDown = false;
  #timers: Set<() => void> | undefined;
  #owed: Set<Asked> | undefined;
  #listeners: EndListeners | undefined;
  #stash: Envelope[] | undefined;
  behaviour: Behaviour<unknown> | undefined;
  /** What `become` put in the place of the behaviour's `receive`. */
  became: Behaviour<unknown>['receive'] | undefined;
  /** The entry in hand, while `inHand`. */
  current: Envelope;
  inHand = false;
  /** Its start or its handler has not settled yet. */
  busy = false;
  /** Nobody waits for it any more: whatever it still does is ignored. */
  over = false;
  spawned: SpawnedChildren | undefined;
  receiveTimer: IdleTimer | undefined;
  passivation: IdleTimer | undefined;
  /** Set by `trapExits`. */
  trap: ((notice: EndNotice) => unknown) | undefined;

  constructor(owner: LifeOwner) {
    this.#owner = owner;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#windingDown) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Runs `action` after `delayMs` unless this life ends first. */
  after(clock: Clock, delayMs: number, action: () => void): () => void {
    if (this.#windingDown) return () => {};
    this.#timers ??= new Set();
    const timers = this.#timers;
    const cancelTimer = clock.schedule(delayMs, () => {
      timers.delete(cancel);
      action();
    });
    const cancel = () => {
      timers.delete(cancel);
      cancelTimer();
    };
    timers.add(cancel);
    return cancel;
  }

  onEnd(listener: EndListener): void {
    this.#listeners ??= new EndListeners();
    this.#listeners.add(listener);
  }

  offEnd(listener: EndListener): void {
    this.#listeners?.delete(listener);
  }

  linkedEnded(notice: EndNotice): void {
    this.#owner.linkedEnded(this, notice);
  }

  /** Tells those who watch it and those linked with it, once. */
  tellEnd(notice: EndNotice): void {
    this.#listeners?.tellAll(notice);
  }

  take(envelope: Envelope): void {
    this.current = envelope;
    this.inHand = true;
    this.busy = true;
    this.receiveTimer?.touch();
    this.passivation?.touch();
  }

  /** The message in hand has been handled; a request that was not answered yet is owed its reply from now on. */
  handled(): void {
    const envelope = this.current;
    this.busy = false;
    this.current = undefined;
    if (!this.inHand) return;
    this.inHand = false;
    if (!(envelope instanceof Asked) || envelope.ask.settled) return;
    this.#owed ??= new Set();
    const owed = this.#owed;
    owed.add(envelope);
    envelope.ask.whenSettled = () => owed.delete(envelope);
  }

  /** Puts the entry in hand aside; answers how many lie there then. */
  stash(): number {
    this.#stash ??= [];
    const stashed = this.#stash.push(this.current);
    this.current = undefined;
    this.inHand = false;
    return stashed;
  }

  get stashed(): number {
    return this.#stash?.length ?? 0;
  }

  /** What was stashed, oldest first; nothing is left. */
  takeStash(): readonly Envelope[] {
    const stash = this.#stash;
    this.#stash = undefined;
    return stash ?? [];
  }

  /** Nothing would be lost or missed if this life ended now and the next one began with the next message. */
  get isIdle(): boolean {
    return (
      !this.busy &&
      this.stashed === 0 &&
      (this.#owed?.size ?? 0) === 0 &&
      (this.#timers?.size ?? 0) === 0 &&
      this.#listeners?.any !== true &&
      this.spawned?.any !== true
    );
  }

  /** Tells whoever listens to the signal that the end is near, and cancels the timers. */
  windDown(): void {
    this.#windingDown = true;
    for (const cancel of [...(this.#timers ?? [])]) cancel();
    this.receiveTimer?.cancel();
    this.passivation?.cancel();
    this.#abort?.abort();
  }

  /**
   * Gives up what it held: each message is passed to `deadLetter`, each asker is told with `ActorEnded`.
   * @param cause the crash, if there was one
   */
  release(
    path: string,
    deadLetter: (message: unknown, reason: DeadLetterReason) => void,
    cause?: Error,
  ): void {
    const held: Envelope[] = this.inHand ? [this.current] : [];
    held.push(...(this.#owed ?? []));
    this.current = undefined;
    this.inHand = false;
    this.#owed = undefined;
    for (const envelope of held) {
      const ask = askOf(envelope);
      if (ask !== undefined) ask.whenSettled = undefined;
      // A request in hand that was answered already has had its effect on the asker; the message still failed.
      deadLetter(messageOf(envelope), cause === undefined ? 'stopped' : 'crashed');
      ask?.fail(new ActorEnded(path, cause === undefined ? undefined : { cause }));
    }
  }
}
