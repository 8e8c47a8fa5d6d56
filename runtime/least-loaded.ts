// Spreads requests over a fixed pool of equal actors, such as the worker threads that decode images: each goes
// to the one with the least to do.
import type { ActorRef, Reply } from './actor.ts';
import { MailboxFull } from './actor-errors.ts';

/** A pool that is asked like one actor. */
export interface Pool<M> {
  /** Messages waiting in all mailboxes together. */
  readonly depth: number;
  /**
   * Asks the member with the least to do; when all are full it waits for room. Waiting does not count against
   * `timeoutMs`; the signal ends it.
   * @throws what `ActorRef.ask` throws but MailboxFull
   */
  ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R>;
}

interface Member<M> {
  readonly ref: ActorRef<M>;
  /** Requests under way through this pool: unlike the mailbox's depth it counts the one in hand, too. */
  underWay: number;
}

/**
 * A pool over these actors. The load of each is the larger of its mailbox's depth and of what this pool has
 * under way there; among equals they take turns.
 * @throws RangeError when there are none
 */
export function leastLoaded<M>(refs: readonly ActorRef<M>[]): Pool<M> {
  if (refs.length === 0) throw new RangeError('expected a pool of at least one actor, but it was empty');
  return new LeastLoadedPool(refs);
}

class LeastLoadedPool<M> implements Pool<M> {
  readonly #members: readonly Member<M>[];
  #turn = 0;

  constructor(refs: readonly ActorRef<M>[]) {
    this.#members = refs.map((ref) => ({ ref, underWay: 0 }));
  }

  get depth(): number {
    return this.#members.reduce((sum, { ref }) => sum + ref.depth, 0);
  }

  async ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    for (;;) {
      for (const member of this.#byLoad()) {
        const asked = await this.#tryAsk(member, build, options);
        if (asked.taken) return asked.value;
      }
      await this.#roomAnywhere(options.signal);
    }
  }

  async #tryAsk<R>(
    member: Member<M>,
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly taken: true; readonly value: R } | { readonly taken: false }> {
    member.underWay += 1;
    try {
      return { taken: true, value: await member.ref.ask(build, options) };
    } catch (error) {
      if (error instanceof MailboxFull && error.path === member.ref.path) return { taken: false };
      throw error;
    } finally {
      member.underWay -= 1;
    }
  }

  #byLoad(): readonly Member<M>[] {
    const first = this.#turn;
    this.#turn = (first + 1) % this.#members.length;
    const turns = [...this.#members.slice(first), ...this.#members.slice(0, first)];
    const load = ({ ref, underWay }: Member<M>) => Math.max(ref.depth, underWay);
    return turns.sort((one, other) => load(one) - load(other));
  }

  async #roomAnywhere(signal: AbortSignal | undefined): Promise<void> {
    const others = new AbortController();
    const either = signal === undefined ? others.signal : AbortSignal.any([signal, others.signal]);
    try {
      await Promise.any(this.#members.map(({ ref }) => ref.room(either)));
    } catch (error) {
      signal?.throwIfAborted();
      // All members have ended: say so as any one of them does.
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      others.abort();
    }
  }
}
