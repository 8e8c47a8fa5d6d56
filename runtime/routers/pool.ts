// A pool that is told and asked like one actor. Which member gets a message is the route's choice; what happens
// when members are full or have ended is the same for all routes and decided here.
import type { ActorRef, Reply, TellOutcome } from '../actor.ts';
import { MailboxFull } from '../actor-errors.ts';
import type { Member, Members } from './members.ts';

/**
 * A pool that is told and asked like one actor. Its members should keep the overflow rule `backpressure`: a member
 * that is full is passed over, and under another rule that would cost a message.
 */
export interface Pool<M> {
  /** Messages waiting in all mailboxes together. */
  readonly depth: number;
  /**
   * Tells the member that the route chooses. `busy`: none that may have the message has room; the sender keeps it
   * and can wait for `room`. `dead`: all members have ended; the message is a dead letter.
   */
  tell(message: M): TellOutcome;
  /**
   * Asks the member that the route chooses; when none has room it waits. Waiting does not count against
   * `timeoutMs`; the signal ends it.
   * @throws what `ActorRef.ask` throws but MailboxFull; PoolFull when too many wait already
   */
  ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R>;
  /**
   * Resolves when one of the members that may have the next message has room (at once if it has). Room is not
   * reserved.
   * @throws PoolFull when too many wait already; ActorEnded when all members have ended; the signal's reason
   */
  room(signal?: AbortSignal): Promise<void>;
}

/** Chooses members for one message. */
export interface Route<M> {
  /** Those of `live` (at least one) that may have the next message, best first. */
  order(live: readonly Member<M>[]): readonly Member<M>[];
  /** The member got a message. */
  taken?(member: Member<M>): void;
}

/** A pool over members, by a route. */
export class RoutedPool<M> implements Pool<M> {
  readonly #members: Members<M>;
  readonly #route: Route<M>;

  constructor(members: Members<M>, route: Route<M>) {
    this.#members = members;
    this.#route = route;
  }

  get depth(): number {
    return this.#members.depth;
  }

  tell(message: M): TellOutcome {
    for (const member of this.#candidates()) {
      const outcome = member.ref.tell(message);
      if (outcome === 'busy') continue;
      this.#route.taken?.(member);
      return outcome;
    }
    return 'busy';
  }

  async ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    for (;;) {
      for (const member of this.#candidates()) {
        const asked = await this.#tryAsk(member, build, options);
        if (asked.taken) return asked.value;
      }
      await this.room(options.signal);
    }
  }

  async room(signal?: AbortSignal): Promise<void> {
    await this.#members.room(this.#candidates(), signal);
  }

  /** Where all have ended, the first of them says so as an actor does. */
  #candidates(): readonly Member<M>[] {
    const { all } = this.#members;
    const live = all.filter(({ ref }) => !ref.ended);
    return live.length === 0 ? all.slice(0, 1) : this.#route.order(live);
  }

  async #tryAsk<R>(
    member: Member<M>,
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly taken: true; readonly value: R } | { readonly taken: false }> {
    member.underWay += 1;
    try {
      const answer = member.ref.ask(build, options);
      this.#route.taken?.(member);
      return { taken: true, value: await answer };
    } catch (error) {
      if (error instanceof MailboxFull && error.path === member.ref.path) return { taken: false };
      throw error;
    } finally {
      member.underWay -= 1;
    }
  }
}

/** The members from `first` on, then those before it. */
export function inTurn<T>(items: readonly T[], first: number): readonly T[] {
  return first === 0 ? items : [...items.slice(first), ...items.slice(0, first)];
}

/** What a route may know of a member's load: the larger of what waits there and what routers have under way. */
export function loadOf<M>({
  ref,
  underWay,
}: {
  readonly ref: ActorRef<M>;
  readonly underWay: number;
}): number {
  return Math.max(ref.depth, underWay);
}
