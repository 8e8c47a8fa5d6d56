// An actor's place in the tree: its mailbox, its present incarnation and the steps from start to end. Requests
// to stop come as calls of the supervisor and so overtake the messages in the mailbox.
//
//   down ──start──▶ starting ──behaviour there──▶ running ──stop, crash──▶ ending ──▶ down
//                      └──────────stop, failed start──────────────────────▶
import type { ActorContext, ActorSpec, Behaviour, StopReason, TellOutcome } from './actor.ts';
import { ActorEnded, MailboxFull, toError } from './actor-errors.ts';
import type { ActorSnapshot, Child, Parent, Surroundings } from './child.ts';
import type { Runnable } from './dispatcher.ts';
import { Incarnation } from './incarnation.ts';
import type { Envelope, Receiver } from './local-ref.ts';
import { withFields } from './loggers.ts';
import { defaultMailbox, Mailbox } from './mailbox.ts';
import type { DeadLetterReason } from './system-event.ts';

/** Time to stop in order where a spec names none. */
const defaultShutdownMs = 5_000;

type State =
  | { readonly name: 'down' }
  | { readonly name: 'starting' | 'running'; readonly life: Incarnation }
  | {
      readonly name: 'ending';
      readonly life: Incarnation;
      readonly reason: StopReason;
      readonly failure: Error | undefined;
      /** The supervisor asked for the end, so that it is answered by `childStopped`. */
      asked: boolean;
      readonly cancelTimeout: () => void;
    };

/** Runs one actor through all its incarnations. */
export class ActorCell implements Child, Receiver, Runnable {
  readonly id: string;
  readonly path: string;
  readonly type = 'actor';
  readonly #spec: ActorSpec<unknown>;
  readonly #parent: Parent;
  readonly #surroundings: Surroundings;
  readonly #mailbox: Mailbox<Envelope>;
  #state: State = { name: 'down' };
  #incarnations = 0;
  #turnQueued = false;

  constructor(options: {
    readonly path: string;
    readonly spec: ActorSpec<unknown>;
    readonly parent: Parent;
    readonly surroundings: Surroundings;
  }) {
    this.id = options.spec.id;
    this.path = options.path;
    this.#spec = options.spec;
    this.#parent = options.parent;
    this.#surroundings = options.surroundings;
    this.#mailbox = new Mailbox(options.spec.mailbox ?? defaultMailbox);
  }

  get depth(): number {
    return this.#mailbox.depth;
  }

  snapshotChildren(): readonly ActorSnapshot[] {
    return [];
  }

  deliver(envelope: Envelope): TellOutcome {
    const offer = this.#mailbox.offer(envelope);
    if (offer.outcome === 'busy') return 'busy';
    if (offer.outcome === 'closed') {
      this.#deadLetter(envelope.message, 'ended');
      return 'dead';
    }
    if (offer.dropped !== undefined) {
      this.#deadLetter(offer.dropped.message, 'dropped');
      offer.dropped.ask?.fail(new MailboxFull(this.path));
    }
    this.#queueTurn();
    return 'queued';
  }

  room(signal?: AbortSignal): Promise<boolean> {
    return this.#mailbox.room(signal);
  }

