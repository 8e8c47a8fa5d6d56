// How busy one member of a pool is: a wrapper around its behaviour that measures how long each message holds it. It
// outlives restarts, as the member's mailbox does.
import type { ActorContext, ActorSpec, Behaviour } from '../actor.ts';
import type { Clock } from '../ports.ts';

/** Measures one member. What it handles by `become` is not measured. */
export class MemberGauge {
  #busyMs = 0;
  #handled = 0;
  /** Since when the message in hand holds it, as far as that has not been read yet. */
  #sinceMs: number | undefined;
  #lives = 0;

  /** A message is in hand. */
  get isBusy(): boolean {
    return this.#sinceMs !== undefined;
  }

  /** The spec of the same actor, measured. */
  measured<M>(spec: ActorSpec<M>): ActorSpec<M> {
    return {
      ...spec,
      start: (context: ActorContext<M>) => {
        this.#lives += 1;
        this.#sinceMs = undefined;
        const life = this.#lives;
        const started = spec.start(context);
        return started instanceof Promise
          ? started.then((behaviour) => this.#around(behaviour, life, context.clock))
          : this.#around(started, life, context.clock);
      },
    };
  }

  /** What it did since it was read last. */
  read(nowMs: number): { readonly busyMs: number; readonly handled: number } {
    if (this.#sinceMs !== undefined) {
      this.#busyMs += nowMs - this.#sinceMs;
      this.#sinceMs = nowMs;
    }
    const { busyMs, handled } = { busyMs: this.#busyMs, handled: this.#handled };
    this.#busyMs = 0;
    this.#handled = 0;
    return { busyMs, handled };
  }

  #around<M>(behaviour: Behaviour<M>, life: number, clock: Clock): Behaviour<M> {
    const done = () => {
      if (life !== this.#lives || this.#sinceMs === undefined) return;
      this.#busyMs += clock.monotonicMs() - this.#sinceMs;
      this.#handled += 1;
      this.#sinceMs = undefined;
    };
    return {
      receive: (message) => {
        this.#sinceMs = clock.monotonicMs();
        let handling: void | Promise<void>;
        try {
          handling = behaviour.receive(message);
        } catch (error) {
          done();
          throw error;
        }
        if (handling instanceof Promise) return handling.finally(done);
        done();
        return undefined;
      },
      stopped: (reason) => behaviour.stopped?.(reason),
    };
  }
}
