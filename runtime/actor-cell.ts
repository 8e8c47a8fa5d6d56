// An actor's place in the tree: its mailbox, its present life and the steps from start to end. Requests to stop,
// crashes and the ends of linked actors come as calls and so overtake the messages in the mailbox.
//
//   down ──start──▶ starting ──behaviour there──▶ running ──stop, crash──▶ ending ──▶ down
//                     ▲ └──────────stop, failed start──────────────────────▶  │
//                     └────────────message──── passive ◀──────passivated──────┘
import type { ActorSpec, Behaviour, EndNotice, StopReason, TellOutcome } from './actor.ts';
import { type ContextHost, defaultStashCapacity, LiveContext } from './actor-context.ts';
import { ActorEnded, LinkedActorEnded, MailboxFull, toError } from './actor-errors.ts';
import type { ActorSnapshot, Child, Exit, Parent, Surroundings } from './child.ts';
import type { Runnable } from './dispatcher.ts';
import type { WatchedLife } from './end-watch.ts';
import { askOf, type Envelope, messageOf, OwnMessage } from './envelope.ts';
import { IdleTimer } from './idle-timer.ts';
import { Incarnation, type LifeOwner } from './incarnation.ts';
import type { Receiver } from './local-ref.ts';
import { defaultMailbox, Mailbox } from './mailbox.ts';
import type { DeadLetterReason } from './system-event.ts';

/** Time to stop in order where a spec names none. */
const defaultShutdownMs = 5_000;

/** How a life ends. */
interface Ending {
  readonly reason: StopReason;
  readonly failure: Error | undefined;
  /** The supervisor asked for the end, so that it is answered by `childStopped`. */
  asked: boolean;
  /** Its children are down, or being stopped. */
  wrappingUp: boolean;
  readonly cancelTimeout: () => void;
}

/** Runs one actor through all its lives. */
export class ActorCell implements Child, Receiver, Runnable, ContextHost, LifeOwner {
  readonly path: string;
  readonly type = 'actor';
  readonly surroundings: Surroundings;
  readonly #spec: ActorSpec<unknown>;
  readonly #parent: Parent;
  readonly #mailbox: Mailbox<Envelope>;
  #phase: 'down' | 'passive' | 'starting' | 'running' | 'ending' = 'down';
  #life: Incarnation | undefined;
  #ending: Ending | undefined;
  /** The supervisor has heard that this actor is up, and that has not been taken back. */
  #announced = false;
  #incarnations = 0;
  #turnQueued = false;
  isRemoved = false;