  start(): void {
    if (this.#state.name !== 'down') return;
    this.#incarnations += 1;
    this.#mailbox.open();
    const life = new Incarnation();
    life.busy = true;
    this.#state = { name: 'starting', life };
    // A start that throws at once must look like one that rejects.
    const started = Promise.try(() => this.#spec.start(this.#contextOf(life)));
    void started.then(
      (behaviour) => this.#startSettled(life, behaviour),
      (thrown: unknown) => this.#startRejected(life, toError(thrown)),
    );
  }

  stop(reason: StopReason): void {
    const state = this.#state;
    if (state.name === 'down') return;
    if (state.name === 'ending') state.asked = true;
    else this.#end(state.life, { reason, asked: true });
  }

  retire(): void {
    for (const { message, ask } of this.#mailbox.close()) {
      this.#deadLetter(message, 'stopped');
      ask?.fail(new ActorEnded(this.path));
    }
  }

  run(limit: number): number {
    this.#turnQueued = false;
    let handled = 0;
    while (handled < limit && this.#state.name === 'running' && !this.#state.life.busy) {
      const envelope = this.#mailbox.take();
      if (envelope === undefined) return handled;
      handled += 1;
      if (envelope.validUnless?.aborted !== true) this.#handle(this.#state.life, envelope);
    }
    this.#queueTurn();
    return handled;
  }

  #queueTurn(): void {
    if (this.#turnQueued || this.#state.name !== 'running' || this.#state.life.busy) return;
    if (this.#mailbox.depth === 0) return;
    this.#turnQueued = true;
    this.#surroundings.dispatcher.schedule(this);
  }

  #handle(life: Incarnation, envelope: Envelope): void {
    life.current = envelope;
    life.busy = true;
    let result: void | Promise<void>;
    try {
      result = life.behaviour?.receive(envelope.message);
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
    life.busy = false;
    life.handled();
    if (life.over) return;
    if (this.#state.name === 'ending') this.#callStopped(life);
    else this.#queueTurn();
  }

  #handlerThrew(life: Incarnation, error: Error): void {
    life.busy = false;
    if (life.over) return;
    if (this.#state.name === 'ending') {
      this.#surroundings.log.warn({ path: this.path, err: error }, 'actor threw while it was ending');
      this.#callStopped(life);
    } else {
      this.#crash(life, error, 'work');
    }
  }

  #startSettled(life: Incarnation, behaviour: Behaviour<unknown>): void {
    life.busy = false;
    life.behaviour = behaviour;
    if (life.over) {
      this.#releaseLate(life, 'shutdown');
    } else if (this.#state.name === 'ending') {
      this.#callStopped(life);
    } else {
      this.#state = { name: 'running', life };
      this.#surroundings.emit({ type: 'started', path: this.path, incarnation: this.#incarnations });
      this.#parent.childStarted(this.id);
      this.#queueTurn();
    }
  }

  #startRejected(life: Incarnation, error: Error): void {
    life.busy = false;
    if (life.over) return;
    if (this.#state.name === 'ending') this.#callStopped(life);
    else this.#crash(life, error, 'start');
  }

  #crash(life: Incarnation, error: Error, during: 'start' | 'work'): void {
    this.#surroundings.emit({ type: 'crashed', path: this.path, during, error });
    this.#end(life, { reason: 'crash', failure: error, asked: false });
  }

  /** The only way out of a life: wind down, wait for what is in hand, call `stopped`, report to the supervisor. */
  #end(life: Incarnation, how: { reason: StopReason; failure?: Error; asked: boolean }): void {
    const afterMs = this.#spec.shutdownMs ?? defaultShutdownMs;
    const { reason, failure, asked } = how;
    const cancelTimeout = this.#surroundings.clock.schedule(afterMs, () => this.#abandon(life, afterMs));
    this.#state = { name: 'ending', life, reason, failure, asked, cancelTimeout };
    if (failure !== undefined) this.#release(life, failure);
    life.windDown();
    if (!life.busy) this.#callStopped(life);
  }

  #callStopped(life: Incarnation): void {
    const state = this.#state;
    if (state.name !== 'ending' || life.over) return;
    const { behaviour } = life;
    if (behaviour?.stopped === undefined) {
      this.#finish(life);
      return;
    }
    // It is called once: neither a late handler nor the timeout finds it again.
    life.behaviour = undefined;
    void Promise.try(() => behaviour.stopped?.(state.reason)).then(
      () => this.#finish(life),
      (thrown: unknown) => {
        this.#surroundings.log.warn(
          { path: this.path, err: toError(thrown) },
          'actor failed to stop in order',
        );
        this.#finish(life);
      },
    );
  }

  #abandon(life: Incarnation, afterMs: number): void {
    if (life.over || this.#state.name !== 'ending') return;
    this.#surroundings.emit({ type: 'abandoned', path: this.path, afterMs });
    this.#releaseLate(life, this.#state.reason);
    this.#finish(life);
  }

  /** Calls `stopped` of a life that nobody waits for, so that what it holds is let go all the same. */
  #releaseLate(life: Incarnation, reason: StopReason): void {
    const { behaviour } = life;
    life.behaviour = undefined;
    if (behaviour?.stopped === undefined) return;
    void Promise.try(() => behaviour.stopped?.(reason)).catch((thrown: unknown) => {
      this.#surroundings.log.warn({ path: this.path, err: toError(thrown) }, 'actor failed to stop in order');
    });
  }

  #finish(life: Incarnation): void {
    const state = this.#state;
    if (state.name !== 'ending' || life.over) return;
    life.over = true;
    state.cancelTimeout();
    this.#release(life, state.failure);
    this.#state = { name: 'down' };
    this.#surroundings.emit({ type: 'stopped', path: this.path, reason: state.reason });
    if (state.asked || state.failure === undefined) this.#parent.childStopped(this.id);
    else this.#parent.childExited(this.id, state.failure);
  }

  #release(life: Incarnation, cause: Error | undefined): void {
    life.release(this.path, (message, reason) => this.#deadLetter(message, reason), cause);
  }

  #deadLetter(message: unknown, reason: DeadLetterReason): void {
    this.#surroundings.emit({ type: 'dead_letter', path: this.path, reason, message });
  }

  #contextOf(life: Incarnation): ActorContext<unknown> {
    const { clock, log } = this.#surroundings;
    return {
      self: this.#surroundings.ref(this.path),
      path: this.path,
      clock,
      log: withFields(log, { actor: this.path }),
      signal: life.signal,
      ref: (path) => this.#surroundings.ref(path),
      after: (delayMs, message) =>
        life.after(clock, delayMs, () => {
          this.#mailbox.force({ message, validUnless: life.signal });
          this.#queueTurn();
        }),
      crash: (error) => {
        if (this.#state.name === 'starting' || this.#state.name === 'running') {
          if (this.#state.life === life) {
            this.#crash(life, error, this.#state.name === 'starting' ? 'start' : 'work');
          }
        }
      },
    };
  }
}
