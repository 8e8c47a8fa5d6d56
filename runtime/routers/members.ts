// The actors that routers choose from. Several routers may share them (one in each actor that asks a pool), so that
// each knows of the others' load, and they may change while messages flow.
import type { ActorRef } from '../actor.ts';
import { PoolFull } from './pool-errors.ts';

/** One actor of a pool. */
export interface Member<M> {
  readonly ref: ActorRef<M>;
  /** Requests under way through routers: unlike the mailbox's depth it counts the one in hand, too. */
  underWay: number;
}

/** Senders that may wait for room at once, where nothing else is said. */
const defaultMaxWaiting = 1_000;

/** The present members of a pool. */
export class Members<M> {
  readonly #maxWaiting: number;
  #members: readonly Member<M>[];
  #waiting = 0;
  readonly #changeListeners = new Set<() => void>();

  /**
   * @param refs they may be none, for members that come later
   * @param options `maxWaiting`: senders that may wait for room at once; default 1,000
   */
  constructor(refs: readonly ActorRef<M>[], options: { readonly maxWaiting?: number } = {}) {
    this.#members = refs.map((ref) => ({ ref, underWay: 0 }));
    this.#maxWaiting = options.maxWaiting ?? defaultMaxWaiting;
  }

  /** All of them, in the order in which they came. */
  get all(): readonly Member<M>[] {
    return this.#members;
  }

  /** Senders that wait for room. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Messages in the mailboxes of all together. */
  get depth(): number {
    return this.#members.reduce((sum, { ref }) => sum + ref.depth, 0);
  }

  /** Takes an actor up; those who wait for room try it. */
  add(ref: ActorRef<M>): Member<M> {
    const member = { ref, underWay: 0 };
    this.takeBack(member);
    return member;
  }

  /** Takes a member up again that was removed. */
  takeBack(member: Member<M>): void {
    this.#members = [...this.#members, member];
    this.#tellOfChange();
  }

  /** From now on the member gets nothing more; what it has is its own to finish. */
  remove(member: Member<M>): void {
    this.#members = this.#members.filter((other) => other !== member);
    this.#tellOfChange();
  }

  /**
   * Waits until one of `candidates` has room, or until the members change.
   * @throws PoolFull when too many wait already; ActorEnded when all candidates have ended; the signal's reason
   */
  async room(candidates: readonly Member<M>[], signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting >= this.#maxWaiting) throw new PoolFull(this.#maxWaiting);
    this.#waiting += 1;
    const change = Promise.withResolvers<void>();
    this.#changeListeners.add(change.resolve);
    const settled = new AbortController();
    const either = signal === undefined ? settled.signal : AbortSignal.any([signal, settled.signal]);
    const abort = () => change.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const rooms = candidates.map(({ ref }) => ref.room(either));
      await (rooms.length === 0 ? change.promise : Promise.race([change.promise, Promise.any(rooms)]));
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      this.#waiting -= 1;
      this.#changeListeners.delete(change.resolve);
      signal?.removeEventListener('abort', abort);
      settled.abort();
    }
  }

  #tellOfChange(): void {
    for (const changed of [...this.#changeListeners]) changed();
  }
}

/** Either the members themselves or, for those that stay the same, their references. */
export type MembersOrRefs<M> = Members<M> | readonly ActorRef<M>[];

/** @throws RangeError for no references: members that never come would be waited for without end */
export function membersOf<M>(given: MembersOrRefs<M>): Members<M> {
  if (given instanceof Members) return given;
  if (given.length === 0) throw new RangeError('expected a pool of at least one actor, but it was empty');
  return new Members(given);
}