  constructor(options: {
    readonly path: string;
    readonly spec: ActorSpec<unknown>;
    readonly parent: Parent;
    readonly surroundings: Surroundings;
  }) {
    this.path = options.path;
    this.#spec = options.spec;
    this.#parent = options.parent;
    this.surroundings = options.surroundings;
    const { mailbox = defaultMailbox } = options.spec;
    this.#mailbox =
      mailbox.overflow === 'drop-oldest'
        ? new Mailbox(mailbox, (oldest) => this.#refuse(oldest, 'dropped'))
        : new Mailbox(mailbox);
  }

  get id(): string {
    return this.#spec.id;
  }

  get depth(): number {
    return this.#mailbox.depth;
  }

  get stashCapacity(): number {
    return this.#spec.stashCapacity ?? defaultStashCapacity;
  }

  get isPassive(): boolean {
    return this.#phase === 'passive';
  }

  get life(): WatchedLife | undefined {
    return this.#life;
  }

  get ended(): boolean {
    return !this.#mailbox.isOpen;
  }

  snapshotChildren(): readonly ActorSnapshot[] {
    return this.#life?.spawned?.snapshots() ?? [];
  }

  deliver(envelope: Envelope): TellOutcome {
    const offer = this.#mailbox.offer(envelope);
    if (offer === 'queued') {
      if (!this.#turnQueued) this.#wake();
      return 'queued';
    }
    if (offer === 'closed') {
      this.#deadLetter(messageOf(envelope), 'ended');
      return 'dead';
    }
    if (this.#spec.mailbox?.overflow === 'reject') this.#deadLetter(messageOf(envelope), 'rejected');
    return 'busy';
  }

  room(signal?: AbortSignal): Promise<boolean> {
    return this.#mailbox.room(signal);
  }

  start(): void {
    if (this.#phase === 'down') this.#begin();
  }

  stop(reason: StopReason): void {
    if (this.#phase === 'down') return;
    this.#announced = false;
    if (this.#ending !== undefined) this.#ending.asked = true;
    else if (this.#life !== undefined) this.#end(this.#life, { reason, asked: true });
    else this.#passiveStopped();
  }

  abandon(afterMs: number): void {
    if (this.#life !== undefined) this.#abandon(this.#life, afterMs);
  }

  retire(): void {
    for (const envelope of this.#mailbox.close()) {
      this.#deadLetter(messageOf(envelope), 'stopped');
      askOf(envelope)?.fail(new ActorEnded(this.path));
    }
  }

  remove(): void {
    this.isRemoved = true;
    this.retire();
    this.surroundings.unregister(this.path, this);
  }

  run(limit: number): number {
    this.#turnQueued = false;
    let handled = 0;
    while (handled < limit && this.#phase === 'running' && this.#mailbox.depth > 0) {
      const life = this.#life;
      if (life === undefined || life.busy) break;
      const envelope = this.#mailbox.take();
      handled += 1;
      if (envelope instanceof OwnMessage && envelope.life !== life) continue;
      this.#handle(life, envelope);
    }
    this.#wake();
    return handled;
  }

  tellSelf(life: Incarnation, message: unknown): void {
    if (this.#life !== life || this.#ending !== undefined) return;
    this.#mailbox.force(new OwnMessage(message, life));
    this.#wake();
  }

  putBack(life: Incarnation): void {
    this.#mailbox.putBack(life.takeStash());
    this.#wake();
  }

  crashLife(life: Incarnation, error: Error): void {
    if (this.#life !== life || this.#ending !== undefined) return;
    this.#crash(life, error, this.#phase === 'starting' ? 'start' : 'work');
  }

  endLife(life: Incarnation): void {
    if (this.#life === life && this.#ending === undefined) {
      this.#end(life, { reason: 'normal', asked: false });
    }
  }

  linkedEnded(life: Incarnation, notice: EndNotice): void {
    if (this.#life !== life || this.#ending !== undefined) return;
    if (life.trap !== undefined) this.tellSelf(life, life.trap(notice));
    else if (notice.reason === 'shutdown') this.#end(life, { reason: 'shutdown', asked: false });
    else if (notice.reason !== 'normal') this.crashLife(life, new LinkedActorEnded(this.path, notice));
  }

  /** Asks for a turn where there is something to handle and someone to handle it. */
  #wake(): void {
    if (this.#turnQueued || this.#mailbox.depth === 0) return;
    if (this.#phase === 'running' && this.#life?.busy === false) {
      this.#turnQueued = true;
      this.surroundings.dispatcher.schedule(this);
    } else if (this.#phase === 'passive') {
      this.#begin();
    }
  }

  #begin(): void {
    this.#incarnations += 1;
    this.#mailbox.open();
    const life = new Incarnation(this);
    life.busy = true;
    this.#life = life;
    this.#phase = 'starting';
    let started: Behaviour<unknown> | Promise<Behaviour<unknown>>;
    try {
      started = this.#spec.start(new LiveContext(this, life));
    } catch (thrown) {
      this.#startRejected(life, toError(thrown));
      return;
    }
    if (!(started instanceof Promise)) {
      this.#startSettled(life, started);
      return;
    }
    void started.then(
      (behaviour) => this.#startSettled(life, behaviour),
      (thrown: unknown) => this.#startRejected(life, toError(thrown)),
    );
  }

  #startSettled(life: Incarnation, behaviour: Behaviour<unknown>): void {
    life.handled();
    life.behaviour = behaviour;
    if (life.over) {
      this.#releaseLate(life, 'shutdown');
    } else if (this.#ending !== undefined) {
      this.#wrapUp(life, this.#ending);
    } else {
      this.#phase = 'running';
      const { passivateAfterMs } = this.#spec;
      if (passivateAfterMs !== undefined) this.#watchIdleness(life, passivateAfterMs);
      this.surroundings.emit({ type: 'started', path: this.path, incarnation: this.#incarnations });
      if (!this.#announced) {
        this.#announced = true;
        this.#parent.childStarted(this.id);
      }
      this.#wake();
    }
  }

  #startRejected(life: Incarnation, error: Error): void {
    life.handled();
    if (life.over) return;
    if (this.#ending !== undefined) this.#wrapUp(life, this.#ending);
    else this.#crash(life, error, 'start');
  }

  #watchIdleness(life: Incarnation, afterMs: number): void {
    life.passivation = new IdleTimer(this.surroundings.clock, afterMs, () => {
      if (this.#life !== life || this.#ending !== undefined) return;
      if (this.#mailbox.depth === 0 && life.isIdle) this.#end(life, { reason: 'passivated', asked: false });
      else life.passivation?.touch();
    });
  }

  #handle(life: Incarnation, envelope: Envelope): void {
    life.take(envelope);
    let result: void | Promise<void>;
    try {
      const message = messageOf(envelope);
      result = life.became === undefined ? life.behaviour?.receive(message) : life.became(message);
    } catch (thrown) {
      this.#handlerThrew(life, toError(thrown));
      return;
    }
    if (result === undefined) {
      this.#handlerSettled(life);
      return;
    }
    void Promise.resolve(result).then(
      () => this.#handlerSettled(life),
      (thrown: unknown) => this.#handlerThrew(life, toError(thrown)),
    );
  }

  #handlerSettled(life: Incarnation): void {
    life.handled();
    if (life.over) return;
    if (this.#ending !== undefined) this.#wrapUp(life, this.#ending);
    else this.#wake();
  }

  #handlerThrew(life: Incarnation, error: Error): void {
    life.busy = false;
    if (life.over) return;
    if (this.#ending === undefined) {
      this.#crash(life, error, 'work');
    } else {
      this.surroundings.log.warn({ path: this.path, err: error }, 'actor threw while it was ending');
      this.#wrapUp(life, this.#ending);
    }
  }

  #crash(life: Incarnation, error: Error, during: 'start' | 'work'): void {
    this.surroundings.emit({ type: 'crashed', path: this.path, during, error });
    this.#end(life, { reason: 'crash', failure: error, asked: false });
  }

  /** The only way out of a life: wind down, wait for what is in hand, wrap up, report to the supervisor. */
  #end(life: Incarnation, how: { reason: StopReason; failure?: Error; asked: boolean }): void {
    const afterMs = this.#spec.shutdownMs ?? defaultShutdownMs;
    const { reason, failure, asked } = how;
    const cancelTimeout = this.surroundings.clock.schedule(afterMs, () => this.#abandon(life, afterMs));
    const ending: Ending = { reason, failure, asked, wrappingUp: false, cancelTimeout };
    this.#phase = 'ending';
    this.#ending = ending;
    if (failure !== undefined) this.#release(life, failure);
    life.windDown();
    if (!life.busy) this.#wrapUp(life, ending);
  }

  /** Stops what it spawned, then lets it release what it holds. */
  #wrapUp(life: Incarnation, ending: Ending): void {
    if (life.over || ending.wrappingUp) return;
    ending.wrappingUp = true;
    if (life.spawned?.any !== true) this.#callStopped(life, ending);
    else void life.spawned.stopAll().then(() => this.#callStopped(life, ending));
  }

  #callStopped(life: Incarnation, ending: Ending): void {
    if (life.over) return;
    const { behaviour } = life;
    if (behaviour?.stopped === undefined) {
      this.#finish(life, ending);
      return;
    }
    // It is called once: neither a late handler nor the timeout finds it again.
    life.behaviour = undefined;
    void Promise.try(() => behaviour.stopped?.(ending.reason))
      .catch((thrown: unknown) => this.#logFailedStop(thrown))
      .then(() => this.#finish(life, ending));
  }

  #abandon(life: Incarnation, afterMs: number): void {
    const ending = this.#ending;
    if (life.over || ending === undefined) return;
    this.surroundings.emit({ type: 'abandoned', path: this.path, afterMs });
    this.#releaseLate(life, ending.reason);
    this.#finish(life, ending);
  }

  /** Calls `stopped` of a life that nobody waits for, so that what it holds is let go all the same. */
  #releaseLate(life: Incarnation, reason: StopReason): void {
    const { behaviour } = life;
    life.behaviour = undefined;
    if (behaviour?.stopped === undefined) return;
    void Promise.try(() => behaviour.stopped?.(reason)).catch((thrown: unknown) =>
      this.#logFailedStop(thrown),
    );
  }

  #logFailedStop(thrown: unknown): void {
    const err = toError(thrown);
    this.surroundings.log.warn({ path: this.path, err }, 'actor failed to stop in order');
  }

  #finish(life: Incarnation, ending: Ending): void {
    if (life.over) return;
    life.over = true;
    ending.cancelTimeout();
    this.#mailbox.putBack(life.takeStash());
    this.#release(life, ending.failure);
    this.#life = undefined;
    this.#ending = undefined;
    const { reason, failure, asked } = ending;
    this.surroundings.emit({ type: 'stopped', path: this.path, reason });
    if (reason === 'passivated') {
      this.#phase = 'passive';
      if (asked) this.#passiveStopped();
      else this.#wake();
      return;
    }
    this.#phase = 'down';
    this.#announced = false;
    life.tellEnd({ path: this.path, reason, ...(failure !== undefined && { error: failure }) });
    if (asked) this.#parent.childStopped(this.id);
    else this.#parent.childExited(this.id, exitOf(ending));
  }

  #passiveStopped(): void {
    this.#phase = 'down';
    this.#announced = false;
    this.#parent.childStopped(this.id);
  }

  #release(life: Incarnation, cause: Error | undefined): void {
    life.release(this.path, (message, reason) => this.#deadLetter(message, reason), cause);
  }

  #refuse(envelope: Envelope, reason: DeadLetterReason): void {
    this.#deadLetter(messageOf(envelope), reason);
    askOf(envelope)?.fail(new MailboxFull(this.path));
  }

  #deadLetter(message: unknown, reason: DeadLetterReason): void {
    this.surroundings.emit({ type: 'dead_letter', path: this.path, reason, message });
  }
}

function exitOf({ reason, failure }: Ending): Exit {
  if (failure !== undefined) return { kind: 'crash', error: failure };
  return { kind: reason === 'normal' ? 'normal' : 'shutdown' };
}
