// Gives actors with waiting messages their turn on this thread. Telling never runs the receiver on the
// sender's stack, and after a budget of messages the event loop gets a turn, so that acks, lease renewals and
// timers are not starved by busy actors.

/** Something that has messages to handle. */
export interface Runnable {
  /** Handles up to `limit` messages; answers how many it handled. It asks for another turn by itself. */
  run(limit: number): number;
}

/** Gives runnables their turn; each is scheduled once and asks again by itself. */
export interface Scheduler {
  schedule(runnable: Runnable): void;
}

/** Messages that one actor handles before the next one has its turn. */
const turnMessages = 64;

/** Messages that are handled before the event loop has its turn. */
const budgetMessages = 1_024;

/** A queue of actors that are ready to run. */
export class Dispatcher implements Scheduler {
  #ready: Runnable[] = [];
  #budget = budgetMessages;
  #drainPending = false;

  /** Queues a turn. The caller sees to it that a runnable is queued once only. */
  schedule(runnable: Runnable): void {
    this.#ready.push(runnable);
    this.#requestDrain();
  }

  #requestDrain(): void {
    if (this.#drainPending) return;
    this.#drainPending = true;
    if (this.#budget > 0) queueMicrotask(() => this.#drain());
    else setImmediate(() => this.#refill());
  }

  #refill(): void {
    this.#budget = budgetMessages;
    this.#drain();
  }

  #drain(): void {
    this.#drainPending = false;
    while (this.#ready.length > 0 && this.#budget > 0) {
      const turn = this.#ready;
      this.#ready = [];
      let next = 0;
      for (; next < turn.length && this.#budget > 0; next += 1) {
        this.#budget -= Math.max(1, turn[next]?.run(turnMessages) ?? 0);
      }
      // Those who had no turn yet stay ahead of those who asked for another one.
      if (next < turn.length) this.#ready = [...turn.slice(next), ...this.#ready];
    }
    if (this.#ready.length > 0) this.#requestDrain();
  }
}
