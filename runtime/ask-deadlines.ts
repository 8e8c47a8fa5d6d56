// The timeouts of all requests of a system. Requests with equal timeouts run out in the order in which they were
// made, so that one timer for each length of timeout serves any number of them and a request costs two links.
import type { Clock } from './ports.ts';

/** A request with a deadline, as a link of the list of those with its timeout. */
export abstract class WithDeadline {
  deadlineMs = 0;
  lane: Lane | undefined;
  former: WithDeadline | undefined;
  later: WithDeadline | undefined;

  /** Its time is over. */
  abstract expire(): void;
}

/** Requests with one length of timeout, the one that runs out first at the head. */
class Lane {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #ranEmpty: () => void;
  #head: WithDeadline | undefined;
  #tail: WithDeadline | undefined;
  #cancelTimer: (() => void) | undefined;

  /** @param ranEmpty no request was left when the timer ran out: nobody keeps this lane */
  constructor(clock: Clock, timeoutMs: number, ranEmpty: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#ranEmpty = ranEmpty;
  }

  add(request: WithDeadline): void {
    request.lane = this;
    request.deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs;
    request.former = this.#tail;
    if (this.#tail === undefined) this.#head = request;
    else this.#tail.later = request;
    this.#tail = request;
    this.#cancelTimer ??= this.#clock.schedule(this.#timeoutMs, () => this.#sweep());
  }

  remove(request: WithDeadline): void {
    const { former, later } = request;
    request.lane = undefined;
    if (former === undefined) this.#head = later;
    else former.later = later;
    if (later === undefined) this.#tail = former;
    else later.former = former;
    request.former = undefined;
    request.later = undefined;
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** The timer is of some former request: those that are over go, and it is set for the first one left. */
  #sweep(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#head; first !== undefined && first.deadlineMs <= nowMs; first = this.#head) {
      this.remove(first);
      first.expire();
    }
    if (this.#head === undefined) {
      this.#ranEmpty();
      return;
    }
    this.#cancelTimer ??= this.#clock.schedule(this.#head.deadlineMs - nowMs, () => this.#sweep());
  }
}

/** The deadlines of one system's requests. */
export class AskDeadlines {
  readonly #clock: Clock;
  readonly #lanes = new Map<number, Lane>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Expires the request `timeoutMs` from now unless it is removed before. */
  add(request: WithDeadline, timeoutMs: number): void {
    let lane = this.#lanes.get(timeoutMs);
    if (lane === undefined) {
      lane = new Lane(this.#clock, timeoutMs, () => this.#lanes.delete(timeoutMs));
      this.#lanes.set(timeoutMs, lane);
    }
    lane.add(request);
  }

  /** The request needs its deadline no more; nothing happens when it has expired. */
  remove(request: WithDeadline): void {
    request.lane?.remove(request);
  }

  /** Cancels all timers: no request is under way any more. */
  close(): void {
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
  }
}
