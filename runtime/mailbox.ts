// The queue before an actor: bounded, first in first out, so that messages of one sender keep their order. It
// belongs to the actor's place in the tree, not to an incarnation, and so survives restarts.
import type { MailboxOptions } from './actor.ts';

/** Mailbox of an actor whose spec names none. */
export const defaultMailbox: MailboxOptions = { capacity: 1_000, overflow: 'backpressure' };

/** What became of an offered entry. */
export type Offer = 'queued' | 'busy' | 'closed';

interface Waiter {
  readonly admit: () => void;
  readonly refuse: () => void;
}

/** Slots of a ring that holds its first entry. */
const smallestRing = 8;
/** A ring that has run empty is let go when it has more slots than this: a burst leaves no memory behind. */
const largestIdleRing = 64;

/** A bounded queue which opens and closes, and on whose room senders can wait. */
export class Mailbox<T> {
  readonly #options: MailboxOptions;
  readonly #dropped: ((entry: T) => void) | undefined;
  /** A ring whose length is a power of two; none until the first entry, as most actors are idle. */
  #ring: (T | undefined)[] | undefined;
  #head = 0;
  #depth = 0;
  #open = true;
  #waiters: Set<Waiter> | undefined;

  /**
   * @param dropped told of each entry that `drop-oldest` removed to make room
   * @throws RangeError when the capacity is not an integer of at least 1.
   */
  constructor(options: MailboxOptions, dropped?: (entry: T) => void) {
    if (!Number.isInteger(options.capacity) || options.capacity < 1) {
      throw new RangeError(
        `the capacity of a mailbox must be an integer of at least 1, but was ${options.capacity}`,
      );
    }
    this.#options = options;
    this.#dropped = dropped;
  }

  /** Entries waiting. */
  get depth(): number {
    return this.#depth;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Queues an entry at the end, by the overflow rule when there is no room. */
  offer(entry: T): Offer {
    if (!this.#open) return 'closed';
    if (this.#depth < this.#options.capacity) {
      this.#push(entry);
      return 'queued';
    }
    if (this.#options.overflow !== 'drop-oldest') return 'busy';
    const oldest = this.take() as T;
    this.#push(entry);
    this.#dropped?.(oldest);
    return 'queued';
  }

  /**
   * Queues an entry whether there is room or not: for what the actor owes to itself (its timers, what it
   * watches), which is bounded by the actor and would be lost if refused. Nothing happens when the mailbox is
   * closed.
   */
  force(entry: T): void {
    if (this.#open) this.#push(entry);
  }

  /** Puts entries that were taken before back at the front, in their order, whether there is room or not. */
  putBack(entries: readonly T[]): void {
    for (const entry of entries.toReversed()) {
      const ring = this.#withRoom();
      this.#head = (this.#head - 1) & (ring.length - 1);
      ring[this.#head] = entry;
      this.#depth += 1;
    }
  }

  /** Takes the oldest entry; undefined when none waits. */
  take(): T | undefined {
    const ring = this.#ring;
    if (this.#depth === 0 || ring === undefined) return undefined;
    const entry = ring[this.#head];
    ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (ring.length - 1);
    this.#depth -= 1;
    if (this.#depth === 0 && ring.length > largestIdleRing) {
      this.#ring = undefined;
      this.#head = 0;
    }
    if (this.#waiters !== undefined) this.#wake(this.#waiters);
    return entry;
  }

  /**
   * Resolves to true once there is room, to false once the mailbox is closed. Room is not reserved: another
   * sender may be faster. With `drop-oldest` there is always room.
   * @throws the signal's reason when it aborts first.
   */
  room(signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.#open) return Promise.resolve(false);
    if (this.#options.overflow === 'drop-oldest' || this.#depth < this.#options.capacity) {
      return Promise.resolve(true);
    }
    this.#waiters ??= new Set();
    const waiters = this.#waiters;
    return new Promise((resolve, reject) => {
      const abort = () => {
        waiters.delete(waiter);
        reject(signal?.reason);
      };
      const settle = (room: boolean) => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
        resolve(room);
      };
      const waiter: Waiter = { admit: () => settle(true), refuse: () => settle(false) };
      signal?.addEventListener('abort', abort, { once: true });
      waiters.add(waiter);
    });
  }

  /** Accepts entries again. */
  open(): void {
    this.#open = true;
  }

  /** Refuses further entries and returns those that waited, oldest first. */
  close(): readonly T[] {
    this.#open = false;
    // First those who wait: the places that come free now are for nobody.
    for (const waiter of [...(this.#waiters ?? [])]) waiter.refuse();
    const left: T[] = [];
    while (this.#depth > 0) left.push(this.take() as T);
    return left;
  }

  #push(entry: T): void {
    const ring = this.#withRoom();
    ring[(this.#head + this.#depth) & (ring.length - 1)] = entry;
    this.#depth += 1;
  }

  /** The ring with at least one free slot. */
  #withRoom(): (T | undefined)[] {
    const ring = this.#ring;
    if (ring === undefined) {
      this.#ring = new Array<T | undefined>(smallestRing).fill(undefined);
      return this.#ring;
    }
    if (this.#depth < ring.length) return ring;
    const grown = new Array<T | undefined>(ring.length * 2).fill(undefined);
    for (let at = 0; at < this.#depth; at += 1) grown[at] = ring[(this.#head + at) & (ring.length - 1)];
    this.#ring = grown;
    this.#head = 0;
    return grown;
  }

  /**
   * One waiter for each place that came free, longest waiting first. An empty mailbox wakes all: nothing may
   * ever be taken from it again, if those who were woken send nothing.
   */
  #wake(waiting: Set<Waiter>): void {
    if (this.#depth >= this.#options.capacity) return;
    for (const waiter of waiting) {
      waiter.admit();
      if (this.#depth > 0) return;
    }
  }
}
