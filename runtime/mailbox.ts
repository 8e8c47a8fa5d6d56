// The queue before an actor: bounded, first in first out, so that messages of one sender keep their order. It
// belongs to the actor's place in the tree, not to an incarnation, and so survives restarts.
import type { MailboxOptions } from './actor.ts';

/** Mailbox of an actor whose spec names none. */
export const defaultMailbox: MailboxOptions = { capacity: 1_000, overflow: 'reject' };

/** What became of an offered entry; `dropped` is the oldest, which made room for it. */
export type Offer<T> =
  | { readonly outcome: 'queued'; readonly dropped?: T }
  | { readonly outcome: 'busy' }
  | { readonly outcome: 'closed' };

interface Waiter {
  readonly admit: () => void;
  readonly refuse: () => void;
}

/** A bounded queue which opens and closes, and on whose room senders can wait. */
export class Mailbox<T> {
  readonly #options: MailboxOptions;
  /** Entries before `#head` have been taken; cut off when they are the greater part. */
  #entries: (T | undefined)[] = [];
  #head = 0;
  #open = true;
  readonly #waiters = new Set<Waiter>();

  /** @throws RangeError when the capacity is not an integer of at least 1. */
  constructor(options: MailboxOptions) {
    if (!Number.isInteger(options.capacity) || options.capacity < 1) {
      throw new RangeError(
        `the capacity of a mailbox must be an integer of at least 1, but was ${options.capacity}`,
      );
    }
    this.#options = options;
  }

  /** Entries waiting. */
  get depth(): number {
    return this.#entries.length - this.#head;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Queues an entry at the end, by the overflow rule when there is no room. */
  offer(entry: T): Offer<T> {
    if (!this.#open) return { outcome: 'closed' };
    if (this.depth < this.#options.capacity) {
      this.#entries.push(entry);
      return { outcome: 'queued' };
    }
    if (this.#options.overflow === 'reject') return { outcome: 'busy' };
    const dropped = this.take();
    this.#entries.push(entry);
    return dropped === undefined ? { outcome: 'queued' } : { outcome: 'queued', dropped };
  }

  /**
   * Queues an entry whether there is room or not: for what the actor owes to itself (its timers), which is
   * bounded by the actor and would be lost if refused. Nothing happens when the mailbox is closed.
   */
  force(entry: T): void {
    if (this.#open) this.#entries.push(entry);
  }

  /** Takes the oldest entry. */
  take(): T | undefined {
    if (this.#head === this.#entries.length) return undefined;
    const entry = this.#entries[this.#head];
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1_024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    if (this.#waiters.size > 0) this.#wake();
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
    if (this.#options.overflow === 'drop-oldest' || this.depth < this.#options.capacity) {
      return Promise.resolve(true);
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiters.delete(waiter);
        reject(signal?.reason);
      };
      const settle = (room: boolean) => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
        resolve(room);
      };
      const waiter: Waiter = { admit: () => settle(true), refuse: () => settle(false) };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.add(waiter);
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
    for (const waiter of [...this.#waiters]) waiter.refuse();
    const left: T[] = [];
    for (let entry = this.take(); entry !== undefined; entry = this.take()) left.push(entry);
    return left;
  }

  /**
   * One waiter for each place that came free, longest waiting first. An empty mailbox wakes all: nothing may
   * ever be taken from it again, if those who were woken send nothing.
   */
  #wake(): void {
    if (this.depth >= this.#options.capacity) return;
    const waiters = [...this.#waiters];
    for (const waiter of this.depth === 0 ? waiters : waiters.slice(0, 1)) waiter.admit();
  }
}
