// One life of an actor, from its start to its end: its behaviour, its timers, the message in hand and the
// requests whose replies it owes. The cell makes a new one at each start, so that nothing of a former life
// can reach a later one.
import type { Behaviour } from './actor.ts';
import { ActorEnded } from './actor-errors.ts';
import type { Envelope } from './local-ref.ts';
import type { Clock } from './ports.ts';
import type { DeadLetterReason } from './system-event.ts';

/** The state of one life; the cell decides, this keeps. */
export class Incarnation {
  readonly #abort = new AbortController();
  readonly #timers = new Set<() => void>();
  readonly #owed = new Set<Envelope>();
  behaviour: Behaviour<unknown> | undefined;
  /** The message in hand. */
  current: Envelope | undefined;
  /** Its start or its handler has not settled yet. */
  busy = false;
  /** Nobody waits for it any more: whatever it still does is ignored. */
  over = false;

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Runs `action` after `delayMs` unless this life ends first. */
  after(clock: Clock, delayMs: number, action: () => void): () => void {
    if (this.signal.aborted) return () => {};
    const cancelTimer = clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      action();
    });
    const cancel = () => {
      this.#timers.delete(cancel);
      cancelTimer();
    };
    this.#timers.add(cancel);
    return cancel;
  }

  /** The message in hand has been handled; a request that was not answered yet is owed its reply from now on. */
  handled(): void {
    const envelope = this.current;
    this.current = undefined;
    const ask = envelope?.ask;
    if (envelope === undefined || ask === undefined || ask.settled) return;
    this.#owed.add(envelope);
    ask.whenSettled = () => this.#owed.delete(envelope);
  }

  /** Tells whoever listens to the signal that the end is near, and cancels the timers. */
  windDown(): void {
    for (const cancel of [...this.#timers]) cancel();
    this.#abort.abort();
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
    const held = this.current === undefined ? [...this.#owed] : [this.current, ...this.#owed];
    this.current = undefined;
    this.#owed.clear();
    for (const { message, ask } of held) {
      if (ask !== undefined) ask.whenSettled = undefined;
      // A request in hand that was answered already has had its effect on the asker; the message still failed.
      deadLetter(message, cause === undefined ? 'stopped' : 'crashed');
      ask?.fail(new ActorEnded(path, cause === undefined ? undefined : { cause }));
    }
  }
}
